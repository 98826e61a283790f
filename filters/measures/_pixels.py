"""What the measures share: luminance, and pairs that cannot be measured."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..scorer import PairMeasure


def luminance(image: RGB) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 -> (H, W) uint8: the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, rounded."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


class PixelMeasure(PairMeasure):
    """A measure whose scores are all NaN when the two pictures differ in size or have no pixel."""

    def measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        if source.shape != target.shape or source.size == 0:
            return {column.name: math.nan for column in self.columns}
        return self._measure(source, target)

    @abc.abstractmethod
    def _measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        """As `measure`, for two pictures of one size with at least one pixel."""
