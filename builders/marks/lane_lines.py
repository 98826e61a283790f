"""Lane lines as one stretch of pixels a row: draw them, keep them apart, and find them again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..sample import Polyline
from .palette import RGBTuple

Floats = NDArray[np.float64]

MIN_WIDTH: Final = 3.0
_GAP: Final = 4.0
_BESIDE: Final = 2
_LOWEST_SHARE: Final = 1 / 3
_NICK: Final = 3
"""Gaps of less than this many pixels do not break a line."""


@dataclass(frozen=True, slots=True)
class LaneRows:
    """A line in a picture, a row at a time.

    Attributes:
        top: the first row.
        x: (N,) the line's middle in that row and the N - 1 below it, pixel centres.
        half: (N,) half of what is painted of each row, pixels; more where the line lies flat.
    """

    top: int
    x: Floats
    half: Floats

    def part(self, start: int, stop: int) -> LaneRows:
        """The rows from start to stop, counted from its own top."""
        return LaneRows(self.top + start, self.x[start:stop], self.half[start:stop])

    def stretches(self, width: int, beside: int = 0) -> Iterator[tuple[int, int, int]]:
        """Row, first pixel, and the one after the last, of a picture so wide; `beside` more on each side."""
        first = np.ceil(self.x - self.half).astype(int) - beside
        last = np.ceil(self.x + self.half).astype(int) + beside
        for row, (start, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True), start=self.top):
            yield row, max(0, start), min(width, stop)


def rows_of(points: Polyline, width: float, shown: tuple[int, int, int, int]) -> LaneRows | None:
    """What is shown of a line; None when less than two rows are.

    Rows where the line would be cut by the picture's side are left out: its middle could not be told.

    Args:
        points: from top to bottom, output pixel centres.
        width: across the line, pixels.
        shown: left, top, right, bottom edges of the part of the picture that lines may lie in, whole pixels.
    """
    x, y = np.array(points, float).T
    first, last = max(shown[1], math.ceil(y[0])), min(shown[3] - 1, math.floor(y[-1]))
    if last - first < 1:
        return None
    rows = np.arange(first, last + 1)
    middle = np.interp(rows, y, x)
    slopes = np.diff(x) / np.diff(y)
    slope = slopes[(np.searchsorted(y, rows, side="right") - 1).clip(0, len(slopes) - 1)]
    lane = LaneRows(first, middle, width / 2 * np.sqrt(1 + slope**2))
    return _longest(lane, (middle - lane.half >= shown[0] - 0.5) & (middle + lane.half <= shown[2] - 0.5))


def kept_apart(lanes: Sequence[LaneRows]) -> list[LaneRows | None]:
    """The longest part of each line in which no other comes so close that the two would touch; None where none is."""
    free = [np.ones(len(lane.x), bool) for lane in lanes]
    for at, first in enumerate(lanes):
        for other in range(at + 1, len(lanes)):
            second = lanes[other]
            top, stop = max(first.top, second.top), min(first.top + len(first.x), second.top + len(second.x))
            if stop > top:
                one, two = slice(top - first.top, stop - first.top), slice(top - second.top, stop - second.top)
                reach = first.half[one] + second.half[two] + _GAP
                reach += (_NICK - 1) * (_lean(first)[one] + _lean(second)[two])
                clear = np.abs(first.x[one] - second.x[two]) > reach
                free[at][one] &= clear
                free[other][two] &= clear
    return [_longest(lane, clear) for lane, clear in zip(lanes, free, strict=True)]


def touch(lanes: Sequence[LaneRows], size_wh: tuple[int, int]) -> bool:
    """Whether two lines come so close, on whatever side, that they could be taken for one."""
    reach = round(_GAP)
    taken = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    for lane in lanes:
        mine = np.zeros_like(taken)
        for row, start, stop in lane.stretches(size_wh[0]):
            mine[row, start:stop] = 1
        if (taken & mine).any():
            return True
        taken |= cv2.dilate(mine, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return False


def left_to_right(lanes: Sequence[Polyline | LaneRows], bottom: float) -> list[int]:
    """Positions of the lines in the order in which they, drawn on straight, would meet the row `bottom`."""
    return sorted(range(len(lanes)), key=lambda at: _meets(lanes[at], bottom))


def draw_lane(canvas: RGB, lane: LaneRows, rgb: RGBTuple) -> None:
    """Paint a line, opaque and without anti-aliasing, in place; (H, W, 3) uint8."""
    for row, start, stop in lane.stretches(canvas.shape[1]):
        canvas[row, start:stop] = rgb


def pixels_under(photo: RGB, lanes: Sequence[LaneRows]) -> NDArray[np.uint8]:
    """(N, 3) uint8 colours that lines cover or touch."""
    found = [
        photo[row, start:stop]
        for lane in lanes
        for row, start, stop in lane.stretches(photo.shape[1], _BESIDE)
        if stop > start
    ]
    return np.concatenate(found) if found else np.zeros((0, 3), np.uint8)


def find_lanes(painted: NDArray[np.bool_], width: float) -> list[LaneRows]:
    """Every connected line, the one of most pixels first; specks smaller than a square of the line's width are none.

    Args:
        painted: (H, W), what has the colour.
        width: of the lines, pixels.
    """
    whole = cv2.morphologyEx(painted.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_NICK, _NICK), np.uint8))
    _, labels, regions, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    found = []
    for label in np.argsort(-regions[1:, cv2.CC_STAT_AREA], kind="stable") + 1:
        x, y, across, down = regions[label, :4].tolist()
        mine = (labels[y : y + down, x : x + across] == label) & painted[y : y + down, x : x + across]
        counts = mine.sum(axis=1)
        if counts.sum() < width * width or (counts > 0).sum() < 2:
            continue
        rows = np.flatnonzero(counts)
        middle = (mine @ np.arange(x, x + across))[rows] / counts[rows]
        every = np.arange(rows[0], rows[-1] + 1)
        found.append(LaneRows(y + int(rows[0]), np.interp(every, rows, middle), counts[every] / 2))
    return found


def joined(lanes: Sequence[LaneRows]) -> LaneRows | None:
    """Pieces of one line as one, the earlier of them where two share a row; None without any."""
    if not lanes:
        return None
    top = min(lane.top for lane in lanes)
    stop = max(lane.top + len(lane.x) for lane in lanes)
    x, half = np.full(stop - top, np.nan), np.zeros(stop - top)
    for lane in reversed(lanes):
        mine = slice(lane.top - top, lane.top - top + len(lane.x))
        x[mine], half[mine] = lane.x, lane.half
    return LaneRows(top, x, half)


def _longest(lane: LaneRows, good: NDArray[np.bool_]) -> LaneRows | None:
    """The longest run of good rows; None when it has less than two."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
    starts, stops = ends[::2], ends[1::2]
    if not len(starts):
        return None
    best = int((stops - starts).argmax())
    found = lane.part(int(starts[best]), int(stops[best]))
    return found if len(found.x) >= 2 else None


def _lean(lane: LaneRows) -> Floats:
    """(N,) how far the line moves sideways from one row to the next, pixels."""
    return np.abs(np.gradient(lane.x))


def _meets(lane: Polyline | LaneRows, bottom: float) -> float:
    """Where a line, drawn on straight from its lowest third, meets a row."""
    if isinstance(lane, LaneRows):
        known = np.isfinite(lane.x)
        x, y = lane.x[known], lane.top + np.flatnonzero(known).astype(float)
    else:
        x, y = np.array(lane, float).T
    start = float(np.interp(y[-1] - _LOWEST_SHARE * (y[-1] - y[0]), y, x))
    slope = (float(x[-1]) - start) / (_LOWEST_SHARE * float(y[-1] - y[0]))
    return float(x[-1]) + slope * (bottom - float(y[-1]))
