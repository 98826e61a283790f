"""What tests of the engines share."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

PIXEL_SCORES = ("resolution", "duplicates", "nss_distance")
"""Scores without a model: the same bytes on every machine."""


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a folder but those of its bookkeeping, which tells times."""
    files = [file for file in root.rglob("*") if file.is_file() and ".taskpaint" not in file.parts]
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


class Deaf:
    """Is told how scoring goes, and does nothing with it."""

    def stage(self, what: str, total: int, unit: str) -> None: ...

    def advance(self, count: int) -> None: ...

    def say(self, text: str) -> None: ...


def processes_of_ray(word: str) -> list[psutil.Process]:
    """Ray's workers below this process whose title holds a word."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end while it is looked at
            if word in "".join(process.cmdline()[:1]):
                found.append(process)
    return found
