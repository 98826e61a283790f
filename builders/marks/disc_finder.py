"""Find discs and rings of known size, to a fraction of a pixel, even when partly covered or cut off."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .discs import MarkShape, Point
from .evidence import Evidence

_ROUNDS: Final = 3
_SOFTNESS: Final = (3.0, 2.0, 1.0, 1.0, 1.0)
_AROUND: Final = 0.5
"""Weight of the surroundings against the mark itself in the matched filter."""
_LEAST_RESPONSE: Final = 0.12
_MATCHED: Final = 0.6
_SEEN: Final = 0.15
_OWN: Final = 0.1
_MOST: Final = 200


def find_marks(evidence: Evidence, shape: MarkShape) -> list[Point]:
    """Centres of the marks that explain what is painted in one colour.

    A matched filter proposes centres, the best first; each is fitted to the edges that show, and what it explains is
    struck out before the next. At last all are fitted together, and those that explain nothing of their own go.

    Args:
        evidence: (H, W); what it leaves open is neither for nor against a mark.
        shape: the marks' size.

    Returns:
        Centres x, y, pixel centres from 0.
    """
    box = cv2.boundingRect((evidence > 0).astype(np.uint8))
    if not box[2]:
        return []
    reach = math.ceil(shape.outer) + _strip(shape) + 2
    left, top = box[0] - reach, box[1] - reach
    window, barred = _window(evidence, left, top, box[2] + 2 * reach, box[3] + 2 * reach)
    found = _explain(window, barred, shape, reach)
    for _ in range(_ROUNDS if len(found) > 1 else 0):
        found = _fit_together(window, found, shape)
    return [(x + left, y + top) for x, y in _needed(window, found, shape)]


def _strip(shape: MarkShape) -> int:
    """Width in pixels of the surroundings that should be bare."""
    return max(2, round(0.3 * shape.outer))


def _window(
    evidence: Evidence, left: int, top: int, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Part of the evidence, and where no centre can be: beyond the image, where the evidence is open."""
    window, barred = np.zeros((height, width), np.float32), np.ones((height, width), bool)
    y0, x0 = max(0, top), max(0, left)
    part = evidence[y0 : top + height, x0 : left + width]
    inside = slice(y0 - top, y0 - top + part.shape[0]), slice(x0 - left, x0 - left + part.shape[1])
    window[inside], barred[inside] = part, False
    return window, barred


def _explain(window: NDArray[np.float32], barred: NDArray[np.bool_], shape: MarkShape, reach: int) -> list[Point]:
    kernel = _kernel(shape, reach)
    rest = window.copy()
    response = _filter(rest, kernel)
    response[barred] = -1
    found: list[Point] = []
    for _ in range(_MOST):
        y, x = divmod(int(response.argmax()), window.shape[1])
        if response[y, x] < _LEAST_RESPONSE:
            break
        point = _fit(rest, (float(x), float(y)), shape)
        if not _convinces(rest, point, shape):
            rows, columns, inside = MarkShape(max(1.0, shape.outer / 4)).near(barred, (float(x), float(y)))
            barred[rows, columns] |= inside
            response[rows, columns][inside] = -1
            continue
        found.append(point)
        rows, columns, inside = shape.near(rest, point, margin=1.0)
        rest[rows, columns][inside] = 0
        rows, columns = _widened(rows, reach), _widened(columns, reach)
        top, left = max(0, rows.start - reach), max(0, columns.start - reach)
        again = _filter(rest[top : rows.stop + reach, left : columns.stop + reach], kernel)
        part = response[rows, columns]
        part[:] = again[rows.start - top :, columns.start - left :][: part.shape[0], : part.shape[1]]
        part[barred[rows, columns]] = -1
    return found


