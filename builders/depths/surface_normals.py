"""Surface normals from a depth map: planes fitted to the surroundings of each pixel, and their colours.

Inverse depth of a plane is affine in the pixel: n·X = d and X = z (u, v, 1) give 1/z = (n_x u + n_y v + n_z) / d, so
a straight-line fit of 1/z over a window gives the normal, without outliers from the far side of a depth edge when the
window is one that lies on this side. Of nine windows that hold a pixel (centred, or with the pixel on their border)
the one that is flattest and fits the pixel best is taken, the idea of Kuwahara's filter (1976).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..marks.palette import RGBTuple
from ..sample import Intrinsics

Floats = NDArray[np.float64]
Normals = NDArray[np.float32]
"""(H, W, 3) float32 unit vectors, x to the right, y up, z to the viewer; 0 0 0 where there is none."""
Axes = Literal["vision_banana", "marigold"]

NO_NORMAL: Final[RGBTuple] = (128, 128, 128)
"""A vector of length 0; those of normals are 1 long, a predicted one's 0.8 to 1.15."""

_SHORTEST: Final = 0.5
_LEAST_POINTS: Final = 8
_LEAST_SHARE: Final = 0.1
"""Least share of a window's pixels that have a depth; maps of a rotating laser have a fifth."""
_LEAST_SPREAD: Final = 0.15
"""Least spread of these points along their narrow side, share of a full window's; points in one line fix no plane."""
_PREFER_CENTRE: Final = 4.0
"""How many times less the mean squared residual of another window must be."""
_NOISE: Final = 0.005
"""Residuals up to this share of the depth are a sensor's noise and no reason to leave the centre: Kinect's is 1.4 mm
at 1 m and grows with the square of the distance (Khoshelham and Elberink 2012)."""
_STEP: Final = 1e-9
"""Residuals are rounded to this, so that the last bits of the arithmetic do not choose a window."""


@dataclass(frozen=True, slots=True)
class _Planes:
    """For each pixel the plane 1/z = along_x x + along_y y + offset of the window around it.

    Attributes:
        residual: mean squared residual; infinite where no plane can be fitted.
    """

    along_x: Floats
    along_y: Floats
    offset: Floats
    residual: Floats


