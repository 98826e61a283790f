"""Locks on files. A lock belongs to the open file: it ends with the process, however that ends, and leaves nothing.

Files are opened for reading and writing: NFS gives a lock to hold together only to readers, one to hold alone only to
writers.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .errors import FolderBusyError


def take(opened: int | IO[Any], complaint: str, *, together: bool = False) -> None:
    """Lock an open file, without waiting, until it is closed.

    Args:
        opened: the file, or its descriptor.
        complaint: what to say when it is held elsewhere: who holds it, and what to do.
        together: hold it with others who do the same, against those who want it alone.

    Raises:
        FolderBusyError: it is held elsewhere, in this process too.
    """
    try:
        fcntl.flock(opened, (fcntl.LOCK_SH if together else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        raise FolderBusyError(complaint) from fault


def wait_for(opened: int | IO[Any]) -> None:
    """Lock an open file until it is closed, as soon as nobody else holds it.

    Raises:
        OSError: the file system has no locks.
    """
    fcntl.flock(opened, fcntl.LOCK_EX)


@contextlib.contextmanager
def held(file: Path, complaint: str) -> Iterator[None]:
    """Hold a file, which is made where it is missing; see `take`.

    Raises:
        FolderBusyError: it is held elsewhere.
    """
    with file.open("a+") as opened:
        take(opened, complaint)
        yield


@contextlib.contextmanager
def waited_for(file: Path) -> Iterator[None]:
    """Hold a file, which is made where it is missing, as soon as nobody else does."""
    with file.open("a+") as opened:
        wait_for(opened)
        yield
