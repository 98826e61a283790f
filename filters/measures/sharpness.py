"""Measure: variance of the Laplacian, the usual sign of focus."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2

from ...manifests.images import RGB
from ..scorer import Column
from ._pixels import PixelMeasure, luminance


class Sharpness(PixelMeasure):
    """Variance of the Laplacian of the luminance (Pech-Pacheco et al., ICPR 2000).

    It rises with noise as well as with detail, and falls with blur.
    """

    name = "sharpness"
    identity: Mapping[str, int] = {"version": 1}
    columns = (
        Column("source_sharpness", "source", "higher", "variance of the source's Laplacian, squared grey levels"),
        Column("target_sharpness", "target", "higher", "variance of the target's Laplacian, squared grey levels"),
        Column(
            "sharpness_gain",
            "pair",
            "higher",
            "log2((target_sharpness + 1) / (source_sharpness + 1)); 0 where both are alike",
        ),
    )

    def _measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        before, after = laplacian_variance(source), laplacian_variance(target)
        return {
            "source_sharpness": before,
            "target_sharpness": after,
            # One squared grey level is about what rounding to 8 bits makes of a flat picture: no gain below it.
            "sharpness_gain": math.log2((after + 1) / (before + 1)),
        }


def laplacian_variance(image: RGB) -> float:
    """Variance of the Laplacian of (H, W, 3) uint8, squared grey levels, in [0, 1020²].

    The Laplacian is that of four neighbours (0 1 0, 1 -4 1, 0 1 0); the border mirrors without repeating itself.
    """
    laplacian = cv2.Laplacian(luminance(image), cv2.CV_16S, ksize=1)
    mean = cv2.sumElems(laplacian)[0] / laplacian.size
    return cv2.norm(laplacian, cv2.NORM_L2SQR) / laplacian.size - mean * mean  # exact sums: whole numbers
