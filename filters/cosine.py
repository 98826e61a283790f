"""Near pairs among embeddings by cosine: exact up to a size, then with a FAISS index."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import UsageError
from ..manifests.extras import load_extra
from .scorer import Vectors

MOST_EXACT: Final = 200_000
"""Vectors compared all with all: about 1.5e13 multiplications at 768 dimensions, minutes on a few cores."""

_BLOCK = 4096
_SLACK = 1e-4
"""By how much a product in float32 may fall short of the cosine; what is this near is computed again in float64."""
_LISTS_SEARCHED = 32
_TRAINING_POINTS = 64
"""A centroid; FAISS wants 39 to 256."""


def near_cosines(vectors: Vectors, cosine: float, exact_up_to: int = MOST_EXACT) -> NDArray[np.int64]:
    """All pairs of vectors whose cosine is at least so much.

    Above `exact_up_to` vectors an inverted file of FAISS finds candidates; since near vectors lie in the same list or
    in a neighbouring one, few pairs are missed, and none is invented: every cosine is computed exactly.

    Args:
        vectors: (n, dim) float32 of any length; rows with NaN, infinity or nothing but zeros have no near ones.
        cosine: least cosine, above 0 and at most 1.

    Returns:
        (p, 2) int64: i < j, each pair once, in rising order.

    Raises:
        UsageError: the cosine is out of range; FAISS is needed and not installed.
    """
    check_cosine(cosine)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    usable = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    units = vectors[usable] / lengths[usable, None]
    single = units.astype(np.float32)
    candidates = _exact if len(single) <= exact_up_to else _with_faiss
    found = [np.empty(0, np.int64)]
    for first, second in candidates(single, cosine - _SLACK):
        near = _cosines(units, first, second) >= cosine - 1e-12  # equal vectors come to 1 less a rounding
        found.append(usable[first[near]] * len(vectors) + usable[second[near]])
    return np.stack(np.divmod(np.unique(np.concatenate(found)), max(len(vectors), 1)), axis=1)


def check_cosine(cosine: float) -> None:
    """Refuse a threshold that is none.

    Raises:
        UsageError: not above 0 and at most 1.
    """
    if not 0 < cosine <= 1:
        raise UsageError(f"cosine of near-duplicates is {cosine}; give more than 0 and at most 1, such as 0.95")


Pairs = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]


def _cosines(units: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    parts = [
        np.einsum("nd,nd->n", units[first[start : start + _BLOCK]], units[second[start : start + _BLOCK]])
        for start in range(0, len(first), _BLOCK)
    ]
    return np.concatenate([np.empty(0), *parts])


def _exact(units: Vectors, least: float) -> Pairs:
    """Candidates i < j from products of blocks, the upper triangle only."""
    for top in range(0, len(units), _BLOCK):
        for left in range(top, len(units), _BLOCK):
            rows, columns = np.nonzero(units[top : top + _BLOCK] @ units[left : left + _BLOCK].T >= least)
            first, second = rows + top, columns + left
            upper = first < second
            yield first[upper], second[upper]


def _with_faiss(units: Vectors, least: float) -> Pairs:
    """Candidates i < j from the inverted lists nearest to each vector."""
    faiss = load_extra("faiss", "score")
    count, dim = units.shape
    lists = int(4 * math.sqrt(count))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
    sample = np.random.default_rng(0).permutation(count)[: _TRAINING_POINTS * lists]
    index.train(units[np.sort(sample)])
    index.add(units)
    index.nprobe = min(_LISTS_SEARCHED, lists)
    for top in range(0, count, _BLOCK):
        bounds, _, neighbours = index.range_search(units[top : top + _BLOCK], least)
        first = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds.astype(np.int64))) + top
        low, high = np.minimum(first, neighbours), np.maximum(first, neighbours)
        upper = low < high
        yield low[upper], high[upper]
