"""Build one rank's share of a dataset, and join the shares: many runs on a shared file system, no scheduler needed."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..builders.plan import Shard, shards_of
from ..manifests.errors import BuildError, DatasetFolderError, UsageError
from ..manifests.folder import DatasetFolder
from ..manifests.recipe_file import RecipeFile
from ..manifests.share import Share, shared
from ..manifests.storage.claim import WHOLE
from ..writers.shards import output_errors
from .build import BuildOptions, BuildReport, Progress, judge, output_folder
from .finish import built_shards, finish, has_head, identity, is_begun, write_head
from .local import run_local
from .prepare import prepare
from .rank_report import RankReport, unfinished
from .remote_folder import RemoteFolder
from .shard_job import ShardJob, plan_file


def build_share(
    files: Sequence[RecipeFile],
    out: Path | str,
    options: BuildOptions,
    share: Share,
    progress: Progress | None = None,
    command: str = "",
) -> RankReport:
    """Build a rank's shards into a folder that all ranks share, or go on where an earlier run stopped.

    Ranks may run at once, one after the other, and in any order; `join` makes their shards a dataset.

    Args:
        files, out, options: as for `build`.
        share: the rank's.
        progress: told what happens.
        command: that starts a rank, but for its number; `join` names it when shards are missing.

    Raises:
        UsageError: before any work, when something given does not hold.
        BuildError: the folder cannot be used or written.
    """
    if options.overwrite:
        raise UsageError(f"--overwrite would remove what other ranks have built; remove {out} before they start")
    started = time.monotonic()
    progress = progress or Progress()
    folder = output_folder(out, options.spool, share.writer)
    prepared = prepare(files, options, progress)
    shards = prepared.plan.shards(prepared.recipe.output.rows_per_shard)
    with output_errors(folder.root), shared(folder, share) as held, folder.claimed(share.writer):
        with held.begin(lambda: folder.begin(identity(prepared, options.limit)), command):
            if not is_begun(folder):
                prepared.plan.save(plan_file(folder.root))
                write_head(prepared, folder)
        mine = share.of(shards)
        for shard in mine:
            folder.sweep(shard.name)
        finished = built_shards(folder)
        todo = [shard for shard in mine if shard.name not in finished]
        units = sum(map(_units, mine))
        progress.planned(len(mine), units, units - sum(map(_units, todo)))
        for shard, record in run_local(ShardJob.of(prepared, folder.root, options.limit), todo, options.workers):
            folder.note(record, share.writer)
            progress.shard(shard, record)
        missing = len(shards) - len(built_shards(folder))
    seconds = time.monotonic() - started
    return RankReport(folder.place, share.rank, share.world_size, len(mine), len(mine) - len(todo), missing, seconds)


def join(out: Path | str, max_rejects: float = 1.0) -> BuildReport:
    """Make a dataset of the shards that ranks have built: rejects, card and manifest.

    Needs the folder alone, neither recipe nor sources. What it writes is what a build in one run writes.

    Raises:
        DatasetFolderError: no build was begun here.
        BuildError: shards are missing, ranks are still at work, or too many items are broken.
    """
    started = time.monotonic()
    folder = output_folder(out)
    if isinstance(folder, RemoteFolder):
        folder.pull()
    try:
        shards = planned_shards(folder)
    except DatasetFolderError as fault:
        if folder.manifest_file.exists():
            raise DatasetFolderError(f"{folder.place} is finished, nothing waits there to be joined") from fault
        raise
    if not has_head(folder):
        raise DatasetFolderError(
            f"{folder.place}/.taskpaint is incomplete; run the build command again, it keeps finished shards"
        )
    with output_errors(folder.root), folder.lock(), folder.claimed(WHOLE):
        records = built_shards(folder)
        missing = [number for number, shard in enumerate(shards) if shard.name not in records]
        if missing:
            raise BuildError(unfinished(folder.state, [shard.name for shard in shards], missing, "the build"))
        manifest = finish(folder, [records[shard.name] for shard in shards])
    report = BuildReport.of(folder.place, manifest, len(shards), time.monotonic() - started)
    judge(report, max_rejects)
    return report


def planned_shards(folder: DatasetFolder) -> list[Shard]:
    """All shards of a build that was begun, from the folder alone.

    Raises:
        DatasetFolderError: none was begun here, or not by `taskpaint build`.
    """
    run_file = folder.state / "run.json"
    try:
        run: dict[str, Any] = json.loads(run_file.read_text(encoding="utf-8"))
        return shards_of(run["planned"], run["recipe"]["output"]["rows_per_shard"])
    except FileNotFoundError as fault:
        raise DatasetFolderError(f"{run_file} is missing; was taskpaint build begun in {folder.root}?") from fault
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise DatasetFolderError(f"{run_file} is not of a taskpaint build: {fault!r}") from fault


def _units(shard: Shard) -> int:
    return shard.stop - shard.start
