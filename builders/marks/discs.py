"""Discs and rings: draw them exactly, and say beforehand which arrangements can be read back."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .disc_edges import NEAREST, distances, readable_in_turn
from .palette import RGBTuple

Point = tuple[float, float]

MIN_RADIUS: Final = 3.0
MIN_THICKNESS: Final = 1.5
_SAMPLES: Final = 400


@dataclass(frozen=True, slots=True)
class MarkShape:
    """A disc or ring; a pixel belongs to it when its centre lies within `outer` and farther than `inner`.

    Attributes:
        outer: radius in pixels.
        inner: radius of the hole; negative for a disc, which has none.
    """

    outer: float
    inner: float = -1.0

    @classmethod
    def scaled(cls, style: str, size_wh: tuple[int, int], radius: float, thickness: float) -> MarkShape:
        """The mark for an image: radius and thickness are shares of its shorter side."""
        shorter = min(size_wh)
        outer = round(max(MIN_RADIUS, radius * shorter), 2)
        if style == "disc":
            return cls(outer)
        return cls(outer, round(outer - min(outer / 2, max(MIN_THICKNESS, thickness * shorter)), 2))

    def near(self, image: NDArray[Any], center: Point, margin: float = 0.0) -> tuple[slice, slice, NDArray[np.bool_]]:
        """Window of the image that holds the mark, and its pixels in it, each edge moved out by `margin`, at most 1."""
        x, y = center
        outer, inner = self.outer + margin, self.inner - margin
        height, width = image.shape[:2]
        left, top = max(0, math.ceil(x - outer)), max(0, math.ceil(y - outer))
        right = max(left, min(width, math.floor(x + outer) + 1))
        bottom = max(top, min(height, math.floor(y + outer) + 1))
        column, row, reach = math.floor(x), math.floor(y), math.ceil(self.outer) + 1
        squared = _squared_distances(x - column, y - row, reach)[
            top - row + reach : bottom - row + reach, left - column + reach : right - column + reach
        ]
        inside = squared <= outer * outer
        if inner > 0:
            inside &= squared > inner * inner
        return slice(top, bottom), slice(left, right), inside


@functools.lru_cache(maxsize=16)
def _squared_distances(x: float, y: float, reach: int) -> NDArray[np.float64]:
    """(N, N) of pixels from `reach` before the first to `reach` + 1 behind; the centre lies x and y, below 1, behind.

    Most joints lie on whole pixels, so that these are asked for again and again.
    """
    places = np.arange(-reach, reach + 2)
    return np.add.outer((places - y) ** 2, (places - x) ** 2)


def stamp(image: NDArray[np.uint8], center: Point, shape: MarkShape, color: RGBTuple | int) -> None:
    """Draw one mark, opaque and without anti-aliasing, in place.

    Args:
        image: (H, W, 3) uint8, or (H, W) of palette positions.
        center: x and y, pixel centres from 0; fractions count.
        color: or its position.
    """
    rows, columns, inside = shape.near(image, center)
    image[rows, columns][inside] = color


def stamp_all(image: RGB, centers: Sequence[Point], shape: MarkShape, rgb: RGBTuple) -> None:
    """As `stamp`, for many small marks of one colour, and a picture that lies in memory row by row."""
    if centers:
        image.reshape(-1, 3, copy=False)[_places_of(image, centers, shape)] = rgb


def pixels_under(image: RGB, centers: Sequence[Point], shape: MarkShape) -> NDArray[np.uint8]:
    """(N, 3) uint8 colours that marks cover or touch, a few hundred a mark at most."""
    if not centers:
        return np.zeros((0, 3), np.uint8)
    height, width = image.shape[:2]
    middles = np.rint(np.array(centers)).astype(np.int64)
    across, down = _lattice(shape)
    x, y = middles[:, :1] + across, middles[:, 1:] + down
    places = (y * width + x)[(x >= 0) & (x < width) & (y >= 0) & (y < height)]
    found: NDArray[np.uint8] = image.reshape(-1, 3).take(places, axis=0)
    return found


@functools.lru_cache(maxsize=64)
def _lattice(shape: MarkShape) -> NDArray[np.int64]:
    """(2, N) how far right and down of a mark's middle its pixels lie, those that it touches among them; of a large one
    those on a grid."""
    outer, inner = shape.outer + 1, max(shape.inner - 1, 0.0)
    step = max(1, math.ceil(math.sqrt(math.pi * (outer * outer - inner * inner) / _SAMPLES)))
    reach = math.floor(outer / step) * step
    places = np.mgrid[-reach : reach + 1 : step, -reach : reach + 1 : step].reshape(2, -1)
    squared = (places * places).sum(axis=0)
    found: NDArray[np.int64] = places[:, (squared <= outer * outer) & (squared >= inner * inner)]
    found.flags.writeable = False
    return found


def _places_of(image: RGB, centers: Sequence[Point], shape: MarkShape) -> NDArray[np.int64]:
    """Where the pixels of all marks, at least one, stand in the picture row by row; a pixel of two marks twice."""
    x, y = np.array(centers, float).T[:, :, None]  # (N, 1) each
    outer, inner = shape.outer, shape.inner
    height, width = image.shape[:2]
    left, right = np.maximum(np.ceil(x - outer), 0), np.minimum(np.floor(x + outer), width - 1)
    top, bottom = np.maximum(np.ceil(y - outer), 0), np.minimum(np.floor(y + outer), height - 1)
    columns = left + np.arange(max(0, int((right - left).max()) + 1))
    rows = top + np.arange(max(0, int((bottom - top).max()) + 1))
    squared = ((rows - y) ** 2)[:, :, None] + ((columns - x) ** 2)[:, None, :]
    inside = (squared <= outer * outer) & (rows <= bottom)[:, :, None] & (columns <= right)[:, None, :]
    if inner > 0:
        inside &= squared > inner * inner
    places = (rows * width)[:, :, None] + columns[:, None, :]
    return places[inside].astype(np.int64)


def can_be_read(centers: Sequence[Point], owners: Sequence[int], shape: MarkShape, size_wh: tuple[int, int]) -> bool:
    """Whether each mark will show enough of its edge to fix its centre, once all are drawn in this order.

    See `readable_in_turn`.

    Args:
        centers: x and y of each mark.
        owners: which colour each has; marks of one colour melt into each other.
        shape: of all marks.
        size_wh: of the picture, pixels.
    """
    if not centers:
        return True
    width, height = size_wh
    inset = min(min(x, y, width - 1 - x, height - 1 - y) for x, y in centers)
    clear = 2 * shape.outer + 2
    if inset > shape.outer + 1 and all(math.dist(one, other) > clear for one, other in combinations(centers, 2)):
        return True
    points = np.array(centers, float)
    if float(distances(points).min()) < NEAREST * shape.outer:
        return False
    return len(readable_in_turn(points, owners, (shape.outer, shape.inner), size_wh)) == len(points)
