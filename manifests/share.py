"""One folder, many runs: ranks that build their own shards of the same dataset on a shared file system.

out/.taskpaint/lock          held by all ranks together, or by one run alone
out/.taskpaint/lock-rank-*   held by the run of one rank
out/.taskpaint/lock-begin    held by the rank that begins the folder; the others wait
out/.taskpaint/world.json    how many ranks share the work
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from .errors import FolderBusyError, UsageError
from .folder import DatasetFolder, write_json

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Share:
    """Shard i belongs to the rank i modulo world_size.

    Raises:
        UsageError: rank is not in [0, world_size).
    """

    rank: int
    world_size: int

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size:
            raise UsageError(
                f"--rank {self.rank} with --world-size {self.world_size}: ranks run from 0 to --world-size minus 1"
            )

    def of(self, items: Sequence[ItemT]) -> Sequence[ItemT]:
        """This rank's items."""
        return items[self.rank :: self.world_size]

    @property
    def writer(self) -> str:
        """Names this rank's ledger."""
        return f"rank-{self.rank}"


class SharedFolder:
    """A folder while one rank holds its share of it; made by `shared`."""

    def __init__(self, folder: DatasetFolder, share: Share, whole: IO[str]) -> None:
        self._folder, self._share, self._whole = folder, share, whole

    @contextlib.contextmanager
    def begin(self, identity: Mapping[str, Any]) -> Iterator[None]:
        """Begin the folder, or agree with the ranks that did; the others wait while the block runs.

        Raises:
            ResumeError: it was begun from something else.
            FolderBusyError: ranks of another --world-size are at work.
        """
        with (self._folder.state / "lock-begin").open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._folder.begin(identity)
            self._agree_on_world()
            yield

    def _agree_on_world(self) -> None:
        """Another number of ranks deals the shards out anew, which is safe only while nobody builds."""
        before = world_size(self._folder)
        if before != self._share.world_size:
            if before is not None:
                self._be_alone(before)
            write_json(self._folder.state / "world.json", {"world_size": self._share.world_size})

    def _be_alone(self, before: int) -> None:
        try:
            fcntl.flock(self._whole, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise FolderBusyError(
                f"{self._folder.root} is being built with --world-size {before}, this run has "
                f"{self._share.world_size}; wait for the other ranks, or give the same"
            ) from fault
        self._folder.sweep()
        _take(self._whole, fcntl.LOCK_SH, self._folder)


@contextlib.contextmanager
def shared(folder: DatasetFolder, share: Share) -> Iterator[SharedFolder]:
    """Hold a rank's share of a folder against this rank's other runs and against runs that need all of it.

    Raises:
        FolderBusyError: one of them holds it.
    """
    folder.state.mkdir(parents=True, exist_ok=True)
    with (folder.state / "lock").open("a+") as whole, (folder.state / f"lock-{share.writer}").open("a+") as own:
        _take(whole, fcntl.LOCK_SH, folder)
        _take(own, fcntl.LOCK_EX, folder, f"rank {share.rank} of {folder.root} is at work already; wait for it")
        yield SharedFolder(folder, share, whole)


def world_size(folder: DatasetFolder) -> int | None:
    """How many ranks share the work; None when it is not shared."""
    try:
        found = json.loads((folder.state / "world.json").read_text(encoding="utf-8"))["world_size"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def _take(handle: IO[str], how: int, folder: DatasetFolder, complaint: str = "") -> None:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        message = f"another taskpaint run is writing to {folder.root}; wait for it or choose another folder"
        raise FolderBusyError(complaint or message) from fault
