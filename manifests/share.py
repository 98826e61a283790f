"""One folder, many runs: ranks that do their own shards of the same work on a shared file system.

out/.taskpaint/lock          held by all ranks together, or by one run alone
out/.taskpaint/lock-rank-*   held by the run of one rank
out/.taskpaint/lock-begin    held by the rank that begins the work; the others wait
HOME/world.json              how many ranks share the work; HOME is out/.taskpaint, of scoring out/.taskpaint/scoring
HOME/command.txt             what ranks were started with, but for their numbers
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from .errors import UsageError
from .folder import DatasetFolder, write_json, write_text
from .locks import held, take, waited_for

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

    def __init__(self, folder: DatasetFolder, share: Share, whole: IO[str], home: Path) -> None:
        self._folder, self._share, self._whole, self._home = folder, share, whole, home

    @contextlib.contextmanager
    def begin(self, agree: Callable[[], None], command: str = "") -> Iterator[None]:
        """Begin the work, or agree with the ranks that did; the others wait while the block runs.

        Args:
            agree: writes down what decides what comes out, or raises ResumeError where something else was written.
            command: that starts a rank, but for its number, for people.

        Raises:
            ResumeError: it was begun from something else.
            FolderBusyError: ranks of another --world-size are at work.
        """
        with waited_for(self._folder.state / "lock-begin"):
            agree()
            self._agree_on_world()
            if command:
                write_text(_command_file(self._home), command + "\n")
            yield

    def _agree_on_world(self) -> None:
        """Another number of ranks deals the shards out anew, which is safe only while nobody is at work."""
        before = world_size(self._home)
        if before != self._share.world_size:
            if before is not None:
                self._be_alone(before)
            write_json(self._home / "world.json", {"world_size": self._share.world_size})

    def _be_alone(self, before: int) -> None:
        take(
            self._whole,
            f"ranks of --world-size {before} are at work in {self._folder.root}, this run has "
            f"{self._share.world_size}; wait for the other ranks, or give the same",
        )
        self._folder.sweep()
        take(self._whole, self._folder.lock_complaint, together=True)


@contextlib.contextmanager
def shared(folder: DatasetFolder, share: Share, home: Path | None = None) -> Iterator[SharedFolder]:
    """Hold a rank's share of a folder against this rank's other runs and against runs that need all of it.

    Args:
        folder: that all ranks see.
        share: the rank's.
        home: what the ranks know of each other; None: the folder's bookkeeping.

    Raises:
        FolderBusyError: one of them holds it.
    """
    folder.state.mkdir(parents=True, exist_ok=True)
    twin = f"rank {share.rank} of {folder.root} is at work already; wait for it"
    with (folder.state / "lock").open("a+") as whole, contextlib.ExitStack() as stack:
        take(whole, folder.lock_complaint, together=True)
        stack.enter_context(held(folder.state / f"lock-{share.writer}", twin))
        home = home or folder.state
        home.mkdir(exist_ok=True)  # not before: what joins the ranks removes it, and holds the folder meanwhile
        yield SharedFolder(folder, share, whole, home)


def world_size(home: Path) -> int | None:
    """How many ranks share the work; None when it is not shared."""
    try:
        found = json.loads((home / "world.json").read_text(encoding="utf-8"))["world_size"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def rank_command(home: Path) -> str:
    """The command that starts a rank, but for its number; empty where it is not known."""
    try:
        return _command_file(home).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _command_file(home: Path) -> Path:
    return home / "command.txt"
