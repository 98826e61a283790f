"""Export a dataset to the layout that a trainer reads, or one rank's share of it."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..manifests.errors import UsageError
from ..manifests.folder import DatasetFolder, overlap
from ..manifests.share import Share, shared
from ..writers.export import Destination, Export, export_names, find_export
from ..writers.shards import output_errors
from .export_finish import ExportHead, ExportReport, finish_export
from .export_folder import ExportFolder
from .export_job import ExportJob
from .export_plan import ExportPlan, PlannedPart, Wanted, plan_export
from .local import Engine, run_local
from .rank_report import RankReport

__all__ = ["ExportOptions", "ExportReport", "check_export", "export", "export_share", "list_exports"]

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
    asked = _Asked.of(root, out, options)
    folder = asked.folder
    with output_errors(out), folder.begun(asked.identity()):
        asked.begin()
        resumed = asked.run(asked.plan.parts, options.workers, on_shard, engine)
        return replace(finish_export(folder, resumed), seconds=time.monotonic() - started)


def export_share(
    root: Path,
    out: Path,
    options: ExportOptions,
    share: Share,
    on_shard: Callable[[int, int], None] | None = None,
    command: str = "",
) -> RankReport:
    """Write a rank's shards into a folder that all ranks share; `join_export` makes an export of them.

    Args:
        root, out, options, on_shard: as for `export`; the rows are this rank's.
        share: the rank's.
        command: that starts a rank, but for its number; `join_export` names it when shards are missing.

    Raises:
        as `export`; FolderBusyError too, when this rank runs already.
    """
    started = time.monotonic()
    asked = _Asked.of(root, out, options)
    with output_errors(out), shared(DatasetFolder(out), share) as held:
        with held.begin(lambda: asked.folder.agree(asked.identity()), command):
            if not asked.folder.is_begun:
                asked.begin()
        mine = share.of(asked.plan.parts)
        resumed = asked.run(mine, options.workers, on_shard, run_local)
        missing = sum(asked.folder.done(planned.part.name) is None for planned in asked.plan.parts)
    return RankReport(out, share.rank, share.world_size, len(mine), resumed, missing, time.monotonic() - started)


def check_export(root: Path, out: Path, options: ExportOptions) -> tuple[type[Export], Destination, Mapping[str, Any]]:
    """Refuse what can be seen to be wrong without a look at rows; returns format, destination and manifest.

    Raises:
        as `export`.
    """
    if overlap(root, out):
        raise UsageError(f"{out} and {root} lie in each other; choose a folder beside the dataset")
    kind = find_export(options.format)
    place = Destination(out, options.location or str(out.resolve()))
    kind().check(place)
    manifest = DatasetFolder(root).manifest()
    ExportFolder(out).refuse_foreign()
    return kind, place, manifest


@dataclass(frozen=True)
class _Asked:
    """An export that was found to be possible, and its plan."""

    root: Path
    place: Destination
    kind: type[Export]
    options: ExportOptions
    manifest: Mapping[str, Any]
    rows_per_shard: int
    plan: ExportPlan

    @classmethod
    def of(cls, root: Path, out: Path, options: ExportOptions) -> _Asked:
        """Look at everything before any work."""
        kind, place, manifest = check_export(root, out, options)
        shards = [shard["name"] for shard in manifest["shards"]]
        rows_per_shard = options.rows_per_shard or max(1, *(shard["rows"] for shard in manifest["shards"]))
        plan = plan_export(DatasetFolder(root), shards, _wanted(options, kind), rows_per_shard)
        return cls(root, place, kind, options, manifest, rows_per_shard, plan)

    @property
    def folder(self) -> ExportFolder:
        """Where to."""
        return ExportFolder(self.place.root)

    def begin(self) -> None:
        """Write the plan, and what the end of the export needs."""
        sources = self.manifest.get("sources", {}).values()
        head = ExportHead(
            self.kind.name,
            self.place.location,
            self.manifest.get("name", ""),
            list(self.options.tasks),
            list(self.options.where),
            self.plan.left_out,
            [{key: source[key] for key in ("title", "license", "homepage")} for source in sources],
        )
        self.folder.plan({planned.part.name: planned.part.rows for planned in self.plan.parts}, head.as_json())

    def run(
        self,
        parts: Sequence[PlannedPart],
        workers: int,
        on_shard: Callable[[int, int], None] | None,
        engine: Engine,
    ) -> int:
        """Write the shards that are not there; returns how many were."""
        folder = self.folder
        job = ExportJob(self.root.absolute(), self.place, self.kind.name, _BATCH_ROWS)
        todo = [planned for planned in parts if folder.done(planned.part.name) is None]
        total = sum(planned.part.rows for planned in parts)
        done = total - sum(planned.part.rows for planned in todo)
        for planned, written in engine(job, todo, workers):
            folder.note(planned.part.name, written)
            done += planned.part.rows
            if on_shard:
                on_shard(done, total)
        return len(parts) - len(todo)

    def identity(self) -> dict[str, Any]:
        """Everything that decides the bytes."""
        return {
            "format": self.kind.name,
            "tasks": sorted(set(self.options.tasks)),
            "splits": sorted(set(self.options.splits)),
            "where": list(self.options.where),
            "limit": self.options.limit,
            "rows_per_shard": self.rows_per_shard,
            "location": self.place.location,
            "dataset": {shard["name"]: shard["sha256"] for shard in self.manifest["shards"]},
            "rows": self.plan.digest,
            "versions": {name: importlib.metadata.version(name) for name in ("taskpaint", "pyarrow", "isal", "orjson")},
        }


def _wanted(options: ExportOptions, kind: type[Export]) -> Wanted:
    return Wanted(options.tasks, options.splits, options.where, options.limit, kind.text_to_image != "left out")
