"""What was chosen as a dataset folder, and as pairs of a better and a worse edit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...alignment.choices import Choices
from ...alignment.journal import read_events
from ...alignment.report import report
from ...alignment.run import Run, RunFolder
from ...alignment.scores import read_scores
from ...alignment.selection import Selected, Thresholds, preferences, select
from ...manifests.errors import UsageError
from ...manifests.folder import DatasetFolder
from ...writers.shards import output_errors
from .auto import AutoRule, select_by_rule
from .dataset import Row, Written, write_dataset
from .preferences import write_preferences


@dataclass(frozen=True)
class ExportOptions:
    """What to export.

    Attributes:
        thresholds: what an edit must reach.
        auto: choose by scores, in place of people.
        preferences: form of the pairs; "none" without.
        margin: least difference of two edits' shares of votes that makes a pair.
        pairs: most pairs of an item.
        name: of the dataset; empty for the run's.
        shard_rows: rows of a shard.
        overwrite: replace an earlier export.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    auto: AutoRule | None = None
    preferences: Literal["none", "parquet", "jsonl"] = "parquet"
    margin: float = 0.5
    pairs: int = 4
    name: str = ""
    shard_rows: int = 1000
    overwrite: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        rows: by split.
        items: with at least one chosen edit, of how many.
        rejects: rows that could not be written.
        pairs: of a better and a worse edit.
    """

    root: Path
    rows: dict[str, int]
    items: int
    of_items: int
    rejects: int
    pairs: int


def export(root: Path, out: Path, options: ExportOptions, advance: Callable[[int], None] = lambda _: None) -> Exported:
    """Write a dataset folder of the chosen edits.

    Raises:
        DatasetFolderError: it is no run.
        UsageError: nothing reaches the thresholds, or a score that there is none of.
        ResumeError: the output folder holds something else.
        OutputError: it cannot be written.
    """
    run = RunFolder(root).read()
    choices = Choices.of(run.items, read_events(run.choices_file))
    chosen = _chosen(run, choices, options)
    folder = DatasetFolder(out)
    with output_errors(out):
        folder.begin(_identity(run, choices, options), overwrite=options.overwrite)
    with folder.lock():
        rows = [Row(f"{one.item.id}-c{one.place:02d}", one.item, one.place, _provenance(run, one)) for one in chosen]
        written = write_dataset(root, folder, rows, _about(run, choices, options, chosen), options.shard_rows, advance)
        pairs = 0
        if options.preferences != "none" and options.auto is None:
            found = preferences(run.items, choices, options.thresholds, options.margin, options.pairs, run.seed)
            pairs = write_preferences(run, found, out / "preferences", options.preferences)
    return _exported(out, run, chosen, written, pairs)


def _chosen(run: Run, choices: Choices, options: ExportOptions) -> list[Selected]:
    if options.auto is not None:
        chosen = select_by_rule(run, read_scores(run), options.auto)
        if not chosen:
            raise UsageError(f"no edit of {run.root} keeps the rules; loosen them")
        return chosen
    chosen = list(select(run.items, choices, options.thresholds))
    if not chosen:
        raise UsageError(
            f"no edit of {run.root} reaches --people {options.thresholds.people} and --agreement "
            f"{options.thresholds.agreement:g}; taskpaint align report {run.root} shows what was chosen"
        )
    return chosen


def _provenance(run: Run, one: Selected) -> dict[str, Any]:
    return {
        "run": run.name,
        "item": one.item.id,
        "candidate": one.place,
        **one.item.candidates[one.place].settings(),
        "chosen_by": list(one.chosen_by),
        "people": one.people,
        "agreement": round(one.agreement, 4),
    }


def _identity(run: Run, choices: Choices, options: ExportOptions) -> dict[str, Any]:
    answers = sorted((person, item, answer.kind, answer.picks) for person, item, answer in choices.answers())
    items = hashlib.sha256("".join(item.model_dump_json() for item in run.items).encode())
    return {
        "align_export": {"run": run.name, "items": items.hexdigest()},
        "answers": hashlib.sha256(repr(answers).encode()).hexdigest(),
        "thresholds": asdict(options.thresholds),
        "auto": str(options.auto) if options.auto else "",
        "preferences": [options.preferences, options.margin, options.pairs],
        "name": options.name,
        "shard_rows": options.shard_rows,
    }


def _about(run: Run, choices: Choices, options: ExportOptions, chosen: Sequence[Selected]) -> dict[str, Any]:
    summary = report(run, choices)
    by = f"by the rule {options.auto}" if options.auto else f"by {len(summary.people)} people"
    alignment: dict[str, Any] = {
        "run": run.name,
        "made_by": dict(run.about["made_by"]),
        "items": len(run.items),
        "chosen": len(chosen),
    }
    if options.auto:
        alignment["auto"] = str(options.auto)
    else:
        alignment |= {
            "thresholds": asdict(options.thresholds),
            "people": {person: row["answers"] for person, row in summary.people.items()},
            "kappa": summary.kappa,
        }
    return {
        "name": options.name or run.name,
        "description": f"Edits chosen {by} from those that were drawn for each instruction.",
        "seed": run.seed,
        "alignment": alignment,
    }


def _exported(out: Path, run: Run, chosen: Sequence[Selected], written: Written, pairs: int) -> Exported:
    items = len({one.item.id for one in chosen})
    return Exported(out, written.rows, items, len(run.items), len(written.rejects), pairs)
