"""A window of a picture too large to be shown whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import numpy as np

from ..geometry import Box
from ..sample import Sample

_TRIES: Final = 12


def window_around(boxes: Sequence[Box], sample: Sample, side: int, draw: random.Random) -> Box:
    """A square of the image around one of the boxes, if possible one that cuts none of them.

    Args:
        boxes: left, top, right, bottom edges, source pixels; at least one.
        sample: gives the image's size, where it knows it.
        side: of the square, source pixels.
        draw: the unit's randomness.
    """
    edges = np.array(boxes, float)
    best, fewest = (0.0, 0.0, float(side), float(side)), len(boxes) + 1
    for _ in range(_TRIES):
        left, top, right, bottom = boxes[draw.randrange(len(boxes))]
        x = _offset((left + right) / 2, side, sample.width, draw)
        y = _offset((top + bottom) / 2, side, sample.height, draw)
        low, high = np.array([x, y]), np.array([x + side, y + side])
        seen = (edges[:, :2] < high).all(axis=1) & (edges[:, 2:] > low).all(axis=1)
        whole = (edges[:, :2] >= low).all(axis=1) & (edges[:, 2:] <= high).all(axis=1)
        cut = int((seen & ~whole).sum())
        if cut < fewest:
            best, fewest = (x, y, x + side, y + side), cut
        if not cut:
            break
    return best


def _offset(middle: float, side: int, size: int, draw: random.Random) -> float:
    """Where a window begins that holds the middle in its inner half, kept inside the image when its size is known."""
    start = round(middle - side * draw.uniform(0.25, 0.75))
    return float(max(0, min(start, size - side) if size else start))
