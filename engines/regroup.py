"""Put rows of one or several datasets into a new folder; no picture is encoded again and none is changed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..filters.sidecar import Sidecar, write_table
from ..manifests.errors import OutputError, UsageError
from ..manifests.folder import DatasetFolder, ShardRecord, overlap, replacing, write_json
from ..writers.card import write_card
from ..writers.shards import output_errors
from .cut_finish import DROPPED
from .pieces import row_group_rows
from .regrouping.decision import (
    Decision,
    OnClash,
    check_held_out,
    keep_photographs_apart,
    settle_ids,
    summary,
)
from .regrouping.job import RegroupJob
from .regrouping.layout import NewShard, lay_out
from .regrouping.manifest import merged_manifest, parent_record
from .regrouping.operations import Dedup, Merge, Operation, Sample, Split
from .regrouping.rows import Rows, read_rows
from .remaining import write_remaining

__all__ = ["Dedup", "Merge", "RegroupOptions", "RegroupReport", "Sample", "Split", "regroup"]


@dataclass(frozen=True)
class RegroupOptions:
    """How to regroup, whatever the operation.

    Attributes:
        only: splits to take; empty for all.
        on_clash: what becomes of different rows of one id.
        name: of the new dataset; empty: as its parents.
        rows_per_shard: at most so many; None: as the largest shard of the parents.
        workers: processes; 0 for one a processor. The bytes do not depend on it.
        overwrite: start anew in a folder of another run.
    """

    only: tuple[str, ...] = ()
    on_clash: OnClash = "error"
    name: str = ""
    rows_per_shard: int | None = None
    workers: int = 0
    overwrite: bool = False


@dataclass(frozen=True)
class RegroupReport:
    """What a regrouping came to.

    Attributes:
        splits: split -> rows.
        left_out: why -> rows.
        renamed: rows that got another id.
        scores: what became of scores: "kept", "left behind", or there were "none".
        resumed_shards: written by an earlier run.
    """

    root: Path
    splits: dict[str, int]
    left_out: dict[str, int]
    renamed: int
    scores: str
    shards: int
    bytes: int
    resumed_shards: int
    seconds: float


def regroup(
    roots: Sequence[Path],
    out: Path,
    operation: Operation,
    options: RegroupOptions,
    on_shard: Callable[[int, int], None] | None = None,
) -> RegroupReport:
    """Write the rows that an operation keeps, or go on where an earlier run stopped.

    Whatever the operation: equal rows of one id count once, and of several datasets a photograph that one of them
    holds out is held out of all.

    Args:
        roots: finished dataset folders.
        out: the folder to write; new, or of the same run.
        operation: what to do.
        options: how.
        on_shard: told the rows that are done, of how many, after each shard.

    Raises:
        UsageError: before any work, when something given does not hold.
        DatasetFolderError: no finished dataset.
        BuildError: the folder cannot be used or written, or not one row is left.
    """
    started = time.monotonic()
    _apart(roots, out)
    rows = read_rows(roots, options.only)
    decision = _decide(rows, operation, options)
    if not decision.kept.any():
        raise OutputError(f"not one row is left ({_reasons(decision)}); nothing was written")
    size = options.rows_per_shard or _rows_per_shard(rows)
    plan = lay_out(rows, decision, size)
    scored = len(roots) == 1 and Sidecar(roots[0]).exists and not decision.renamed
    record = _record(rows, decision, operation, options, size)
    folder = DatasetFolder(out)
    with output_errors(out), folder.lock():
        folder.begin(_identity(rows, decision, record, options, scored=scored), overwrite=options.overwrite)
        resumed = _run(rows, plan, folder, options, on_shard, scored=scored)
        ledger = folder.ledger()
        records = [ledger[shard.name] for shard in plan]
        _finish(rows, decision, folder, record, records, options.name, scored=scored)
    return RegroupReport(
        out,
        dict(summary(decision)),
        decision.counts(),
        len(decision.renamed),
        _fate_of_scores(roots, scored=scored),
        len(plan),
        sum(one.bytes for one in records),
        resumed,
        time.monotonic() - started,
    )


def _decide(rows: Rows, operation: Operation, options: RegroupOptions) -> Decision:
    check_held_out(rows)
    decision = Decision.all_of(rows)
    settle_ids(rows, decision, options.on_clash, options.workers)
    if len(rows.parents) > 1 and not isinstance(operation, Split):
        keep_photographs_apart(rows, decision)
    operation.decide(rows, decision, options.workers)
    return decision


def _run(
    rows: Rows,
    plan: Sequence[NewShard],
    folder: DatasetFolder,
    options: RegroupOptions,
    on_shard: Callable[[int, int], None] | None,
    *,
    scored: bool,
) -> int:
    """Write the shards that are not there; returns how many were."""
    scores = Sidecar(folder.root)
    finished = {name for name in folder.ledger() if not scored or scores.file(name).exists()}
    parents = tuple((parent.folder.root, parent.shards) for parent in rows.parents)
    job = RegroupJob(parents, folder.root, row_group_rows(*(parent.manifest for parent in rows.parents)), scored)
    return write_remaining(job, plan, finished, folder, options.workers, on_shard)


def _record(
    rows: Rows, decision: Decision, operation: Operation, options: RegroupOptions, rows_per_shard: int
) -> dict[str, Any]:
    """What the manifest tells of this run."""
    taken = np.bincount(rows.parent, minlength=len(rows.parents)).tolist()
    alone = len(rows.parents) == 1
    return {
        "operation": operation.name,
        "options": {**operation.options, "only": list(options.only), "ids": options.on_clash},
        "parents": [parent_record(one, count, alone) for one, count in zip(rows.parents, taken, strict=True)],
        "left_out": decision.counts(),
        "renamed": len(decision.renamed),
        "rows_per_shard": rows_per_shard,
        "versions": {name: importlib.metadata.version(name) for name in ("taskpaint", "pyarrow")},
    }


def _identity(
    rows: Rows, decision: Decision, record: Mapping[str, Any], options: RegroupOptions, *, scored: bool
) -> dict[str, Any]:
    """Everything that decides the bytes; where the folders lie does not."""
    decided = hashlib.sha256(decision.reason.tobytes() + decision.split.tobytes())
    decided.update(json.dumps(sorted(decision.renamed.items())).encode())
    return {
        "regrouping": {key: record[key] for key in ("operation", "options", "rows_per_shard", "versions")},
        "name": options.name,
        "parents": [{shard["name"]: shard["sha256"] for shard in one.manifest["shards"]} for one in rows.parents],
        "scores": Sidecar(rows.parents[0].folder.root).scorers() if scored else {},
        "decisions": decided.hexdigest(),
    }


def _finish(
    rows: Rows,
    decision: Decision,
    folder: DatasetFolder,
    record: Mapping[str, Any],
    shards: Sequence[ShardRecord],
    name: str,
    *,
    scored: bool,
) -> None:
    """Write everything beside the shards, the manifest last of all."""
    if scored:
        sidecar = Sidecar(rows.parents[0].folder.root)
        Sidecar(folder.root).describe(sidecar.records(), {one.name: one.sha256 for one in shards})
    write_table(folder.root / DROPPED, _dropped(rows, decision))
    rejects = [one.folder.rejects_file for one in rows.parents if one.folder.rejects_file.exists()]
    if rejects:
        with replacing(folder.rejects_file) as part, part.open("wb") as opened:
            for file in rejects:
                with file.open("rb") as lines:
                    shutil.copyfileobj(lines, opened)
    manifest = merged_manifest(rows, record, summary(decision), shards, name)
    write_card(folder.root, manifest)
    write_json(folder.manifest_file, manifest)


def _dropped(rows: Rows, decision: Decision) -> pa.Table:
    """Every row that was left out: where it was, and why."""
    which = np.flatnonzero(~decision.kept)
    names = {
        "split": [rows.split_names[place] for place in rows.split[which].tolist()],
        "rule": [decision.reasons[place] for place in decision.reason[which].tolist()],
        "dataset": [rows.parents[place].name for place in rows.parent[which].tolist()],
    }
    columns = {"id": rows.ids.take(which), "task": rows.tasks.take(which)}
    return pa.table({**columns, **{key: pa.array(value, pa.string()) for key, value in names.items()}})


def _rows_per_shard(rows: Rows) -> int:
    return max(1, *(shard["rows"] for parent in rows.parents for shard in parent.manifest["shards"]))


def _fate_of_scores(roots: Sequence[Path], *, scored: bool) -> str:
    if scored:
        return "kept"
    return "left behind" if any(Sidecar(root).exists for root in roots) else "none"


def _reasons(decision: Decision) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in decision.counts().items()) or "there were none"


def _apart(roots: Sequence[Path], out: Path) -> None:
    for root in roots:
        if overlap(root, out):
            raise UsageError(f"{out} and {root} lie in each other; choose an output folder beside the dataset")
