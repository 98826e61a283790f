"""Rotated rectangles: the smallest around points, their pixels, corners and overlap. No angles, so nothing is rounded
differently from one machine to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .convex_polygons import Corner, area, shared_part
from .palette import RGBTuple

Points = NDArray[np.float64]
Floats = NDArray[np.float64]
Window = tuple[slice, slice]

FULL_LINES: Final = 3
"""A box that is less than so many lines wide is painted full."""
_BESIDE = 2
_ROUNDING = 1e-6
_LEVEL = 1e-12
"""A side that rises less than this a pixel is level."""
_NUDGE = 1e-6
"""Centres of pixels often lie just on a side, as corners are whole numbers: sides are moved so little, back along the
box's own axes, that rounding does not choose between them."""


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
        return np.array(self.corner_list())

    def corner_list(self) -> list[Corner]:
        """The same, as plain numbers."""
        right_x, right_y = self.along_x * self.width / 2, self.along_y * self.width / 2
        down_x, down_y = -self.along_y * self.height / 2, self.along_x * self.height / 2
        found = [
            (-right_x - down_x + self.x, -right_y - down_y + self.y),
            (right_x - down_x + self.x, right_y - down_y + self.y),
            (right_x + down_x + self.x, right_y + down_y + self.y),
            (down_x - right_x + self.x, down_y - right_y + self.y),
        ]
        first = min(range(4), key=lambda at: (round(found[at][1], 2), found[at][0]))
        return found[first:] + found[:first]

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
    x, y = around[:, 0], around[:, 1]
    turn_x, turn_y = (sides[:, :1] / lengths[:, None], sides[:, 1:] / lengths[:, None])
    across, down = turn_x * x + turn_y * y, turn_x * y - turn_y * x
    left, right, top, bottom = across.min(axis=1), across.max(axis=1), down.min(axis=1), down.max(axis=1)
    best = int(np.round((right - left) * (bottom - top), 6).argmin())
    u, v = float(left[best] + right[best]) / 2, float(top[best] + bottom[best]) / 2
    width, height = float(right[best] - left[best]), float(bottom[best] - top[best])
    along_x, along_y = float(turn_x[best, 0]), float(turn_y[best, 0])
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


def pixels_of(box: RotatedBox, size_wh: tuple[int, int], outline: float) -> tuple[Window, NDArray[np.bool_]]:
    """A window of the picture, and which of its pixels a box paints: those whose centre lies on it.

    Of centres on a side itself those count that lie where the box's own axes begin.

    Args:
        box: what is drawn.
        size_wh: of the picture.
        outline: width of the line, drawn inside the box; a box less than three lines wide is painted full. 0: filled.
    """
    reach_x, reach_y = reach_of(box)
    left, right = max(0, math.floor(box.x - reach_x)), min(size_wh[0], math.ceil(box.x + reach_x))
    top, bottom = max(0, math.floor(box.y - reach_y)), min(size_wh[1], math.ceil(box.y + reach_y))
    right, bottom = max(left, right), max(top, bottom)
    sides = _sides(box, top, bottom)
    inside = _between(_spans(sides, box.width / 2, box.height / 2, left, right), right - left)
    if outline and min(box.width, box.height) >= FULL_LINES * outline:
        hole = _spans(sides, box.width / 2 - outline, box.height / 2 - outline, left, right)
        inside ^= _between(hole, right - left)
    return (slice(top, bottom), slice(left, right)), inside


def stamp_rotated(painted: RGB, box: RotatedBox, outline: int, rgb: RGBTuple) -> None:
    """Draw one box, opaque and without anti-aliasing, in place; (H, W, 3) uint8."""
    window, inside = pixels_of(box, (painted.shape[1], painted.shape[0]), outline)
    if inside.size:
        row = np.empty((1, inside.shape[1], 3), np.uint8)
        row[:] = rgb
        cv2.copyTo(cv2.repeat(row, inside.shape[0], 1), inside.view(np.uint8), painted[window])


def pixels_under(photo: RGB, boxes: Sequence[RotatedBox], outline: int) -> NDArray[np.uint8]:
    """(N, 3) uint8 colours that boxes cover or touch, about a thousand a box at most."""
    found = []
    for box in boxes:
        size_wh = (photo.shape[1], photo.shape[0])
        line = outline + 2 * _BESIDE if outline else 0
        (rows, columns), inside = pixels_of(box.grown(_BESIDE), size_wh, line)
        places = np.flatnonzero(inside)
        down, across = np.divmod(places[:: max(1, len(places) // 1000)], max(1, inside.shape[1]))
        found.append(photo[down + rows.start, across + columns.start])
    return np.concatenate(found)


def clipped(points: Points, size_wh: tuple[int, int]) -> Points:
    """The part of the convex hull of (N, 2) points that lies in the picture, as its corners; (0, 2) when none does."""
    hull = points[cv2.convexHull(points.astype(np.float32), returnPoints=False).ravel()]
    ahead = np.roll(hull, -1, axis=0)
    if float(hull[:, 0] @ ahead[:, 1] - hull[:, 1] @ ahead[:, 0]) < 0:
        hull = hull[::-1]
    width, height = (float(side) for side in size_wh)
    shared = shared_part([(x, y) for x, y in hull.tolist()], [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)])
    return np.array(shared).reshape(-1, 2)


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
    here, there = first.corners(), second.corners()
    ways = (np.roll(there, shift, axis=0) for shift in range(4))
    return min(float(np.sqrt(((here - way) ** 2).sum(axis=1)).max()) for way in ways)


def _sides(box: RotatedBox, top: int, bottom: int) -> list[tuple[Floats, float]]:
    """For both pairs of parallel sides, where each row crosses the line halfway between them, and how fast a row goes
    away from that line. Of sides that are level: how far each row lies from that line, and 0."""
    down: Floats = np.arange(top, bottom, dtype=np.float64) + (0.5 - box.y)
    return [
        (down * across + _NUDGE, 0.0)
        if abs(along) < _LEVEL
        else (box.x - 0.5 - (down * across + _NUDGE) / along, abs(along))
        for along, across in ((box.along_x, box.along_y), (-box.along_y, box.along_x))
    ]


def _spans(
    sides: Sequence[tuple[Floats, float]], half_width: float, half_height: float, left: int, right: int
) -> tuple[Floats, Floats]:
    """The first column of each row between the sides and that after the last, from `left`; the sides lie so far from
    the middle of the box."""
    first, end = np.zeros(len(sides[0][0])), np.full(len(sides[0][0]), float(right - left))
    for (middle, slope), half in zip(sides, (half_width, half_height), strict=True):
        if slope:
            np.maximum(first, np.ceil(middle + (-half / slope - left)), out=first)
            np.minimum(end, np.ceil(middle + (half / slope - left)), out=end)
        else:
            end *= (middle >= -half) & (middle < half)
    return first, np.maximum(end, first)


def _between(spans: tuple[Floats, Floats], width: int) -> NDArray[np.bool_]:
    """(H, width): columns from the first of each row to before its end."""
    kind: type[np.unsignedinteger[Any]] = np.uint16 if width < 2**16 else np.uint32
    first, end = spans
    start, length = np.minimum(first, width).astype(kind), (end - first).astype(kind)
    columns: NDArray[Any] = np.arange(width, dtype=kind)
    found: NDArray[np.bool_] = columns - start[:, None] < length[:, None]  # what lies before wraps to far behind
    return found
