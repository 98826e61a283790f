"""Lane lines: TuSimple's accuracy and CULane's F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...builders.marks.matching import assign_within
from .measure import Judged, Measure

Floats = NDArray[np.float64]
_TUSIMPLE_WIDTH, _TUSIMPLE_PX, _TUSIMPLE_SHARE = 1280, 20.0, 0.85
_CULANE_WIDTH, _CULANE_PX, _CULANE_IOU = 1640, 30, 0.5
_MOST_LANES: Final = 4
"""That TuSimple counts: in a picture of five, one may be missed."""
_NOWHERE: Final = -1e4


class Lanes(Measure):
    """Lines by their places, whatever their colours.

    Result: `accuracy`, `fp` and `fn` as TuSimple's benchmark has them, means over pictures; `f1`, `precision` and
    `recall` as CULane's, over all lines of all pictures. Both benchmarks count pixels of their own pictures; here a
    picture of another size is measured as if it were 1280 or 1640 pixels wide.
    """

    primary = "f1"

    def __init__(self) -> None:
        self._tusimple: list[tuple[float, float, float]] = []
        self._hits = self._found = self._true = 0

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: `accuracy` and `f1`; an F1 of 1 where there is no line and none was drawn."""
        width = row.annotation["size"][1]
        found, true = (_lines(side) for side in (row.decoded, row.annotation))
        rows = np.array(row.annotation["rows"], float)
        self._tusimple.append(tusimple(found, true, rows, width))
        hits = culane_hits(found, true, rows, row.annotation["size"])
        self._hits, self._found, self._true = self._hits + hits, self._found + len(found), self._true + len(true)
        total = len(found) + len(true)
        return {"accuracy": self._tusimple[-1][0], "f1": 2 * hits / total if total else 1.0}

    def result(self) -> dict[str, float]:
        """The metrics."""
        if not self._tusimple:
            return {}
        means = np.mean(self._tusimple, axis=0).tolist()
        found = dict(zip(("accuracy", "fp", "fn"), means, strict=True))
        if self._found + self._true:
            found["f1"] = 2 * self._hits / (self._found + self._true)
        if self._found:
            found["precision"] = self._hits / self._found
        if self._true:
            found["recall"] = self._hits / self._true
        return found


def tusimple(found: Sequence[Floats], true: Sequence[Floats], rows: Floats, width: int) -> tuple[float, float, float]:
    """Accuracy, share of false lines, share of missed lines of one picture.

    A line is found when at 85 % of the rows it lies within 20 pixels (of 1280, more where the line leans) of the true
    one, or both are absent there. TuSimple begins at the horizon: here at the first row that has a true line.

    Args:
        found, true: (rows,) x of each line, NaN where it is not.
        rows: y of the rows.
        width: of the picture, pixels.

    Source: github.com/TuSimple/tusimple-benchmark, evaluate/lane.py.
    """
    there = np.flatnonzero(np.isfinite(np.array(true)).any(axis=0)) if true else np.zeros(0, int)
    if len(found) > len(true) + 2 or not len(there):
        return 0.0 if found or len(there) else 1.0, float(bool(found)), float(bool(true))
    place = slice(int(there[0]), None)
    best = []
    for line in true:
        reach = _TUSIMPLE_PX * width / _TUSIMPLE_WIDTH / np.cos(_lean(line, rows))
        shares = [float(np.mean(np.abs(_known(one) - _known(line))[place] < reach)) for one in found]
        best.append(max(shares, default=0.0))
    missed = sum(share < _TUSIMPLE_SHARE for share in best)
    false = len(found) - (len(true) - missed)
    total = sum(best)
    if len(true) > _MOST_LANES:
        missed, total = max(0, missed - 1), total - min(best)
    count = min(_MOST_LANES, len(true))
    return total / count, false / len(found) if found else 0.0, missed / count


def culane_hits(found: Sequence[Floats], true: Sequence[Floats], rows: Floats, size: Sequence[int]) -> int:
    """How many lines match: drawn 30 pixels wide in a picture 1640 wide, with an IoU above a half, one to one.

    Source: Pan et al. 2018 (SCNN); github.com/XingangPan/SCNN, tools/lane_evaluation. Its splines through the points
    are straight lines here, since the points stand close.
    """
    scale = _CULANE_WIDTH / size[1]
    masks = [[_painted(line, rows, scale, size) for line in side] for side in (found, true)]
    ious = np.array([[_iou(one, other) for other in masks[1]] for one in masks[0]]).reshape(len(found), len(true))
    pairs = assign_within(1 - ious, _CULANE_IOU)
    return sum(bool(ious[pair] > _CULANE_IOU) for pair in pairs)


def _lines(side: Mapping[str, Any]) -> list[Floats]:
    lines = [np.array([np.nan if x is None else x for x in lane["x"]], float) for lane in side["lanes"]]
    return [line for line in lines if np.isfinite(line).any()]


def _known(line: Floats) -> Floats:
    return np.where(np.isfinite(line), line, _NOWHERE)


def _lean(line: Floats, rows: Floats) -> float:
    """Angle from upright of the straight line that fits best."""
    known = np.isfinite(line)
    return float(np.arctan(np.polyfit(rows[known], line[known], 1)[0])) if known.sum() > 1 else 0.0


def _painted(line: Floats, rows: Floats, scale: float, size: Sequence[int]) -> NDArray[np.bool_]:
    known = np.isfinite(line)
    points = np.rint((np.stack([line, rows], axis=1)[known] + 0.5) * scale - 0.5).astype(np.int32)
    canvas = np.zeros((round(size[0] * scale), _CULANE_WIDTH), np.uint8)
    cv2.polylines(canvas, [points.reshape(-1, 1, 2)], False, 1, _CULANE_PX)
    return canvas > 0


def _iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 0.0
