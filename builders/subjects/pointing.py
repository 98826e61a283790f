"""Meaning an object by a point on it: "the object at 42% from the left and 63% from the top"."""

from __future__ import annotations

import random

import cv2
import numpy as np
from numpy.typing import NDArray

_FORMS = (
    "the object at {across}% from the left and {down}% from the top",
    "whatever lies {across}% of the way across and {down}% of the way down",
    "the thing under the point x = 0.{across:02d}, y = 0.{down:02d}",
)
_DEEP = 0.5
"""A point lies at least this share of the greatest depth inside the object, so that nobody doubts which is meant."""


def point_at(mask: NDArray[np.uint8], draw: random.Random) -> tuple[str, tuple[float, float]] | None:
    """A phrase for the object and the point that it names, as shares of width and height.

    Args:
        mask: (H, W) uint8 of 0 and 1, what is shown of the object; not empty.
        draw: the unit's randomness.

    Returns:
        The point is a whole number of hundredths, and its pixel belongs to the object; None when the object is so
        small or thin that no such point exists.
    """
    height, width = mask.shape
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    across, down = np.meshgrid(np.arange(1, 100), np.arange(1, 100))
    inside = depth[pixel_of(down, height), pixel_of(across, width)]
    deep = np.argwhere((inside > 0) & (inside >= _DEEP * depth.max()))
    if not len(deep):
        return None
    row, column = deep[draw.randrange(len(deep))].tolist()
    x, y = column + 1, row + 1
    return draw.choice(_FORMS).format(across=x, down=y), (x / 100, y / 100)


def pixel_of(hundredths: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """The pixel that a point so many hundredths along a side of `side` pixels lies on."""
    return np.minimum(hundredths * side // 100, side - 1)
