"""Marks of shards at work: whoever sees the folder can tell what runs, hangs or failed, whatever the engine.

out/.taskpaint/running/<shard>.json   begun, not in the ledger yet; its age is the last sign of life
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .folder import DatasetFolder

BEAT_SECONDS = 10.0
"""How often a mark is touched while its shard is being built."""


@dataclass(frozen=True)
class Mark:
    """A shard that was begun.

    Attributes:
        name: file name of the shard without suffix.
        host, pid: of the process that builds it.
        started: Unix time, seconds.
        units: triplets that it will try.
        attempt: 1 the first time, one more after each attempt that ended without the shard.
        failed: why the last attempt failed; empty while it runs, and when its process was killed.
    """

    name: str
    host: str
    pid: int
    started: float
    units: int
    attempt: int = 1
    failed: str = ""


def mark_file(folder: DatasetFolder, name: str) -> Path:
    """Where the mark of a shard lies."""
    return folder.state / "running" / f"{name}.json"


@contextlib.contextmanager
def marked(folder: DatasetFolder, name: str, units: int) -> Iterator[Callable[[], None]]:
    """Mark a shard as being built; yields what to call now and then to show life.

    The mark stays when the block ends well: `DatasetFolder.note` takes it away with the line in the ledger. When an
    error ends the block, its text stays in the mark.
    """
    file = mark_file(folder, name)
    before = read_mark(file)
    attempt = 1 + before.attempt if before else 1
    mark = Mark(name, socket.gethostname(), os.getpid(), round(time.time(), 3), units, attempt)
    _write(file, mark)
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last >= BEAT_SECONDS:
            last = time.monotonic()
            with contextlib.suppress(OSError):  # another run has finished the shard meanwhile
                os.utime(file)

    try:
        yield beat
    except Exception as fault:
        _write(file, replace(mark, failed=str(fault) or type(fault).__name__))
        raise
    except BaseException:  # Ctrl-C: neither running nor failed
        file.unlink(missing_ok=True)
        raise


def read_mark(file: Path) -> Mark | None:
    """A mark; None where there is none, or half of one."""
    try:
        return Mark(**json.loads(file.read_text(encoding="utf-8", errors="replace")))
    except (OSError, ValueError, TypeError):
        return None


def read_marks(folder: DatasetFolder) -> Iterator[tuple[Mark, float]]:
    """All marks by name, each with the Unix time of its last sign of life."""
    for file in sorted((folder.state / "running").glob("*.json")):
        mark = read_mark(file)
        with contextlib.suppress(FileNotFoundError):  # finished meanwhile
            if mark is not None:
                yield mark, file.stat().st_mtime


def _write(file: Path, mark: Mark) -> None:
    """A mark is news, not work: where the disk does not take it, the shard itself will say so."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(asdict(mark), ensure_ascii=False) + "\n", encoding="utf-8")
