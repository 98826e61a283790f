"""Boxes, upright and at any angle: COCO's average precision, and precision and recall at IoU 0.5."""

from __future__ import annotations

from typing import Any, ClassVar

from .coco import Kind, average_precision
from .measure import Judged, Measure


class Boxes(Measure):
    """`ap` and `ap50` by pycocotools; `precision` and `recall` of boxes at IoU 0.5.

    A picture tells no confidence: every box counts 1, so that AP cannot profit from a ranking.
    """

    primary = "f1"
    kind: ClassVar[Kind] = "bbox"
    key: ClassVar[str] = "xyxy"

    def __init__(self) -> None:
        self._found: list[list[dict[str, Any]]] = []
        self._true: list[list[dict[str, Any]]] = []
        self._hits = self._missed = self._extra = 0.0

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: `f1` at IoU 0.5; 1 for an absent class that is left alone."""
        for kept, side in ((self._found, row.decoded), (self._true, row.annotation)):
            kept.append([{"name": one["name"], self.key: box} for one in side["boxes"] for box in one[self.key]])
        missed, extra = row.compared["missed"], row.compared["extra"]
        hits = len(self._true[-1]) - missed
        self._hits, self._missed, self._extra = self._hits + hits, self._missed + missed, self._extra + extra
        total = 2 * hits + missed + extra
        return {"f1": 2 * hits / total if total else 1.0}

    def result(self) -> dict[str, float]:
        """The metrics."""
        found = average_precision(self._found, self._true, self.kind)
        if self._hits + self._missed:
            found["recall"] = self._hits / (self._hits + self._missed)
        if self._hits + self._extra:
            found["precision"] = self._hits / (self._hits + self._extra)
        return found


class OrientedBoxes(Boxes):
    """As `Boxes`, with the IoU of rectangles at any angle: `ap50` is DOTA's, over all points of the curve."""

    kind = "rotated"
    key = "corners"
