"""Paint rotated rectangles: which pixels they cover, row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .palette import RGBTuple
from .rotated_boxes import Floats, RotatedBox, reach_of

Window = tuple[slice, slice]
Integers = NDArray[np.int64]

FULL_LINES: Final = 3
"""A box that is less than so many lines wide is painted full."""
_PIXEL: Final = np.dtype("V3")
_BESIDE: Final = 2
_SAMPLES: Final = 400
_LEVEL: Final = 1e-12
"""A side that rises less than this a pixel is level."""
_NUDGE: Final = 1e-6
"""Centres of pixels often lie just on a side, as corners are whole numbers: sides are moved so little, back along the
box's own axes, that rounding does not choose between them."""


def is_full(box: RotatedBox, outline: float) -> bool:
    """Whether a box is painted full: filled, or too narrow for its lines."""
    return not outline or min(box.width, box.height) < FULL_LINES * outline


class Stroke:
    """Which pixels of a picture a box paints: those whose centre lies on it.

    Of centres on a side itself those count that lie where the box's own axes begin.
    """

    def __init__(self, box: RotatedBox, size_wh: tuple[int, int], outline: float) -> None:
        """Work out where each row of the picture is painted.

        Args:
            box: what is drawn.
            size_wh: of the picture.
            outline: width of the line, drawn inside the box; a box less than three lines wide is painted full. 0: all
                are.
        """
        self.window = _window(box, size_wh)
        self._width = size_wh[0]
        self._first, self._end = _spans(box, *self.window, _insets(box, outline))

    def inside(self) -> NDArray[np.bool_]:
        """Which pixels of the window are painted."""
        width = self.window[1].stop - self.window[1].start
        inside = _between(self._first[0], self._end[0], width)
        if len(self._first) > 1:
            inside ^= _between(self._first[1], self._end[1], width)
        return inside

    def places(self) -> Integers:
        """(N,) the pixels that are painted, numbered along the picture's rows; ascending."""
        starts, lengths, ends = self._runs
        found: Integers = np.arange(ends[-1] if len(ends) else 0)
        found += (starts - ends + lengths).repeat(lengths)
        return found

    def paint(self, painted: RGB, rgb: RGBTuple) -> None:
        """Opaque and without anti-aliasing, in place; (H, W, 3) uint8, contiguous."""
        assert painted.flags.c_contiguous  # or a copy would be painted
        if len(self._first) > 1:
            np.put(painted.reshape(-1).view(_PIXEL), self.places(), np.array(rgb, np.uint8).view(_PIXEL))
            return
        inside = self.inside()
        if inside.size:
            row = np.empty((1, inside.shape[1], 3), np.uint8)
            row[:] = rgb
            cv2.copyTo(cv2.repeat(row, inside.shape[0], 1), inside.view(np.uint8), painted[self.window])

    def under(self, photo: RGB) -> NDArray[np.uint8]:
        """(N, 3) uint8 colours of pixels that are painted, at most some hundreds of them, and of those two to the
        left, to the right, above and below, as a box's edges show only against what is beside it."""
        starts, lengths, ends = self._runs
        count = int(ends[-1]) if len(ends) else 0
        picked = np.arange(0, count, max(1, count // _SAMPLES))
        here = picked + (starts - ends + lengths)[np.searchsorted(ends, picked, "right")]
        column, width, size = here % self._width, self._width, photo.shape[0] * self._width
        beside = [
            here,
            here - np.minimum(column, _BESIDE),
            here + np.minimum(width - 1 - column, _BESIDE),
            np.where(here < _BESIDE * width, here, here - _BESIDE * width),
            np.where(here >= size - _BESIDE * width, here, here + _BESIDE * width),
        ]
        return photo.reshape(-1, 3).take(np.concatenate(beside), axis=0)

    @cached_property
    def _runs(self) -> tuple[Integers, Integers, Integers]:
        """The first pixel of each run, numbered along the picture's rows; its length, which may be 0; and how many
        pixels there are up to its end."""
        rows, columns = self.window
        first, end = self._first, self._end
        starts: Integers = np.arange(rows.start, rows.stop) * self._width + columns.start
        if len(first) == 1:
            starts += first[0]
            lengths = end[0] - first[0]
            return starts, lengths, np.cumsum(lengths)
        both = np.stack([first[0], np.minimum(end[1], end[0])], axis=1)
        lengths = np.stack([np.minimum(first[1], end[0]), end[0]], axis=1)
        lengths -= both
        both += starts[:, None]
        return both.ravel(), lengths.ravel(), np.cumsum(lengths)


def _window(box: RotatedBox, size_wh: tuple[int, int]) -> Window:
    reach_x, reach_y = reach_of(box)
    left, right = max(0, math.floor(box.x - reach_x)), min(size_wh[0], math.ceil(box.x + reach_x))
    top, bottom = max(0, math.floor(box.y - reach_y)), min(size_wh[1], math.ceil(box.y + reach_y))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def _insets(box: RotatedBox, outline: float) -> Sequence[float]:
    """How far inside the box that which is painted begins, and where it is not painted full, ends."""
    return (0.0,) if is_full(box, outline) else (0.0, outline)


def _spans(box: RotatedBox, rows: slice, columns: slice, insets: Sequence[float]) -> tuple[Integers, Integers]:
    """(I, H) for the box, moved in by each of I insets, the first column of each row in it and that after the last,
    from the first of `columns`."""
    steps: Floats = np.arange(rows.stop - rows.start, dtype=np.float64)
    down = rows.start + 0.5 - box.y
    first, end = (
        np.zeros((len(insets), len(steps))),
        np.full((len(insets), len(steps)), float(columns.stop - columns.start)),
    )
    sides = (box.along_x, box.along_y, box.width / 2), (-box.along_y, box.along_x, box.height / 2)
    for along, across, half in sides:
        halves = np.array([[half - inset] for inset in insets])
        if abs(along) < _LEVEL:
            away = (steps + down) * across + _NUDGE  # from the line halfway between the two sides
            end = np.where((away >= -halves) & (away < halves), end, 0.0)
        else:
            slope, reach = -across / along, halves / abs(along)
            line = box.x - 0.5 - columns.start - _NUDGE / along + down * slope
            middle = steps * slope
            np.maximum(first, middle + (line - reach), out=first)
            np.minimum(end, middle + (line + reach), out=end)
    start, stop = np.ceil(first).astype(np.int64), np.ceil(end).astype(np.int64)
    return start, np.maximum(stop, start)


def _between(first: Integers, end: Integers, width: int) -> NDArray[np.bool_]:
    """(H, width): columns from the first of each row to before its end."""
    kind: type[np.unsignedinteger[Any]] = np.uint16 if width < 2**16 else np.uint32
    start, length = np.minimum(first, width).astype(kind), (end - first).astype(kind)
    columns: NDArray[Any] = np.arange(width, dtype=kind)
    found: NDArray[np.bool_] = columns - start[:, None] < length[:, None]  # what lies before wraps to far behind
    return found
