"""Measure: structural similarity of source and target."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..scorer import Column
from ._pixels import PixelMeasure, luminance

_SIGMA = 1.5
_WINDOW = 11
_STRIP_PIXELS = 16384
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class Ssim(PixelMeasure):
    """SSIM of the luminance (Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 2004), with the paper's constants.

    The window is a Gaussian of 11x11, sigma 1.5; the mean is taken where it lies wholly inside the picture. NaN where
    a side is under 11 pixels.
    """

    name = "ssim"
    identity: Mapping[str, int] = {"version": 1}
    columns = (
        Column("ssim", "pair", "", "structural similarity of source and target, -1 to 1; 1 when they are equal"),
    )

    def _measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        return {"ssim": structural_similarity(luminance(source), luminance(target))}


def structural_similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Mean SSIM of two (H, W) uint8 pictures of one size, in [-1, 1]; NaN where a side is under 11 pixels."""
    height, width = first.shape
    if min(height, width) < _WINDOW:
        return math.nan
    # In strips that stay in the cache: fresh memory for whole pictures would cost more than all the arithmetic.
    rows = max(_STRIP_PIXELS // width, 1)
    inside = height - _WINDOW + 1
    tops = range(0, inside, rows)
    strips = [slice(top, min(top + rows, inside) + _WINDOW - 1) for top in tops]
    total = sum(_similarity(first[strip], second[strip]) for strip in strips)
    return total / (inside * (width - _WINDOW + 1))


def _similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Sum of SSIM over the places where the window lies inside.

    Written in the sum s and the difference d of the pictures, which halves the arithmetic: 4ab = s² - d² and
    2(a² + b²) = s² + d², and likewise for means and variances.
    """
    # About zero, float32 holds the variance of s, which does not mind a shift, to better than 1e-4 of the constant.
    s = cv2.add(first, second, dtype=cv2.CV_32F)
    s -= np.float32(256)
    d = cv2.subtract(first, second, dtype=cv2.CV_32F)
    mean_s, mean_d = _blur(s), _blur(d)
    variance_s, variance_d = _blur(s * s), _blur(d * d)
    variance_s -= mean_s * mean_s
    mean_d *= mean_d
    variance_d -= mean_d
    mean_s += np.float32(256)
    mean_s *= mean_s
    mean_s += np.float32(2 * _C1)
    variance_s += np.float32(2 * _C2)
    similarity = (mean_s - mean_d) * (variance_s - variance_d)
    mean_s += mean_d
    variance_s += variance_d
    mean_s *= variance_s
    similarity /= mean_s
    margin = _WINDOW // 2
    return cv2.sumElems(similarity[margin:-margin, margin:-margin])[0]


def _blur(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA)
