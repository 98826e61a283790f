"""Memory that a worker has freed, kept for its next picture."""

from __future__ import annotations

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h."""


def keep_freed_memory(most_bytes: int = 128 << 20) -> bool:
    """Have the C library keep up to so many freed bytes in this process.

    Left to itself, it gives the memory of a large picture back to the system as soon as that is dealt with, and every
    4 KiB of the next one cost a page fault: with maps of 10 MB more than their decoding.

    Returns:
        Whether the library can be asked; only glibc can.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, most_bytes // 2) and mallopt(_TRIM_THRESHOLD, most_bytes))
