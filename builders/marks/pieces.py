"""Connected pieces of a mask, by the runs of their rows: few numbers, however many pixels a piece has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..number_maps import first_of_each
from .rotated_boxes import RotatedBox, box_around

Integers = NDArray[np.int64]

_WITH_DIAGONALS = 8


class Pieces(NamedTuple):
    """The runs of N pieces, piece by piece.

    Attributes:
        firsts: (N + 1,) where each piece's runs begin, and the number of all runs.
        row, left, right: (R,) of each run; it ends before the column `right`.
        areas: (N,) pixels of each piece.
    """

    firsts: Integers
    row: Integers
    left: Integers
    right: Integers
    areas: Integers

    @classmethod
    def of(cls, mask: NDArray[np.uint8], neighbours: int) -> Pieces:
        """The pieces of an (H, W) mask of 0 and 1, by their first pixels; neighbours: 4 or 8, of a pixel."""
        starts, ends, width = _runs(mask)
        touching = int(neighbours == _WITH_DIAGONALS)
        lower = np.searchsorted(ends, starts + (width + 1 - touching))  # the first in the next row that reaches so far
        after = np.searchsorted(starts, ends + (width + touching))
        found = np.maximum(after - lower, 0)
        upper = np.arange(len(starts)).repeat(found)
        lower = np.arange(len(upper)) + (lower - np.cumsum(found) + found).repeat(found)
        owners = first_of_each(len(starts), upper, lower)
        order = np.argsort(owners, kind="stable")
        owners, starts, lengths = owners[order], starts[order], (ends - starts)[order]
        firsts = np.flatnonzero(np.diff(owners, prepend=-1))
        row, left = np.divmod(starts, width)
        areas = np.add.reduceat(lengths, firsts) if len(firsts) else lengths
        return cls(np.append(firsts, len(order)), row, left, left + lengths, areas)

    def bounds(self) -> Integers:
        """(N, 4) left, top, right and bottom edges."""
        firsts = self.firsts[:-1]
        if not len(firsts):
            return np.zeros((0, 4), np.int64)
        left, right = np.minimum.reduceat(self.left, firsts), np.maximum.reduceat(self.right, firsts)
        return np.stack([left, self.row[firsts], right, self.row[self.firsts[1:] - 1] + 1], axis=1)

    def box(self, at: int) -> RotatedBox:
        """The smallest rectangle that holds all of every pixel of a piece."""
        runs = slice(int(self.firsts[at]), int(self.firsts[at + 1]))
        row = self.row[runs]
        return box_around([self.left[runs], self.right[runs]], [row, row + 1])


def _runs(mask: NDArray[np.uint8]) -> tuple[Integers, Integers, int]:
    """The pixels that runs of ones start at and end before, numbered along rows that are one pixel longer."""
    framed = np.zeros((mask.shape[0], mask.shape[1] + 1), np.uint8)
    framed[:, :-1] = mask
    flat = framed.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if mask.size and flat[0]:
        edges = np.append(0, edges)
    return edges[::2], edges[1::2], framed.shape[1]
