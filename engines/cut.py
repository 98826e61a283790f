"""Cut a dataset by rules on its scores, into a new folder; no score is made again and no picture encoded again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..filters.report import write_report
from ..filters.rule_set import RuleSet
from ..filters.sidecar import Sidecar
from ..manifests.errors import OutputError, UsageError
from ..manifests.folder import DatasetFolder, overlap
from ..writers.shards import output_errors
from .cut_finish import finish_cut
from .cut_job import CutJob
from .cut_plan import CutShard, plan_cut
from .pieces import row_group_rows
from .remaining import write_remaining
from .survey import Survey, SurveyOptions, survey

__all__ = ["CutOptions", "CutReport", "SurveyOptions", "cut", "survey_with_report"]

REPORT = "filter-report.html"


@dataclass(frozen=True)
class CutOptions:
    """How to cut.

    Attributes:
        judge: how rows are judged.
        rows_per_shard: at most so many; None: as the largest shard of the parent.
        workers: processes; 0 for one a processor. The bytes do not depend on it.
        overwrite: start anew in a folder of another cut.
        report: the report's file; None: filter-report.html in the new folder.
        pictures: examples on each side of a rule's edge in the report.
    """

    judge: SurveyOptions = field(default_factory=SurveyOptions)
    rows_per_shard: int | None = None
    workers: int = 0
    overwrite: bool = False
    report: Path | None = None
    pictures: int = 12


@dataclass(frozen=True)
class CutReport:
    """What a cut came to.

    Attributes:
        splits: split -> rows before ("rows") and after ("kept").
        survey: the survival table, as `Survey.as_json`.
        resumed_shards: cut by an earlier run.
        report: the HTML report.
    """

    root: Path
    splits: dict[str, dict[str, int]]
    shards: int
    bytes: int
    survey: dict[str, Any]
    resumed_shards: int
    report: Path
    seconds: float


def survey_with_report(root: Path, rules: RuleSet, options: CutOptions) -> Survey:
    """What the rules would leave; with the report when `options.report` names a file. Writes nothing else.

    Raises:
        UsageError: a rule that does not fit the dataset, or scores that should not be cut by.
        DatasetFolderError: no finished dataset, or scores that are not of this dataset as it is.
        OutputError: the report cannot be written.
    """
    found = survey(root, rules, options.judge, every_score=options.report is not None)
    if options.report is not None:
        _report(found, options.report, options.pictures)
    return found


def cut(
    root: Path,
    out: Path,
    rules: RuleSet,
    options: CutOptions,
    on_shard: Callable[[int, int], None] | None = None,
) -> CutReport:
    """Write the rows that survive to a new dataset folder, or go on where an earlier run stopped.

    Args:
        root: a dataset folder that `taskpaint score` has scored.
        out: the folder to write; new, or of the same cut.
        rules: what rows must do to stay.
        options: how to cut.
        on_shard: told the rows that are done, of how many, after each shard.

    Raises:
        UsageError: before any work, when something given does not hold.
        DatasetFolderError: no finished dataset, or scores that are not of this dataset as it is.
        BuildError: the folder cannot be used or written, or not one row survives.
    """
    started = time.monotonic()
    _apart(root, out)
    found = survey(root, rules, options.judge, every_score=True)
    kept = found.survival.kept
    if not kept.any():
        raise OutputError(
            f"the rules drop all {len(kept):,} rows of {root}; nothing was written, --dry-run shows which rule drops "
            "what"
        )
    size = options.rows_per_shard or _rows_per_shard(found.manifest)
    plan = plan_cut(found.rows, kept, size)
    folder = DatasetFolder(out)
    report = options.report or out / REPORT
    with output_errors(out), folder.lock():
        folder.begin(_identity(found, size), overwrite=options.overwrite)
        resumed = _run(found, plan, folder, options, on_shard)
        manifest = finish_cut(found, folder, plan, size)
    _report(found, report, options.pictures)
    return CutReport(
        out,
        found.splits,
        len(plan),
        sum(shard["bytes"] for shard in manifest["shards"]),
        found.as_json(),
        resumed,
        report,
        time.monotonic() - started,
    )


def _run(
    found: Survey,
    plan: list[CutShard],
    folder: DatasetFolder,
    options: CutOptions,
    on_shard: Callable[[int, int], None] | None,
) -> int:
    """Cut the shards that are not there; returns how many were."""
    scores = Sidecar(folder.root)
    finished = {name for name in folder.ledger() if scores.file(name).exists()}
    job = CutJob(found.parent.root, folder.root, row_group_rows(found.manifest))
    return write_remaining(job, plan, finished, folder, options.workers, on_shard)


def _identity(found: Survey, rows_per_shard: int) -> dict[str, Any]:
    """Everything that decides the bytes; where the folders lie does not."""
    return {
        "rules": [str(rule) for rule in found.survival.rules],
        "missing": found.missing,
        "forced": found.forced,
        "rows_per_shard": rows_per_shard,
        "parent": {shard["name"]: shard["sha256"] for shard in found.manifest["shards"]},
        "scorers": found.scorers,
        "decisions": hashlib.sha256(found.survival.dropped_by.tobytes()).hexdigest(),
        "versions": {name: importlib.metadata.version(name) for name in ("taskpaint", "pyarrow")},
    }


def _rows_per_shard(manifest: dict[str, Any]) -> int:
    """As the parent was cut, else its largest shard: shards must not shrink from cut to cut."""
    cuts = manifest.get("cuts") or [{}]
    return cuts[-1].get("rows_per_shard") or max(1, *(shard["rows"] for shard in manifest["shards"]))


def _apart(root: Path, out: Path) -> None:
    if overlap(root, out):
        raise UsageError(f"{out} and {root} lie in each other; choose an output folder beside the dataset")


def _report(found: Survey, file: Path, pictures: int) -> None:
    write_report(
        file,
        name=str(found.manifest.get("name", found.parent.root.name)),
        folder=found.parent,
        columns=found.columns,
        rows=found.rows,
        survival=found.survival,
        notes=found.notes,
        pictures=pictures,
    )
