"""What a set of rules would leave of a scored dataset: the checks and the counting before a cut; writes nothing."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ..builders.registry import task_names
from ..filters.rule_set import Missing, RuleSet
from ..filters.rules import Rule, unknown_tasks
from ..filters.scorer import Column
from ..filters.sidecar import Sidecar
from ..filters.survival import ScoredRows, Survival, survive
from ..manifests.errors import DatasetFolderError, UsageError
from ..manifests.folder import DatasetFolder, split_of
from .scored_rows import read_scores

_MADE_BY: Final = (
    (re.compile(r".*aesthetics.*"), "aesthetics"),
    (re.compile(r".*giqa.*"), "giqa"),
    (re.compile(r"(image|text|source_text|direction)_similarity"), "clip_similarity"),
    (re.compile(r"nss_.*"), "nss_distance"),
    (re.compile(r".*embedding.*"), "embedding_duplicates"),
    (re.compile(r"duplicate_.*|leak|.*twins"), "duplicates"),
    (re.compile(r"ssim|.*(sharpness|entropy|changed|difference|pixels|side|aspect).*"), "pixels"),
)
"""Which scorer makes a score, by its name, for the message that it is not there."""


@dataclass(frozen=True)
class SurveyOptions:
    """How to judge.

    Attributes:
        missing: what becomes of rows whose score does not exist; None: as the rules say, else keep.
        missing_scores: what becomes of a rule for whose score the dataset has no column.
        force: cut by scores that their scorer cautions against.
    """

    missing: Missing | None = None
    missing_scores: Literal["error", "skip"] = "error"
    force: bool = False


@dataclass(frozen=True)
class Survey:
    """What rules leave of a dataset.

    Attributes:
        parent: the dataset.
        manifest, manifest_sha256: of the parent.
        columns: every score that the dataset has, in order.
        scorers: what made the scores: name -> identity.
        rows: with the scores that were asked for.
        survival: what is left.
        missing: what became of rows whose score does not exist.
        forced: rule -> the caution that was overridden.
        skipped: rules left out because the dataset has no such score.
        notes: sentences that people should read.
    """

    parent: DatasetFolder
    manifest: dict[str, Any]
    manifest_sha256: str
    columns: dict[str, Column]
    scorers: dict[str, Any]
    rows: ScoredRows
    survival: Survival
    missing: Missing
    forced: dict[str, str]
    skipped: list[str]
    notes: list[str]

    @property
    def splits(self) -> dict[str, dict[str, int]]:
        """Split -> rows before ("rows") and after ("kept")."""
        found = {split: {"rows": 0, "kept": 0} for split in self.manifest["splits"]}
        kept = self.survival.kept
        for position, shard in enumerate(self.rows.shards):
            part = slice(self.rows.starts[position], self.rows.starts[position + 1])
            counts = found.setdefault(split_of(shard), {"rows": 0, "kept": 0})
            counts["rows"] += len(kept[part])
            counts["kept"] += int(kept[part].sum())
        return found

    def as_json(self) -> dict[str, Any]:
        """The survival table for machines."""
        return {
            "rows": len(self.rows),
            "kept": int(self.survival.kept.sum()),
            "splits": self.splits,
            "missing": self.missing,
            "table": [cell.as_json(self.survival.rules[cell.rule]) for cell in self.survival.cells],
            "forced": self.forced,
            "skipped": self.skipped,
            "notes": self.notes,
        }


def survey(root: Path, rules: RuleSet, options: SurveyOptions, *, every_score: bool = False) -> Survey:
    """Judge every row of a dataset by its scores; no picture is read.

    Args:
        root: a dataset folder that `taskpaint score` has scored.
        rules: what rows must do to stay.
        options: how to judge.
        every_score: read all scores, for a report, and not only those that the rules ask for.

    Raises:
        UsageError: a rule that does not fit the dataset, or scores that should not be cut by.
        DatasetFolderError: no finished dataset, or scores that are not of this dataset as it is.
    """
    if not rules.rules:
        raise UsageError("no rules were given; name some with --keep, --rules or --preset")
    parent = DatasetFolder(root)
    manifest, digest = _manifest(parent)
    _known_tasks(rules.rules, {*task_names(), *_tasks_of(manifest)})
    sidecar = Sidecar(root)
    columns = {column.name: column for column in sidecar.columns()}
    wanted, skipped = _with_scores(rules.rules, columns, root, options)
    forced = _cautioned(wanted, sidecar.cautions(), options)
    names = list(columns) if every_score else [name for name in columns if any(r.column == name for r in wanted)]
    rows = read_scores(parent, manifest, sidecar, names)
    missing = options.missing or rules.missing or "keep"
    about = {column.name: column.about for column in columns.values()}
    survival = survive(rows, wanted, about, missing, rules.pictures)
    notes = _notes(survival, skipped, forced)
    return Survey(parent, manifest, digest, columns, sidecar.scorers(), rows, survival, missing, forced, skipped, notes)


def _manifest(parent: DatasetFolder) -> tuple[dict[str, Any], str]:
    """The manifest, whose shards must be those on disk, and its sha256."""
    manifest = parent.manifest()
    listed = {shard["name"]: shard["bytes"] for shard in manifest.get("shards", [])}
    present = {file.stem: file.stat().st_size for file in parent.shards()}
    for name in sorted(listed.keys() | present.keys()):
        if listed.get(name) != present.get(name):
            raise DatasetFolderError(
                f"{parent.shard_file(name)} is not the shard that manifest.json lists; "
                f"taskpaint verify {parent.root} tells more"
            )
    return manifest, hashlib.sha256(parent.manifest_file.read_bytes()).hexdigest()


def _tasks_of(manifest: Mapping[str, Any]) -> set[str]:
    """Tasks that the recipe names, for those whose plug-in is not installed here."""
    recipe = manifest.get("recipe", {})
    entries = [*recipe.get("tasks", []), *(e for source in recipe.get("sources", []) for e in source["tasks"] or [])]
    return {entry["task"] for entry in entries}


def _known_tasks(rules: Iterable[Rule], known: set[str]) -> None:
    for rule, task in unknown_tasks(rules, known):
        raise UsageError(f"rule {str(rule)!r} names task {task!r}, which does not exist; {_meant(task, known)}")


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(known))}"


def _with_scores(
    rules: Sequence[Rule], columns: Mapping[str, Column], root: Path, options: SurveyOptions
) -> tuple[list[Rule], list[str]]:
    """The rules whose score is there, and the others."""
    absent = [rule for rule in rules if rule.column not in columns]
    for rule in absent:
        if not rule.optional and options.missing_scores == "error":
            raise UsageError(_no_score(rule, columns, root))
    skipped = [str(rule) for rule in absent]
    found = [rule for rule in rules if rule.column in columns]
    if not found:
        raise UsageError(f"{root} has none of the scores that the rules ask for: {'; '.join(skipped)}")
    return found, skipped


def _no_score(rule: Rule, columns: Mapping[str, Column], root: Path) -> str:
    place = f"{rule.origin}: " if rule.origin else ""
    scorer = next((name for pattern, name in _MADE_BY if pattern.fullmatch(rule.column)), "")
    close = difflib.get_close_matches(rule.column, columns, n=1, cutoff=0.9 if scorer else 0.6)
    if close:
        return f"{place}rule {str(rule)!r}: {root} has no score {rule.column!r}; did you mean {close[0]!r}?"
    remedy = f"taskpaint score {root} --scores {scorer} makes it" if scorer else "no scorer of taskpaint makes it"
    return (
        f"{place}rule {str(rule)!r}: {root} has no score {rule.column!r} (it has {', '.join(columns)}); "
        f"{remedy}, --missing-scores skip leaves the rule out"
    )


def _cautioned(rules: Sequence[Rule], cautions: Mapping[str, str], options: SurveyOptions) -> dict[str, str]:
    found = {str(rule): cautions[rule.column] for rule in rules if cautions.get(rule.column)}
    if found and not options.force:
        rule, caution = next(iter(found.items()))
        raise UsageError(f"rule {rule!r} would cut by a score that means little: {caution}; --force cuts all the same")
    return found


def _notes(survival: Survival, skipped: Sequence[str], forced: Mapping[str, str]) -> list[str]:
    notes = [f"rule {rule!r} was left out: the dataset has no such score" for rule in skipped]
    notes += [f"rule {rule!r} was forced although: {caution}" for rule, caution in forced.items()]
    for position, rule in enumerate(survival.rules):
        cells = [cell for cell in survival.cells if cell.rule == position]
        if not cells:
            notes.append(f"rule {str(rule)!r} applies to no row of this dataset")
        for cell in cells:
            if cell.missing:
                notes.append(f"{cell.missing:,} of {cell.rows:,} {cell.task} rows have no {rule.column}")
    last = {cell.task: cell for cell in survival.cells}
    notes += [f"not one of the {cell.rows:,} {cell.task} rows is left" for cell in last.values() if not cell.left]
    return list(dict.fromkeys(notes))