def _filter(part: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.filter2D(part, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)


def _widened(span: slice, by: int) -> slice:
    return slice(max(0, span.start - by), span.stop + by)


def _kernel(shape: MarkShape, reach: int) -> NDArray[np.float32]:
    """The mark, weighing 1 in sum, minus the strip around it, weighing `_AROUND`."""
    axis = np.arange(-reach, reach + 1)
    distance = np.hypot(axis[:, None], axis[None, :])
    mark = _coverage(distance, shape, 1.0)[0]
    strip = _strip(shape)
    wide = MarkShape(shape.outer + strip, shape.inner - strip if shape.inner > 0 else -1.0)
    around = np.maximum(_coverage(distance, wide, 1.0)[0] - mark, 0)
    return np.asarray(mark / mark.sum() - _AROUND * around / around.sum(), np.float32)


def _coverage(
    distance: NDArray[np.float64], shape: MarkShape, softness: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much of a pixel at this distance from the centre the mark covers, and its derivative by the distance."""
    beyond = np.clip((shape.outer - distance) / softness + 0.5, 0, 1)
    slope = np.where((beyond > 0) & (beyond < 1), -1 / softness, 0.0)
    if shape.inner <= 0:
        return beyond, slope
    hole = np.clip((distance - shape.inner) / softness + 0.5, 0, 1)
    hole_slope = np.where((hole > 0) & (hole < 1), 1 / softness, 0.0)
    return beyond * hole, slope * hole + beyond * hole_slope


def _fit(window: NDArray[np.float32], point: Point, shape: MarkShape) -> Point:
    """Gauss-Newton on the centre: a mark with soft edges, ever less soft, against the evidence."""
    x, y = point
    reach = math.ceil(shape.outer) + 4
    left, top = max(0, round(x) - reach), max(0, round(y) - reach)
    part = window[top : round(y) + reach + 1, left : round(x) + reach + 1]
    if part.size == 0:
        return point
    told = part != 0
    columns, rows = np.nonzero(told)[1] + left, np.nonzero(told)[0] + top
    painted = (part[told] > 0).astype(float)
    for softness in _SOFTNESS:
        off_x, off_y = columns - x, rows - y
        distance = np.maximum(np.hypot(off_x, off_y), 1e-6)
        cover, slope = _coverage(distance, shape, softness)
        by_x, by_y = -slope * off_x / distance, -slope * off_y / distance
        missing = painted - cover
        xx, yy, xy = by_x @ by_x + 1e-3, by_y @ by_y + 1e-3, by_x @ by_y
        determinant = xx * yy - xy * xy
        right_x, right_y = by_x @ missing, by_y @ missing
        step_x = (yy * right_x - xy * right_y) / determinant
        step_y = (xx * right_y - xy * right_x) / determinant
        length = max(1.0, math.hypot(step_x, step_y))
        x, y = float(x + step_x / length), float(y + step_y / length)
    return x, y


def _convinces(rest: NDArray[np.float32], point: Point, shape: MarkShape) -> bool:
    """Whether enough of the mark is painted, of what can be told and has no other explanation."""
    rows, columns, inside = shape.near(rest, point)
    values = rest[rows, columns][inside]
    painted, told = int((values > 0).sum()), int((values != 0).sum())
    area = math.pi * (shape.outer**2 - max(0.0, shape.inner) ** 2)
    return told > 0 and painted >= _MATCHED * told and painted >= _SEEN * area


def _fit_together(window: NDArray[np.float32], found: list[Point], shape: MarkShape) -> list[Point]:
    """Fit each mark to the evidence that no other mark explains."""
    covers = _covers(window, found, shape)
    rest = np.where(covers > 0, np.float32(0), window)
    fitted = []
    for point in found:
        rows, columns, inside = shape.near(window, point, margin=0.5)
        own = inside & (covers[rows, columns] == 1)
        rest[rows, columns][own] = window[rows, columns][own]
        fitted.append(_fit(rest, point, shape))
        rest[rows, columns][own] = 0
    return fitted


def _covers(window: NDArray[np.float32], found: list[Point], shape: MarkShape) -> NDArray[np.int32]:
    """How many of the marks, half a pixel wider than they are, cover each pixel."""
    covers = np.zeros(window.shape, np.int32)
    for point in found:
        rows, columns, inside = shape.near(window, point, margin=0.5)
        covers[rows, columns] += inside
    return covers


def _needed(window: NDArray[np.float32], found: list[Point], shape: MarkShape) -> list[Point]:
    """The marks that explain something which no other does."""
    area = math.pi * (shape.outer**2 - max(0.0, shape.inner) ** 2)
    covers, kept = _covers(window, found, shape), list(found)
    for point in reversed(found):
        rows, columns, inside = shape.near(window, point, margin=0.5)
        own = inside & (covers[rows, columns] == 1) & (window[rows, columns] > 0)
        if own.sum() < _OWN * area:
            kept.remove(point)
            covers[rows, columns] -= inside
    return kept
