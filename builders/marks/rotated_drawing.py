"""Paint rotated rectangles: which pixels they cover, row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .palette import RGBTuple
from .rotated_boxes import Floats, RotatedBox, reach_of

Window = tuple[slice, slice]

FULL_LINES: Final = 3
"""A box that is less than so many lines wide is painted full."""
_BESIDE: Final = 2
_LEVEL: Final = 1e-12
"""A side that rises less than this a pixel is level."""
_NUDGE: Final = 1e-6
"""Centres of pixels often lie just on a side, as corners are whole numbers: sides are moved so little, back along the
box's own axes, that rounding does not choose between them."""


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
