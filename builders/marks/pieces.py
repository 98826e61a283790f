"""Connected pieces of a mask, by the runs of their rows: few numbers, however many pixels a piece has."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .rotated_boxes import RotatedBox, box_around

Integers = NDArray[np.int64]


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
        """The pieces of an (H, W) mask of 0 and 1, of which each pixel has 4 or 8 neighbours."""
        if not mask.size:  # OpenCV crashes
            nothing = np.zeros(0, np.int64)
            return cls(np.zeros(1, np.int64), nothing, nothing, nothing, nothing)
        _, labels = cv2.connectedComponents(mask, connectivity=neighbours)
        begins = np.ones(labels.shape, np.bool_)
        np.not_equal(labels[:, 1:], labels[:, :-1], out=begins[:, 1:])
        starts = np.flatnonzero(begins)
        lengths = np.diff(starts, append=labels.size)
        numbers = labels.ravel()[starts]
        order = np.argsort(numbers, kind="stable")
        order = order[np.searchsorted(numbers[order], 1) :]  # 0 is what belongs to none
        row, left = np.divmod(starts[order], labels.shape[1])
        lengths, numbers = lengths[order], numbers[order]
        firsts = np.flatnonzero(np.diff(numbers, prepend=0))
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
