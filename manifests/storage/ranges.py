"""An object in a store as a file that is read range by range."""

from __future__ import annotations

import io
import os
from collections.abc import Callable


class Ranges(io.RawIOBase):
    """An object read range by range."""

    def __init__(self, read_range: Callable[[int, int], bytes], size: int) -> None:
        """Begin at its start.

        Args:
            read_range: gives the bytes from one place up to another.
            size: of all of it.
        """
        super().__init__()
        self._read_range, self._size, self._at = read_range, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to where the next read shall begin."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes from here, all that are left when it is negative or None."""
        stop = self._size if size is None or size < 0 else min(self._size, self._at + size)
        data = self._read_range(self._at, stop) if stop > self._at else b""
        self._at += len(data)
        return data
