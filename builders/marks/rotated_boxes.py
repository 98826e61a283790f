"""Rotated rectangles: the smallest around points, their corners and overlap. No angles, so nothing is rounded
differently from one machine to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .convex_polygons import Corner, area, shared_part

Points = NDArray[np.float64]
Floats = NDArray[np.float64]

_ROUNDING = 1e-6


class RotatedBox(NamedTuple):
    """A rectangle at any angle, in pixel edges as boxes have them: the first pixel's centre is (0.5, 0.5).

    Attributes:
        x, y: its middle.
        width, height: its sides.
        along_x, along_y: unit vector along the width; the height runs along (-along_y, along_x).
    """

    x: float
    y: float
    width: float
    height: float
    along_x: float = 1.0
    along_y: float = 0.0

    def corners(self) -> Points:
        """(4, 2) x and y of the corners, clockwise as seen on the screen, the topmost first (of two, the left)."""
        found = self.corner_list()
        first = min(range(4), key=lambda at: (round(found[at][1], 2), found[at][0]))
        return np.array(found[first:] + found[:first])

    def corner_list(self) -> list[Corner]:
        """The same as plain numbers, any of them first."""
        right_x, right_y = self.along_x * self.width / 2, self.along_y * self.width / 2
        down_x, down_y = -self.along_y * self.height / 2, self.along_x * self.height / 2
        return [
            (-right_x - down_x + self.x, -right_y - down_y + self.y),
            (right_x - down_x + self.x, right_y - down_y + self.y),
            (right_x + down_x + self.x, right_y + down_y + self.y),
            (down_x - right_x + self.x, down_y - right_y + self.y),
        ]

    def grown(self, by: float) -> RotatedBox:
        """Every side moved out by so many pixels; in, where negative."""
        return self._replace(width=self.width + 2 * by, height=self.height + 2 * by)


def box_of_corners(corners: Sequence[Sequence[float]]) -> RotatedBox:
    """The inverse of `corners`, for four corners in order around a rectangle."""
    points = np.array(corners, float)
    (x, y), side, other = points.mean(axis=0).tolist(), points[1] - points[0], points[2] - points[1]
    width, height = math.hypot(*side), math.hypot(*other)
    turn = side / width if width else np.array([1.0, 0.0])
    return RotatedBox(x, y, width, height, float(turn[0]), float(turn[1]))


def smallest_box(points: Points) -> RotatedBox:
    """The rectangle of least area around (N, 2) points; one of its sides lies along their convex hull.

    Source: Freeman and Shapira 1975, by trying every side of the hull.
    """
    around = points[cv2.convexHull(points.astype(np.float32), returnPoints=False).ravel()]
    sides = np.empty_like(around)
    np.subtract(around[1:], around[:-1], out=sides[:-1])
    np.subtract(around[0], around[-1], out=sides[-1])
    lengths = np.sqrt(sides[:, 0] * sides[:, 0] + sides[:, 1] * sides[:, 1])
    if not lengths.all():
        sides, lengths = sides[lengths > 0], lengths[lengths > 0]
        if not len(sides):
            return RotatedBox(float(points[0, 0]), float(points[0, 1]), 0.0, 0.0)
    count = len(sides)
    turns = np.empty((count * 2, 2))  # along each side, then across each
    np.divide(sides, lengths[:, None], out=turns[:count])
    np.negative(turns[:count, 1], out=turns[count:, 0])
    turns[count:, 1] = turns[:count, 0]
    places = turns[:, :1] * around[:, 0]
    places += turns[:, 1:] * around[:, 1]
    least, most = np.minimum.reduce(places, axis=1), np.maximum.reduce(places, axis=1)
    extents = most - least
    best = int((extents[:count] * extents[count:]).round(6).argmin())
    ends = [(float(least[at]), float(most[at])) for at in (best, best + count)]
    (u, width), (v, height) = (((low + high) / 2, high - low) for low, high in ends)
    along_x, along_y = turns[best].tolist()
    return RotatedBox(u * along_x - v * along_y, u * along_y + v * along_x, width, height, along_x, along_y)


def box_of_runs(
    runs: NDArray[np.int64], height: int, places: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None
) -> RotatedBox | None:
    """The smallest rectangle that holds all of every pixel that is set, of a mask; None when none is.

    Args:
        runs: the mask's run lengths down its columns: background first, then by turns, up to its last pixel.
        height: of the mask.
        places: where the mask is shown cropped or resized, the column of the mask that each column shows, and the row
            that each row does, ascending.
    """
    ends = np.cumsum(runs)[1::2]
    starts = ends - runs[1::2]
    starts, ends = starts[starts < ends], ends[starts < ends]
    (left, top), (right, bottom) = np.divmod(starts, height), np.divmod(ends - 1, height)
    wraps = left < right  # to the foot of its first column, all of those between, and from the head of its last
    first, last = left[wraps], right[wraps]
    head, foot = np.zeros(len(first), np.int64), np.full(len(first), height)
    x = [np.concatenate([left, last, first + 1]), np.concatenate([left + 1, last + 1, last])]
    feet = [np.where(wraps, height, bottom + 1), bottom[wraps] + 1, foot]
    y = [np.concatenate([top, head, head]), np.concatenate(feet)]
    if places is not None:
        x, y = ([np.searchsorted(kept, edge) for edge in edges] for kept, edges in zip(places, (x, y), strict=True))
    shown = (x[0] < x[1]) & (y[0] < y[1])
    return box_around([edge[shown] for edge in x], [edge[shown] for edge in y]) if shown.any() else None


def box_around(x: Sequence[NDArray[np.integer]], y: Sequence[NDArray[np.integer]]) -> RotatedBox:
    """The smallest rectangle around upright ones, given by their left and right, upper and lower edges."""
    corners = [np.stack([edge, other], axis=1) for edge in x for other in y]
    return smallest_box(np.concatenate(corners).astype(np.float64))


def reach_of(box: RotatedBox) -> tuple[float, float]:
    """How far a box reaches from its middle along x and along y."""
    along_x, along_y = abs(box.along_x), abs(box.along_y)
    return (along_x * box.width + along_y * box.height) / 2, (along_y * box.width + along_x * box.height) / 2


def touch(first: RotatedBox, second: RotatedBox, gap: float) -> bool:
    """Whether two boxes overlap once each side is moved out by half the gap: no side of either parts them."""
    right, down = second.x - first.x, second.y - first.y
    along = abs(first.along_x * second.along_x + first.along_y * second.along_y)
    across = abs(first.along_x * second.along_y - first.along_y * second.along_x)
    width, height = (first.width + gap) / 2, (first.height + gap) / 2
    other_width, other_height = (second.width + gap) / 2, (second.height + gap) / 2
    return (
        abs(right * first.along_x + down * first.along_y) < width + other_width * along + other_height * across
        and abs(down * first.along_x - right * first.along_y) < height + other_width * across + other_height * along
        and abs(right * second.along_x + down * second.along_y) < other_width + width * along + height * across
        and abs(down * second.along_x - right * second.along_y) < other_height + width * across + height * along
    )


def overlap(first: RotatedBox, second: RotatedBox) -> float:
    """Intersection over union, 0 to 1."""
    shared = area(shared_part(first.corner_list(), second.corner_list()))
    whole = first.width * first.height + second.width * second.height - shared
    return shared / whole if whole > 0 else 0.0


def overlap_more(first: RotatedBox, second: RotatedBox, than: float) -> bool:
    """Whether intersection over union is more than a share; no more than the smaller area over the larger."""
    smaller, larger = sorted((first.width * first.height, second.width * second.height))
    return smaller > (than - _ROUNDING) * larger and overlap(first, second) > than


def corner_error(first: RotatedBox, second: RotatedBox) -> float:
    """The largest distance of two corners, pixels, when they are paired in the best of the four ways around."""
    here, there = first.corner_list(), second.corner_list()
    ways = (there[shift:] + there[:shift] for shift in range(4))
    return math.sqrt(min(max(_squared_distance(*pair) for pair in zip(here, way, strict=True)) for way in ways))


def _squared_distance(corner: Corner, other: Corner) -> float:
    across, down = corner[0] - other[0], corner[1] - other[1]
    return across * across + down * down
