"""Memory that workers write prepared pictures into and the parent reads them from, without a copy on the way."""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class SlotFile:
    """Slots of one size, as a worker opens them.

    Attributes:
        path: of the memory as a file.
        shape, dtype: of what one slot holds.
    """

    path: str
    count: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def slot_bytes(self) -> int:
        """Bytes of one slot."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def open(self) -> NDArray[Any]:
        """All slots, (count, *shape)."""
        with open(self.path, "r+b") as opened:  # noqa: PTH123  a path under /proc must not be resolved
            memory = mmap.mmap(opened.fileno(), self.slot_bytes * self.count)
        return np.frombuffer(memory, self.dtype).reshape(self.count, *self.shape)


class Slots:
    """Memory for `count` arrays of one shape; use as a context manager.

    It has no name in /dev/shm, which containers keep small: it is a memory file that workers open through the
    parent's entry in /proc, and a temporary file where there is no such thing. Nothing of it outlives the parent.
    """

    def __init__(self, count: int, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._temporary: Any = None
        if hasattr(os, "memfd_create"):
            self._handle = os.memfd_create("taskpaint-slots")
            path = f"/proc/{os.getpid()}/fd/{self._handle}"
        else:
            self._temporary = tempfile.NamedTemporaryFile(prefix="taskpaint-slots-")  # noqa: SIM115
            self._handle, path = self._temporary.fileno(), self._temporary.name
        self.file = SlotFile(path, count, shape, np.dtype(dtype).str)
        os.ftruncate(self._handle, self.file.slot_bytes * count)
        self.arrays = self.file.open()

    def __enter__(self) -> Slots:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._temporary is not None:
            self._temporary.close()
        else:
            os.close(self._handle)
