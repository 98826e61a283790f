"""Where boxes may begin and end along an axis: the rows at which paint does."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence

Integers = NDArray[np.int64]

RUN: Final = 3
"""An edge shows as a change over at least so many pixels in a row."""
_MOST_EDGES: Final = 64


def edges_of(part: Evidence, outline: int) -> tuple[Integers, Integers]:
    """Rows where boxes may begin and where they may end, from runs of changes along the rows."""
    height = part.shape[0]
    padded = np.full((height + 2, part.shape[1]), -1, np.int8)
    padded[1:-1] = part
    begins, ends = _changes(padded[:-1], padded[1:], outline)
    return _joined(_supported(begins), _supported(ends), outline, height)


def _changes(before: Evidence, after: Evidence, outline: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where paint begins and where it ends. Lines cross; only a bare pixel beside shows the edge of one."""
    if outline:
        return (before < 0) & (after > 0), (before > 0) & (after < 0)
    return (before <= 0) & (after > 0), (before > 0) & (after <= 0)


def _supported(changes: NDArray[np.bool_]) -> Integers:
    """Rows with a long enough run of changes, the best supported when there are too many."""
    runs = changes[:, : -RUN + 1].copy()
    for shift in range(1, RUN):
        runs &= changes[:, shift : changes.shape[1] - RUN + 1 + shift]
    support = runs.sum(axis=1)
    rows = np.flatnonzero(support)
    if len(rows) > _MOST_EDGES:
        rows = np.sort(rows[np.argsort(-support[rows], kind="stable")[:_MOST_EDGES]])
    return rows


def _joined(rising: Integers, falling: Integers, outline: int, size: int) -> tuple[Integers, Integers]:
    """A line has two edges; either places it, and it may be a box's first or last."""
    if not outline:
        return rising, falling
    lines = sorted({*rising.tolist(), *(edge - outline for edge in falling.tolist())})  # few, so not worth arrays
    starts = [line for line in lines if line >= 0]
    stops = [line + outline for line in lines if line + outline <= size]
    return np.array(starts, np.int64), np.array(stops, np.int64)
