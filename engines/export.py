"""Export a dataset to the layout that a trainer reads."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..manifests.errors import UsageError
from ..manifests.folder import DatasetFolder, overlap, write_json
from ..writers.export import Destination, Export, export_names, find_export
from ..writers.shards import output_errors
from .export_folder import ExportFolder
from .export_job import ExportJob
from .export_plan import ExportPlan, Wanted, plan_export
from .local import Engine, run_local

_BATCH_ROWS: Final = 64
"""Rows of a row group, as datasets are built by default."""


@dataclass(frozen=True)
class ExportOptions:
    """What to export and how.

    Attributes:
        format: name of the export; `-` and `_` are the same in it.
        tasks, splits: names; empty for all.
        where: conditions that must all hold.
        limit: at most so many rows of a split.
        rows_per_shard: at most so many; None: as the dataset's largest shard.
        location: absolute path of the destination where the trainer will run; None: as it is here.
        workers: processes; 0 for one a processor. The bytes do not depend on it.
    """

    format: str
    tasks: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    limit: int | None = None
    rows_per_shard: int | None = None
    location: str | None = None
    workers: int = 0


@dataclass(frozen=True)
class ExportReport:
    """What an export came to.

    Attributes:
        splits: split -> rows.
        left_out: why -> rows.
        files, bytes: for the trainer, without configuration.
        resumed_shards: written by an earlier run.
        configs: files to start from.
    """

    root: Path
    format: str
    rows: int
    splits: dict[str, int]
    left_out: dict[str, int]
    shards: int
    files: int
    bytes: int
    resumed_shards: int
    configs: list[str]
    seconds: float


def list_exports() -> list[dict[str, str]]:
    """Every format: name, what it writes, what reads it, what becomes of rows without a source."""
    kinds = [(name, find_export(name)) for name in export_names()]
    return [
        {"format": name, "writes": kind.summary, "for": kind.trainer, "rows_without_source": kind.text_to_image}
        for name, kind in kinds
    ]


def export(
    root: Path,
    out: Path,
    options: ExportOptions,
    on_shard: Callable[[int, int], None] | None = None,
    engine: Engine = run_local,
) -> ExportReport:
    """Write a dataset in a trainer's layout, or go on where an earlier run stopped.

    Args:
        root: a finished dataset folder.
        out: the folder to write; new, empty, or of the same export.
        options: what to export and how.
        on_shard: told the rows that are done, of how many, after each shard.
        engine: runs the shards; the bytes do not depend on it.

    Raises:
        UsageError: before any work, when something given does not hold.
        DatasetFolderError: no finished dataset, or rows that cannot be exported.
        BuildError: the folder cannot be used or written, or not one row is wanted.
    """
    started = time.monotonic()
    _apart(root, out)
    kind = find_export(options.format)
    place = Destination(out, options.location or str(out.resolve()))
    kind().check(place)
    source, folder = DatasetFolder(root), ExportFolder(out)
    manifest = source.manifest()
    shards = [shard["name"] for shard in manifest["shards"]]
    folder.refuse_foreign()
    rows_per_shard = options.rows_per_shard or max(1, *(shard["rows"] for shard in manifest["shards"]))
    plan = plan_export(source, shards, _wanted(options, kind), rows_per_shard)
    with output_errors(out), folder.begun(_identity(kind, options, place, manifest, rows_per_shard)):
        resumed = _run(
            plan, ExportJob(root.absolute(), place, kind.name, _BATCH_ROWS), folder, options, on_shard, engine
        )
        folder.finished(planned.part.name for planned in plan.parts)
        export_format = kind()
        export_format.finish(place, plan.splits)
        report = _report(export_format, place, plan, folder, resumed, time.monotonic() - started)
        write_json(folder.report_file, _summary(report, options, manifest))
    return report


def _run(
    plan: ExportPlan,
    job: ExportJob,
    folder: ExportFolder,
    options: ExportOptions,
    on_shard: Callable[[int, int], None] | None,
    engine: Engine,
) -> int:
    """Write the shards that are not there; returns how many were."""
    folder.plan({planned.part.name: planned.part.rows for planned in plan.parts})
    todo = [planned for planned in plan.parts if folder.done(planned.part.name) is None]
    total = sum(planned.part.rows for planned in plan.parts)
    done = total - sum(planned.part.rows for planned in todo)
    for planned, written in engine(job, todo, options.workers):
        folder.note(planned.part.name, written)
        done += planned.part.rows
        if on_shard:
            on_shard(done, total)
    return len(plan.parts) - len(todo)


def _wanted(options: ExportOptions, kind: type[Export]) -> Wanted:
    return Wanted(options.tasks, options.splits, options.where, options.limit, kind.text_to_image != "left out")


def _identity(
    kind: type[Export],
    options: ExportOptions,
    place: Destination,
    manifest: Mapping[str, Any],
    rows_per_shard: int,
) -> dict[str, Any]:
    """Everything that decides the bytes."""
    return {
        "format": kind.name,
        "tasks": sorted(set(options.tasks)),
        "splits": sorted(set(options.splits)),
        "where": list(options.where),
        "limit": options.limit,
        "rows_per_shard": rows_per_shard,
        "location": place.location,
        "dataset": {shard["name"]: shard["sha256"] for shard in manifest["shards"]},
        "versions": {name: importlib.metadata.version(name) for name in ("taskpaint", "pyarrow", "isal", "orjson")},
    }


def _report(
    kind: Export, place: Destination, plan: ExportPlan, folder: ExportFolder, resumed: int, seconds: float
) -> ExportReport:
    written = folder.finished(planned.part.name for planned in plan.parts)
    splits = {split: sum(part.rows for part in parts) for split, parts in plan.splits.items()}
    return ExportReport(
        place.root,
        kind.name.replace("_", "-"),
        sum(splits.values()),
        splits,
        plan.left_out,
        len(plan.parts),
        sum(one.files for one in written),
        sum(one.bytes for one in written),
        resumed,
        sorted(kind.configs(place, plan.splits)),
        seconds,
    )


def _summary(report: ExportReport, options: ExportOptions, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """export.json: what is here, from where, under which licences; the same whoever wrote it and when."""
    sources = manifest.get("sources", {}).values()
    return {
        "format": report.format,
        "dataset": manifest.get("name", ""),
        "splits": report.splits,
        "left_out": report.left_out,
        "tasks": list(options.tasks),
        "where": list(options.where),
        "files": report.files,
        "bytes": report.bytes,
        "configs": report.configs,
        "sources": [{key: source[key] for key in ("title", "license", "homepage")} for source in sources],
    }


def _apart(root: Path, out: Path) -> None:
    if overlap(root, out):
        raise UsageError(f"{out} and {root} lie in each other; choose a folder beside the dataset")
