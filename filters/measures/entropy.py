"""Measure: how much there is to see, as Shannon entropy."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ...manifests.images import RGB
from ..scorer import Column
from ._pixels import PixelMeasure, luminance


class Entropy(PixelMeasure):
    """Shannon entropy of the luminance; near 0 for an empty canvas, about 7 for most photographs."""

    name = "entropy"
    identity: Mapping[str, int] = {"version": 1}
    columns = (
        Column("source_entropy", "source", "higher", "entropy of the source's 256 grey levels, bits, 0 to 8"),
        Column("target_entropy", "target", "higher", "entropy of the target's 256 grey levels, bits, 0 to 8"),
    )

    def _measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        return {"source_entropy": shannon_entropy(source), "target_entropy": shannon_entropy(target)}


def shannon_entropy(image: RGB) -> float:
    """Entropy of the 256-bin histogram of the luminance of (H, W, 3) uint8, in bits, in [0, 8]."""
    counts = cv2.calcHist([luminance(image)], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0