def normals_of(depth_m: NDArray[np.floating], camera: Intrinsics, window: int, roughness: float) -> Normals:
    """Normals of the surface that a depth map shows.

    Args:
        depth_m: (H, W) metres along the optical axis; 0 where there is none.
        camera: of this map, pixels.
        window: side of the windows, odd, pixels.
        roughness: where the best plane is farther off than this, root mean square as a share of the depth, there is
            no normal: hair, leaves, and edges of things thinner than the window.

    Returns:
        Normals that face the camera, where there is a depth and enough of it around.
    """
    known = depth_m > 0
    inverse = np.where(known, 1.0 / np.where(known, depth_m, 1.0), 0.0)
    planes = _fit(inverse, known, window)
    along_x, along_y, offset, error = _best(planes, inverse, window // 2)
    vectors = np.stack(
        [-along_x * camera.fx, along_y * camera.fy, offset + along_x * camera.cx + along_y * camera.cy], axis=2
    )
    length = np.sqrt(np.einsum("hwc,hwc->hw", vectors, vectors))
    found = known & (error <= roughness**2) & (length > 0)
    return (vectors / np.where(found, length, np.inf)[..., None]).astype(np.float32)


def to_colors(normals: Normals, axes: Axes) -> RGB:
    """Normals as colours: R = (1 - x) / 2, G = (1 + y) / 2, B = (1 + z) / 2 of 255; none as `NO_NORMAL`.

    Args:
        normals: to draw.
        axes: marigold: R = (1 + x) / 2.

    Returns:
        (H, W, 3) uint8.
    """
    signs = np.array([1 if axes == "marigold" else -1, 1, 1], np.float32)
    return np.rint((normals * signs + 1) * np.float32(127.5)).astype(np.uint8)


def from_colors(image: RGB, axes: Axes) -> Normals:
    """The inverse of `to_colors`, for colours of a model too: vectors shorter than a half are none."""
    vectors = image.astype(np.float32) / np.float32(127.5) - 1
    length = np.sqrt(np.einsum("hwc,hwc->hw", vectors, vectors))
    normals: Normals = vectors / np.where(length < _SHORTEST, np.inf, length).astype(np.float32)[..., None]
    if axes == "vision_banana":
        normals[..., 0] *= -1
    return normals


def angles_deg(first: Normals, second: Normals) -> Floats:
    """Angle between unit vectors (N, 3), degrees; by the chord, which is exact for small angles."""
    chord = np.linalg.norm(first.astype(np.float64) - second.astype(np.float64), axis=-1)
    angles: Floats = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
    return angles


def _fit(inverse: Floats, known: NDArray[np.bool_], window: int) -> _Planes:
    height, width = inverse.shape
    x = np.broadcast_to(np.arange(width, dtype=np.float64), inverse.shape)
    y = np.broadcast_to(np.arange(height, dtype=np.float64)[:, None], inverse.shape)
    weight = known.astype(np.float64)

    def total(values: Floats) -> Floats:
        return np.asarray(cv2.boxFilter(values, -1, (window, window), None, (-1, -1), False, cv2.BORDER_CONSTANT))

    count = total(weight)
    safe = np.maximum(count, 1)
    mean_x, mean_y, mean_i = total(weight * x) / safe, total(weight * y) / safe, total(inverse) / safe
    xx, yy = total(weight * x * x) / safe - mean_x**2, total(weight * y * y) / safe - mean_y**2
    xy = total(weight * x * y) / safe - mean_x * mean_y
    xi, yi = total(inverse * x) / safe - mean_x * mean_i, total(inverse * y) / safe - mean_y * mean_i
    ii = total(inverse * inverse) / safe - mean_i**2
    narrow = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    full = (window * window - 1) / 12
    least = max(_LEAST_POINTS, math.ceil(_LEAST_SHARE * window * window))
    fits = (count >= least) & (narrow >= _LEAST_SPREAD * full)
    determinant = np.where(fits, xx * yy - xy * xy, 1.0)
    along_x, along_y = (yy * xi - xy * yi) / determinant, (xx * yi - xy * xi) / determinant
    squared = np.maximum(ii - along_x * xi - along_y * yi, 0)
    residual = np.where(fits, squared / np.maximum(mean_i, 1e-12) ** 2, np.inf)
    return _Planes(along_x, along_y, mean_i - along_x * mean_x - along_y * mean_y, residual)


def _best(planes: _Planes, inverse: Floats, reach: int) -> tuple[Floats, Floats, Floats, Floats]:
    """For each pixel the plane of the best window that holds it, and that plane's error, squared, as a share."""
    height, width = inverse.shape
    y, x = np.mgrid[0:height, 0:width]
    maps = (planes.along_x, planes.along_y, planes.offset)
    chosen = [values.copy() for values in maps]
    best = np.full(inverse.shape, np.inf)
    error = best.copy()
    for down, right in [(0, 0), *((i, j) for i in (-reach, 0, reach) for j in (-reach, 0, reach) if i or j)]:
        here = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
        there = slice(max(0, down), height - max(0, -down)), slice(max(0, right), width - max(0, -right))
        along_x, along_y, offset = (values[there] for values in maps)
        expected = along_x * x[here] + along_y * y[here] + offset
        own = (inverse[here] - expected) / np.maximum(expected, 1e-12)
        squared = np.where(expected > 0, planes.residual[there] + own * own, np.inf)
        share = _PREFER_CENTRE if not (down or right) else 1.0
        score = np.rint(np.maximum(squared, _NOISE**2) / share / _STEP)
        closer = score < best[here]
        for values, candidate in zip((*chosen, best, error), (along_x, along_y, offset, score, squared), strict=True):
            np.copyto(values[here], candidate, where=closer)
    return chosen[0], chosen[1], chosen[2], error
