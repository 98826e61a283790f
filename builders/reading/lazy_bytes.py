"""Bytes inside a container (zip, Parquet, Arrow), read only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..sample import FileBytes


def _nothing() -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class LazyBytes(FileBytes):
    """Bytes that `load` fetches. path: the container, and below it what is meant, for messages.

    `load` must be picklable, and raise BadItem when the bytes cannot be had.
    """

    load: Callable[[], bytes] = _nothing

    def read(self) -> bytes:
        """The bytes.

        Raises:
            BadItem: the container is missing or broken.
        """
        return self.load()


def lazy(container: Path, name: str, load: Callable[[], bytes]) -> LazyBytes:
    """Bytes called `name` in a container."""
    return LazyBytes(container / name, None, load)
