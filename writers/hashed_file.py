"""A new file whose SHA-256 is known when it is written."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class HashedFile(io.FileIO):
    """A file that hashes what is written to it on the way, from start to end.

    To read it again for that costs a quarter of the hash, and on a network file system the way there and back.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, "wb")
        self._sha256 = hashlib.sha256()

    def write(self, data: ReadableBuffer) -> int:
        """Write all of the bytes; the system may take fewer at a time."""
        left = whole = memoryview(data).cast("B")
        while left:
            left = left[super().write(left) :]
        self._sha256.update(whole)
        return len(whole)

    def sha256(self) -> str:
        """Of all that was written so far, in hexadecimal."""
        return self._sha256.hexdigest()
