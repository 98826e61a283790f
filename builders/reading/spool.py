"""Group many small byte strings by key with flat memory: appended to a file, read back key by key."""

from __future__ import annotations

import tempfile
from array import array
from types import TracebackType
from typing import IO

import numpy as np


class Spool:
    """Byte strings under integer keys (64 bits), kept in a temporary file.

    Use as a context manager: `add` in any order, then `seal`, then `keys` and `get`.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._keys = array("q")
        self._ends = array("q", [0])

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, key: int, data: bytes) -> None:
        """Keep `data` under `key`."""
        self._file.write(data)
        self._keys.append(key)
        self._ends.append(self._ends[-1] + len(data))

    def seal(self) -> None:
        """Sort by key; strings of one key keep the order in which they came."""
        self._file.flush()
        keys = np.frombuffer(self._keys, np.int64) if len(self._keys) else np.zeros(0, np.int64)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def keys(self) -> list[int]:
        """All keys, each once, ascending."""
        found: list[int] = np.unique(self._sorted).tolist()
        return found

    def get(self, key: int) -> list[bytes]:
        """The strings under `key`, in the order in which they came."""
        if not len(self._sorted):
            return []
        first, last = self._sorted.searchsorted(key, "left"), self._sorted.searchsorted(key, "right")
        found = []
        for position in self._order[first:last].tolist():
            start, end = self._ends[position], self._ends[position + 1]
            self._file.seek(start)
            found.append(self._file.read(end - start))
        return found
