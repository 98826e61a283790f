"""Fits of generalised Gaussian distributions by their moments, as BRISQUE and NIQE make them."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.float64]
"""(6,): count; sums of magnitudes and of squares; sum of squares above zero; counts above zero and below."""


def moments(values: NDArray[np.float32]) -> Moments:
    """What the fits need of (H, W) float32 values; those of parts add up to those of the whole."""
    if not values.size:
        return np.zeros(6)
    squares = cv2.norm(values, cv2.NORM_L2SQR)
    _, positive = cv2.threshold(values, 0, 0, cv2.THRESH_TOZERO)
    above = cv2.countNonZero(positive)
    below = cv2.countNonZero(values) - above
    right_squares = cv2.norm(positive, cv2.NORM_L2SQR) if below else squares
    return np.array([values.size, cv2.norm(values, cv2.NORM_L1), squares, right_squares, above, below])


def generalised_gaussian(of: Moments) -> tuple[float, float]:
    """Fit a generalised Gaussian of mean zero, density ~ exp(-(|x| / b)^shape).

    Returns:
        shape, in [0.2, 10], to the next of steps of 0.001; variance. Both NaN where all values are zero.

    Source: Sharifi and Leon-Garcia 1995; section III of BRISQUE (Mittal et al., IEEE TIP 2012).
    """
    count, magnitudes, squares = of[:3].tolist()
    if squares == 0:
        return math.nan, math.nan
    return _shape_of(magnitudes**2 / (count * squares)), squares / count


def asymmetric_gaussian(of: Moments) -> tuple[float, float, float, float]:
    """Fit an asymmetric generalised Gaussian, whose left and right half have variances of their own.

    Returns:
        shape, in [0.2, 10], to the next of steps of 0.001; mean; left and right variance. All NaN where all values
        are zero.

    Source: Lasmar, Stitou and Berthoumieu 2009; section III of BRISQUE (Mittal et al., IEEE TIP 2012).
    """
    count, magnitudes, squares, right_squares, above, below = of.tolist()
    if squares == 0:
        return math.nan, math.nan, math.nan, math.nan
    left_variance = max(squares - right_squares, 0.0) / below if below else 0.0
    right_variance = right_squares / above if above else 0.0
    left, right = math.sqrt(left_variance), math.sqrt(right_variance)
    # The papers write this in left / right, which has no value without a right half; it is the same for right / left.
    skew = (left**3 + right**3) * (left + right) / (left_variance + right_variance) ** 2
    shape = _shape_of(magnitudes**2 / (count * squares) * skew)
    scale = math.exp(0.5 * (math.lgamma(1 / shape) - math.lgamma(3 / shape)))
    mean = (right - left) * scale * math.exp(math.lgamma(2 / shape) - math.lgamma(1 / shape))
    return shape, mean, left_variance, right_variance


def _shape_of(ratio: float) -> float:
    """The shape whose (E|x|)² / E[x²] is nearest to the ratio."""
    shapes, ratios = _table()
    above = min(max(int(np.searchsorted(ratios, ratio)), 1), len(ratios) - 1)
    nearest = above if ratios[above] - ratio < ratio - ratios[above - 1] else above - 1
    return float(shapes[nearest])


@cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shapes from 0.2 to 10 as the papers take them, and Gamma(2/s)² / (Gamma(1/s) Gamma(3/s)) of each; both rise."""
    shapes = np.arange(200, 10001) / 1000
    log_ratios = [2 * math.lgamma(2 / shape) - math.lgamma(1 / shape) - math.lgamma(3 / shape) for shape in shapes]
    return shapes, np.exp(log_ratios)
