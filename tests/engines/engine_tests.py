"""What tests of the engines share."""

from __future__ import annotations

from pathlib import Path

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
