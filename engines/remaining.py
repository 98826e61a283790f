"""The shards of a plan that are not there yet: written on this machine, noted in the ledger, counted in rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from ..manifests.folder import DatasetFolder
from .local import Job, default_workers, run_local


class PlannedShard(Protocol):
    """A shard as a plan has it; its length is its rows."""

    @property
    def name(self) -> str:
        """File name without suffix."""

    def __len__(self) -> int: ...


def write_remaining(
    job: Job,
    plan: Sequence[PlannedShard],
    finished: Collection[str],
    folder: DatasetFolder,
    workers: int,
    on_shard: Callable[[int, int], None] | None = None,
) -> int:
    """Write them.

    Args:
        job: makes a `ShardRecord` of a planned shard.
        plan: all shards.
        finished: names of those that are there.
        folder: whose ledger they are noted in.
        workers: processes; 0 for one a processor.
        on_shard: told the rows that are done, of how many, after each shard.

    Returns:
        How many were there.
    """
    todo = [shard for shard in plan if shard.name not in finished]
    total = sum(map(len, plan))
    done = total - sum(map(len, todo))
    for shard, record in run_local(job, todo, workers or default_workers()):
        folder.note(record)
        done += len(shard)
        if on_shard:
            on_shard(done, total)
    return len(plan) - len(todo)
