"""Points of a depth map whose depth is certain: much of their surroundings is measured, and lies at one depth."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Place = tuple[int, int]
"""x and y of a pixel."""

_LEAST_SHARE: Final = 0.1
_LEAST_POINTS: Final = 5
_TRIES: Final = 200


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """A pixel, x and y, and the mean depth around it, metres."""

    place: Place
    depth_m: float


@dataclass(frozen=True, slots=True)
class SteadyDepth:
    """Where depth is certain.

    Attributes:
        depth_m: (H, W) metres; 0 where there is none.
        reach: half the side of the square around a pixel that its depth is the mean of, pixels.
        certain: (N,) positions of pixels with certain depth, counted row by row.
    """

    depth_m: NDArray[np.float32]
    reach: int
    certain: NDArray[np.intp]

    def pair(self, margin: float, apart_px: float, draw: random.Random) -> tuple[DepthPoint, DepthPoint] | None:
        """Two points in random order, evenly drawn; None when hardly any two will do.

        Args:
            margin: least share by which the farther lies deeper than the nearer.
            apart_px: least distance in the image.
            draw: the unit's randomness.
        """
        for _ in range(_TRIES if len(self.certain) else 0):
            first, second = (self.point(draw.randrange(len(self.certain))) for _ in range(2))
            nearer, farther = sorted((first.depth_m, second.depth_m))
            if farther >= (1 + margin) * nearer and math.dist(first.place, second.place) >= apart_px:
                return first, second
        return None

    def point(self, position: int) -> DepthPoint:
        """One of the pixels, by its place in `certain`."""
        y, x = divmod(int(self.certain[position]), self.depth_m.shape[1])
        top, left = max(0, y - self.reach), max(0, x - self.reach)
        around = self.depth_m[top : y + self.reach + 1, left : x + self.reach + 1]
        return DepthPoint((x, y), float(around.sum(dtype=np.float64)) / np.count_nonzero(around > 0))


def steady_depth(depth_m: NDArray[np.float32], reach: int, spread: float, inset: int) -> SteadyDepth:
    """Find the pixels around which depth is measured and even.

    Args:
        depth_m: (H, W) metres; 0 where there is none.
        reach: half the side of the square around a pixel, pixels.
        spread: most that the deepest pixel around may exceed the nearest by, as a share.
        inset: least distance from the picture's edges, pixels.
    """
    known = depth_m > 0
    side = 2 * reach + 1
    kernel = np.ones((side, side), np.uint8)
    deepest = cv2.dilate(depth_m, kernel)
    nearest = cv2.erode(np.where(known, depth_m, np.float32(np.inf)), kernel)
    marked = known.view(np.uint8)
    count = cv2.boxFilter(marked, cv2.CV_32S, (side, side), None, (-1, -1), False, cv2.BORDER_CONSTANT)
    measured = known & (count >= max(_LEAST_POINTS, _LEAST_SHARE * side * side))
    steady = measured & (deepest / np.float32(1 + spread) <= nearest)
    height, width = depth_m.shape
    inside = np.zeros_like(steady)
    rows, columns = (slice(inset, max(inset, length - inset)) for length in (height, width))
    inside[rows, columns] = steady[rows, columns]
    return SteadyDepth(depth_m, reach, np.flatnonzero(inside))
