"""Measure: how much of the picture has changed."""

from __future__ import annotations

from collections.abc import Mapping

import cv2

from ...manifests.errors import UsageError
from ...manifests.images import RGB
from ..scorer import Column
from ._pixels import PixelMeasure


class Change(PixelMeasure):
    """Where source and target differ.

    A pixel has changed when one of its channels differs by more than `threshold`. NHR-Edit takes 40 and wants at
    least 0.5 % of the pixels to have changed.

    Args:
        threshold: in grey levels, 0 to 254.

    Raises:
        UsageError: the threshold is out of range.
    """

    name = "change"
    columns = (
        Column("changed_share", "pair", "", "share of the pixels that have changed, 0 to 1"),
        Column("changed_bounds", "pair", "", "share of the picture inside the box around all changed pixels, 0 to 1"),
        Column("mean_difference", "pair", "", "mean absolute difference over pixels and channels, 0 to 255"),
    )

    def __init__(self, threshold: int = 40) -> None:
        if not 0 <= threshold <= 254:
            raise UsageError(f"threshold of change is {threshold}; give a difference of grey levels from 0 to 254")
        self.threshold = threshold
        self.identity: Mapping[str, int] = {"version": 1, "threshold": threshold}

    def _measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        difference = cv2.absdiff(source, target)
        unchanged = cv2.inRange(difference, (0, 0, 0), (self.threshold,) * 3)
        pixels = unchanged.size
        _, _, width, height = cv2.boundingRect(cv2.bitwise_not(unchanged))
        return {
            "changed_share": (pixels - cv2.countNonZero(unchanged)) / pixels,
            "changed_bounds": width * height / pixels,
            "mean_difference": sum(cv2.sumElems(difference)[:3]) / difference.size,
        }
