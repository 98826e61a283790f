"""Embedder: natural scene statistics, 36 features of a picture that need no weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..scorer import Embedder, Vectors
from ._fits import asymmetric_gaussian, generalised_gaussian, moments

SCALES = 2
FEATURES_PER_SCALE = 18
SMALLEST_SIDE = 16
"""Pixels; in less, the half scale has hardly a window of 7x7."""

_CONSTANT = 1.0
_WEIGHTS: Final = np.array([51, 323, 972, 1404, 972, 323, 51], np.float32) / np.float32(4096)
"""Gaussian of 7, sigma 7/6, in parts of 4096, so that sums over even areas are exact in float32 and give no noise."""
_STRIP_PIXELS = 30_000
_NEIGHBOURS: Final = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Rows down and columns right: horizontal, vertical, main diagonal, second diagonal."""

_PHOTOGRAPHS: Final = Path(__file__).with_name("nss_photographs.csv")
"""Means, standard deviations and correlations of the features over good photographs."""
_RIDGE: Final = 0.3
"""Added to the correlations' eigenvalues, which lie between 0.001 and 20: what hardly varies over photographs is
mostly noise of the fit, and would rule a full Mahalanobis distance. On made-up blur, noise and JPEG of photographs,
0.3 ranked better than 0.1, 0.01 and 0.001."""


class NaturalSceneStatistics(Embedder):
    """The features of BRISQUE (Mittal, Moorthy and Bovik, IEEE TIP 2012) and NIQE (Mittal, Soundararajan and Bovik,
    IEEE SPL 2013): how luminance is distributed once its local mean and contrast are taken out.

    They judge blur, noise and blocking, not beauty. The vectors are decorrelated over photographs, so that Euclidean
    distance between them is a Mahalanobis distance, as NIQE's is; features that go together do not count twice.
    """

    name = "nss"
    dim = SCALES * FEATURES_PER_SCALE

    def __init__(self) -> None:
        photographs = hashlib.sha256(_PHOTOGRAPHS.read_bytes()).hexdigest()
        self.identity: Mapping[str, Any] = {"version": 1, "photographs": photographs, "ridge": _RIDGE}

    def prepare(self, image: RGB) -> NDArray[np.float32]:
        """(H, W, 3) uint8 -> (36,) float32; NaN where there are no statistics.

        That is: a side is under `SMALLEST_SIDE`, or the picture is flat.
        """
        mean, spread, decorrelation = _scaling()
        return (((scene_statistics(image) - mean) / spread) @ decorrelation).astype(np.float32)

    def open(self, device: str) -> Callable[[NDArray[Any]], Vectors]:
        """The work was done in `prepare`; the device is not used."""
        return _as_vectors


def _as_vectors(prepared: NDArray[Any]) -> Vectors:
    return np.asarray(prepared, np.float32)


@cache
def _scaling() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(36,) means, (36,) standard deviations, (36, 36) (correlation + ridge)^(-1/2)."""
    mean, spread, *rows = np.loadtxt(_PHOTOGRAPHS, delimiter=",")
    values, vectors = np.linalg.eigh(np.array(rows))
    # The symmetric root, which, unlike the eigenvectors, is the same whatever library computes it.
    return mean, spread, (vectors / np.sqrt(np.maximum(values, 0) + _RIDGE)) @ vectors.T


def scene_statistics(image: RGB) -> NDArray[np.float64]:
    """The 36 features as the papers have them, before any scaling.

    Args:
        image: (H, W, 3) uint8.

    Returns:
        (36,) float64. For the full scale, then for the half: shape and variance of the generalised Gaussian fitted to
        the MSCN coefficients; then for the products of neighbours, horizontal, vertical and along both diagonals,
        shape, mean, left and right variance of the asymmetric generalised Gaussian. All NaN where a side is under
        `SMALLEST_SIDE` or a scale is flat.
    """
    if min(image.shape[:2]) < SMALLEST_SIDE:
        return np.full(SCALES * FEATURES_PER_SCALE, np.nan)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    scales = (grey, _halved(grey))
    return np.array([feature for scale in scales for feature in _scale_features(scale)])


def mscn(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean subtracted, contrast normalised coefficients: (I - mean) / (deviation + 1).

    Args:
        grey: (H, W) float32 in [0, 255].

    Returns:
        (H, W) float32; mean and deviation are those of a Gaussian window of 7x7, sigma 7/6, the border repeated.
    """
    # The shift leaves the result as it is; squares near zero keep their digits in float32.
    shifted = grey - np.float32(128)
    mean = _blur(shifted)
    deviation = cv2.sqrt(cv2.absdiff(_blur(shifted * shifted), mean * mean))
    deviation += np.float32(_CONSTANT)
    shifted -= mean
    shifted /= deviation
    return shifted


def _scale_features(grey: NDArray[np.float32]) -> list[float]:
    """The 18 features of one scale.

    Moments are summed over strips of rows that stay in the cache: fresh memory for whole pictures would cost more than
    all the arithmetic.
    """
    height, width = grey.shape
    margin = len(_WEIGHTS) // 2
    rows = max(_STRIP_PIXELS // width - 2 * margin - 1, 2 * margin)
    total = np.zeros((1 + len(_NEIGHBOURS), 6))
    for top in range(0, height, rows):
        first = max(top - margin, 0)
        coefficients = mscn(grey[first : top + rows + 1 + margin])
        total += _strip_moments(coefficients[top - first :], min(rows, height - top))
    whole, *products = total
    return [*generalised_gaussian(whole), *(number for of in products for number in asymmetric_gaussian(of))]


def _strip_moments(coefficients: NDArray[np.float32], rows: int) -> NDArray[np.float64]:
    """(5, 6) moments of so many first rows of coefficients and of their products with their neighbours."""
    products = (_neighbour_products(coefficients[: rows + down], down, right) for down, right in _NEIGHBOURS)
    return np.array([moments(values) for values in (coefficients[:rows], *products)])


def _neighbour_products(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Each value times the one `rows` below and `columns` to the right, where there is one."""
    height, width = values.shape
    left, right = max(-columns, 0), max(columns, 0)
    here = values[: height - rows, left : width - right]
    there = values[rows:, right : width - left]
    return here * there


def _halved(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of 2x2 pixels; an odd last row or column is left out."""
    height, width = (side // 2 for side in grey.shape)
    return cv2.resize(grey[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)


def _blur(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.sepFilter2D(values, -1, _WEIGHTS, _WEIGHTS, borderType=cv2.BORDER_REPLICATE)
