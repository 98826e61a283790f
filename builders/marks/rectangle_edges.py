"""Where boxes may begin and end along an axis: the rows at which paint does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence

Integers = NDArray[np.int64]

_RUN: Final = 3
"""An edge shows as a change over at least so many pixels in a row."""
_MOST_EDGES: Final = 64


def edges_of(part: Evidence, outline: int) -> tuple[Integers, Integers]:
    """Rows where boxes may begin and where they may end, from runs of changes along the rows."""
    height = part.shape[0]
    padded = np.full((height + 2, part.shape[1]), -1, np.int8)
    padded[1:-1] = part
    begins, ends = _changes(padded[:-1], padded[1:], outline)
    return _joined(_supported(begins), _supported(ends), outline, height)


def cell_edges(evidence: Evidence, ends: Integers, widths: Integers, outline: int) -> tuple[Integers, Integers]:
    """As `edges_of`, on a coarse map."""
    padded = np.full((evidence.shape[0] + 2, evidence.shape[1]), -1, np.int8)
    padded[1:-1] = evidence
    begins, stops = _changes(padded[:-1], padded[1:], outline)
    rising, falling = (ends[_longest_run(changes, widths) > _RUN] for changes in (begins, stops))
    return _joined(rising, falling, outline, int(ends[-1]))


def changes_for_long(changes: Sequence[bool], ends: Sequence[int]) -> bool:
    """Whether cells with a change follow each other for long enough to show as an edge in `cell_edges`.

    Args:
        changes: of each of a row of cells.
        ends: where the cells begin and end, one more.
    """
    begun = ends[0]
    for changed, stop in zip(changes, ends[1:], strict=True):
        if not changed:
            begun = stop
        elif stop - begun > _RUN:
            return True
    return False


def _changes(before: Evidence, after: Evidence, outline: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where paint begins and where it ends. Lines cross; only a bare pixel beside shows the edge of one."""
    if outline:
        return (before < 0) & (after > 0), (before > 0) & (after < 0)
    return (before <= 0) & (after > 0), (before > 0) & (after <= 0)


def _supported(changes: NDArray[np.bool_]) -> Integers:
    """Rows with a long enough run of changes, the best supported when there are too many."""
    runs = changes[:, : -_RUN + 1].copy()
    for shift in range(1, _RUN):
        runs &= changes[:, shift : changes.shape[1] - _RUN + 1 + shift]
    support = runs.sum(axis=1)
    rows = np.flatnonzero(support)
    if len(rows) > _MOST_EDGES:
        rows = np.sort(rows[np.argsort(-support[rows], kind="stable")[:_MOST_EDGES]])
    return rows


def _longest_run(changes: NDArray[np.bool_], widths: Integers) -> Integers:
    """(R,) the longest run of changes in each row of cells, pixels."""
    reached = (changes * widths).cumsum(axis=1)
    begun = np.maximum.accumulate(reached * ~changes, axis=1)
    return (reached - begun).max(axis=1)


def _joined(rising: Integers, falling: Integers, outline: int, size: int) -> tuple[Integers, Integers]:
    """A line has two edges; either places it, and it may be a box's first or last."""
    if not outline:
        return rising, falling
    lines = sorted({*rising.tolist(), *(edge - outline for edge in falling.tolist())})  # few, so not worth arrays
    starts = [line for line in lines if line >= 0]
    stops = [line + outline for line in lines if line + outline <= size]
    return np.array(starts, np.int64), np.array(stops, np.int64)
