"""Heartbeats of shards at work: whoever sees the folder can tell what runs, hangs or failed, whatever the engine.

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
"""How often the file is touched while its shard is being built."""


@dataclass(frozen=True)
class Heartbeat:
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


def heartbeat_file(folder: DatasetFolder, name: str) -> Path:
    """Where the heartbeat of a shard lies."""
    return folder.state / "running" / f"{name}.json"


@contextlib.contextmanager
def heartbeat(folder: DatasetFolder, name: str, units: int) -> Iterator[Callable[[], None]]:
    """Tell that a shard is being built; yields what to call now and then to show life.

    The file stays when the block ends well: `DatasetFolder.note` takes it away with the line in the ledger. When an
    error ends the block, its text stays in the file.
    """
    file = heartbeat_file(folder, name)
    before = read_heartbeat(file)
    attempt = 1 + before.attempt if before else 1
    begun = Heartbeat(name, socket.gethostname(), os.getpid(), round(time.time(), 3), units, attempt)
    _write(file, begun)
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
        _write(file, replace(begun, failed=str(fault) or type(fault).__name__))
        raise
    except BaseException:  # Ctrl-C: neither running nor failed
        file.unlink(missing_ok=True)
        raise


def read_heartbeat(file: Path) -> Heartbeat | None:
    """A heartbeat; None where there is none, or half of one."""
    try:
        return Heartbeat(**json.loads(file.read_text(encoding="utf-8", errors="replace")))
    except (OSError, ValueError, TypeError):
        return None


def read_heartbeats(folder: DatasetFolder) -> Iterator[tuple[Heartbeat, float]]:
    """All heartbeats by name, each with the Unix time of its last sign of life."""
    for file in sorted((folder.state / "running").glob("*.json")):
        found = read_heartbeat(file)
        with contextlib.suppress(FileNotFoundError):  # finished meanwhile
            if found is not None:
                yield found, file.stat().st_mtime


def _write(file: Path, begun: Heartbeat) -> None:
    """A heartbeat is news, not work: where the disk does not take it, the shard itself will say so."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(asdict(begun), ensure_ascii=False) + "\n", encoding="utf-8")
