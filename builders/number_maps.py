"""Maps of one number a pixel, read run by run: a picture of regions has many times fewer runs than pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of equal numbers of a map, in reading order; a run may go on in the next row.

    Attributes:
        numbers: (N,) of each run.
        lengths: (N,) int64 pixels.
        shape: of the map.
    """

    numbers: NDArray[Any]
    lengths: NDArray[np.int64]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Runs:
        """Of a (H, W) map."""
        flat = values.ravel()
        if not flat.size:
            return cls(flat, np.zeros(0, np.int64), values.shape)
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        return cls(flat[starts], np.diff(starts, append=flat.size), values.shape)

    def counts(self) -> dict[int, int]:
        """Pixels of every number that occurs, ascending."""
        numbers, places = np.unique(self.numbers, return_inverse=True)
        pixels = np.bincount(places, self.lengths).astype(np.int64)
        return dict(zip(numbers.tolist(), pixels.tolist(), strict=True))

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """A map of the same shape that has, in every pixel, its run's entry of `values`, (N,)."""
        return np.repeat(values, self.lengths).reshape(self.shape)


def counts_in(values: NDArray[np.integer]) -> dict[int, int]:
    """Pixels of every number that a (H, W) map holds, ascending."""
    return Runs.of(values).counts()


def packed(rgb: NDArray[np.uint8], low: Literal["red", "blue"] = "blue") -> NDArray[np.int32]:
    """(H, W) int32: the `low` channel of a (H, W, 3) picture, plus 256 times green, plus 65536 times the other."""
    four = cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA if low == "red" else cv2.COLOR_RGB2BGRA)  # many times quicker than sums
    numbers: NDArray[np.int32] = four.view("<i4")[:, :, 0] & np.int32(0xFFFFFF)
    return numbers


def packed_with(rgb: NDArray[np.uint8], red: NDArray[np.uint8]) -> NDArray[np.int32]:
    """As `packed`, low blue, with red first replaced by its entry of a table, (256,) uint8."""
    four = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA)
    reds = cv2.LUT(cv2.extractChannel(rgb, 0), red)
    cv2.insertChannel(reds, four, 2)
    cv2.insertChannel(np.zeros_like(reds), four, 3)
    numbers: NDArray[np.int32] = four.view("<i4")[:, :, 0]
    return numbers
