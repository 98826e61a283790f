"""Pictures against pictures: PSNR and SSIM."""

from __future__ import annotations

import cv2
import numpy as np

from ...manifests.images import RGB
from .measure import Judged, MeansOfRows


class Likeness(MeansOfRows):
    """`psnr_db` (at most 100) and `ssim` of the drawn picture and the target, means over pictures."""

    primary = "ssim"

    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row."""
        return {"psnr_db": psnr_db(row.drawn, row.target), "ssim": ssim(row.drawn, row.target)}


def psnr_db(first: RGB, second: RGB) -> float:
    """Peak signal-to-noise ratio of two (H, W, 3) uint8 pictures, dB over all channels; 100 for equal ones."""
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    return min(100.0, 10 * float(np.log10(255**2 / error))) if error else 100.0


def ssim(first: RGB, second: RGB) -> float:
    """Structural similarity of two (H, W, 3) uint8 pictures: Gaussian window of 11 pixels and sigma 1.5 (Wang et al.
    2004), the mean over the channels and over the pixels whose window lies inside; NaN for sides under 11 pixels.
    """
    if min(first.shape[:2]) < 11:
        return float("nan")
    x, y = first.astype(np.float64), second.astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT))[5:-5, 5:-5]

    mean_x, mean_y = mean(x), mean(y)
    spread_x, spread_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    shared = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * shared + c2)
    return float(np.mean(top / ((mean_x**2 + mean_y**2 + c1) * (spread_x + spread_y + c2))))
