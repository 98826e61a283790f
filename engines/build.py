"""Build a dataset: the one place where plan, render, wording, codecs and shards are put together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..manifests.errors import OutputError, TooManyRejectsError, UsageError
from ..manifests.folder import DatasetFolder
from ..manifests.recipe_file import RecipeFile
from ..manifests.storage.claim import WHOLE
from ..manifests.storage.url import place, refuse_url
from ..writers.shards import output_errors
from .finish import built_shards, finish, identity, write_head
from .local import Engine, run_local
from .prepare import BuildOptions, Progress, prepare
from .remote_folder import RemoteFolder
from .shard_job import ShardJob, plan_file

__all__ = ["BuildOptions", "BuildReport", "Engine", "Progress", "build", "judge"]


@dataclass(frozen=True)
class BuildReport:
    """What a build came to.

    Attributes:
        rows: triplets by split.
        counts: stream label -> "planned", "built", "bad", "skipped" -> number.
        index_rejects: annotations left out while indexing, by source.
        left_out: sources that were missing and were skipped.
        resumed_shards: built by an earlier run.
    """

    root: Path | str
    rows: dict[str, int]
    shards: int
    bytes: int
    counts: dict[str, dict[str, int]]
    index_rejects: dict[str, int]
    left_out: list[str]
    resumed_shards: int
    seconds: float

    @classmethod
    def of(cls, root: Path | str, manifest: dict[str, Any], resumed_shards: int, seconds: float) -> BuildReport:
        """The report of a finished build."""
        shards = manifest["shards"]
        size = sum(shard["bytes"] for shard in shards)
        counts, rejects, left_out = (manifest[key] for key in ("counts", "index_rejects", "left_out"))
        return cls(root, manifest["splits"], len(shards), size, counts, rejects, left_out, resumed_shards, seconds)

    @property
    def bad(self) -> int:
        """Broken items."""
        return sum(counts.get("bad", 0) for counts in self.counts.values())


def build(
    files: Sequence[RecipeFile],
    out: Path | str,
    options: BuildOptions,
    progress: Progress | None = None,
    engine: Engine = run_local,
) -> BuildReport:
    """Build recipes into a folder, or go on where an earlier run stopped.

    Args:
        files: one recipe, or several whose sources are mixed.
        out: the dataset folder, or a URL; new, or of the same build.
        options: how to run.
        progress: told what happens.
        engine: runs the shards; the bytes do not depend on it.

    Raises:
        UsageError: before any work, when something given does not hold.
        BuildError: the folder cannot be used or written, or too many items are broken.
        StorageError: the store behind a URL refuses or cannot be reached.
    """
    started = time.monotonic()
    progress = progress or Progress()
    folder = output_folder(out, options.spool)
    prepared = prepare(files, options, progress)
    shards = prepared.plan.shards(prepared.recipe.output.rows_per_shard)
    with output_errors(folder.root), folder.lock(), folder.claimed(WHOLE):
        folder.begin(identity(prepared, options.limit), overwrite=options.overwrite)
        prepared.plan.save(plan_file(folder.root))
        write_head(prepared, folder)
        finished = built_shards(folder)
        todo = [shard for shard in shards if shard.name not in finished]
        done_before = sum(shard.stop - shard.start for shard in shards if shard.name in finished)
        progress.planned(len(shards), len(prepared.plan), done_before)
        job = ShardJob.of(prepared, folder.root, options.limit)
        for shard, record in engine(job, todo, options.workers):
            folder.note(record)
            progress.shard(shard, record)
        manifest = finish(folder, folder.finished(shard.name for shard in shards))
    report = BuildReport.of(folder.place, manifest, len(finished), time.monotonic() - started)
    judge(report, options.max_rejects)
    return report


def output_folder(out: Path | str, spool: Path | None = None, writer: str = WHOLE) -> DatasetFolder:
    """The folder of a path, or the one that a URL's dataset passes through.

    Raises:
        UsageError: no URL that can be written, or a local folder for a path.
    """
    where = place(out) if isinstance(out, str) else out
    if isinstance(where, str):
        return RemoteFolder.open(where, spool, writer)
    if spool is not None:
        raise UsageError(f"--spool is for output to a URL; {where} is a folder")
    refuse_url(where, "give the URL as text, not as a Path")
    return DatasetFolder(where)


def judge(report: BuildReport, max_rejects: float) -> None:
    """Whether a finished build may count as one.

    Raises:
        OutputError: it holds nothing.
        TooManyRejectsError: more than the share `max_rejects` of the items tried are broken.
    """
    tried = sum(counts["built"] + counts["bad"] for counts in report.counts.values())
    if not sum(report.rows.values()):
        raise OutputError(f"not one triplet could be built; the reasons are in {report.root}/rejects.jsonl")
    if tried and report.bad / tried > max_rejects:
        raise TooManyRejectsError(
            f"{report.bad} of {tried} items are broken, more than --max-rejects {max_rejects:g} allows; "
            f"the reasons are in {report.root}/rejects.jsonl"
        )
