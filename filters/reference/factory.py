"""Which index fits: FAISS's guidelines by number of vectors, the coding by the memory there is."""

from __future__ import annotations

import math
import os
import re
from typing import Final

from ...manifests.errors import UsageError

FLAT: Final = "Flat"
LEAST_POINTS: Final = 30
MOST_POINTS: Final = 256
"""Fewest and most training vectors a centroid, from FAISS's guidelines: fewer make bad lists, more change nothing."""
_MANY_LISTS: Final = 16_384
"""Above, the coarse quantizer is an HNSW graph, and training vectors are counted out: 64 for each of 262,144 lists
would be 51 GB of them at dim 768."""
_FLAT_BELOW: Final = 50_000
_SPARE: Final = 1.1


def choose_factory(count: int, dim: int, memory: float) -> str:
    """A FAISS factory string.

    Args:
        count: vectors.
        dim: length of a vector.
        memory: bytes that the index may take.

    Returns:
        "Flat" below 50,000; else inverted lists as FAISS's guidelines have them (4 sqrt(N) up to a million, 65,536
        behind an HNSW graph up to ten, 262,144 above), holding whole vectors when these fit, else the finest code
        that does. Above a hundred million the guidelines go on to 1,048,576 lists, which take 100 GB of training
        vectors and weeks of a processor's time; `--factory` gives them to whom has GPUs for it.

    Raises:
        UsageError: not even the shortest code fits.
    """
    if count < _FLAT_BELOW and index_bytes(FLAT, count, dim) <= memory:
        return FLAT
    lists = _lists(count)
    coarse = f"IVF{lists}_HNSW32" if lists > _MANY_LISTS else f"IVF{lists}"
    codings = ["Flat", "SQ8", "RaBitQ", *(f"PQ{dim // width}" for width in (8, 16) if dim % width == 0)]
    for coding in codings:
        if index_bytes(f"{coarse},{coding}", count, dim) <= memory:
            return f"{coarse},{coding}"
    least = index_bytes(f"{coarse},{codings[-1]}", count, dim)
    raise UsageError(
        f"an index of {count:,} vectors of {dim} needs {least / 1e9:.3g} GB in its shortest form, --memory allows "
        f"{memory / 1e9:.3g} GB; allow more, or split the reference"
    )


def index_bytes(factory: str, count: int, dim: int) -> float:
    """Bytes that an index takes in memory, estimated with a tenth to spare; as for whole vectors where not known."""
    coding = factory.rpartition(",")[2]
    pieces = re.fullmatch(r"PQ(\d+)(?:x\d+)?", coding)
    bytes_a_vector = {"SQ8": dim, "SQfp16": 2 * dim, "RaBitQ": math.ceil(dim / 8) + 8}.get(coding, 4 * dim)
    if pieces:
        bytes_a_vector = int(pieces[1])
    lists = lists_of(factory)
    graph = 2 * 32 * 4 if "HNSW" in factory else 0
    return _SPARE * (count * (bytes_a_vector + (8 if lists else 0)) + lists * (4 * dim + graph))


def lists_of(factory: str) -> int:
    """Inverted lists of a factory string; 0 where it has none."""
    found = re.match(r"(?:\w+,)*?IVF(\d+)", factory)
    return int(found[1]) if found else 0


def usual_points(lists: int) -> int:
    """Training vectors a list."""
    return 32 if lists > _MANY_LISTS else 64


def check_factory(factory: str) -> None:
    """Refuse what the rest cannot drive.

    Raises:
        UsageError: neither Flat nor inverted lists first.
    """
    if factory != FLAT and not re.fullmatch(r"IVF[1-9]\d*(_HNSW\d+)?,[A-Za-z]\w*", factory):
        raise UsageError(
            f"factory {factory!r} is neither Flat nor of the form IVF<lists>,<code> or IVF<lists>_HNSW32,<code>"
        )


def usual_memory() -> float:
    """Half of this machine's memory, bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2


def _lists(count: int) -> int:
    if count > 10_000_000:
        wanted = 2**18
    elif count > 1_000_000:
        wanted = 2**16
    else:
        wanted = 2 ** round(math.log2(4 * math.sqrt(count)))
    return int(min(wanted, 2 ** max(0, int(math.log2(count / LEAST_POINTS)))))
