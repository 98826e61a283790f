"""Surface normals from a depth map, of planes fitted to the surroundings of each pixel, and their colours."""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..marks.palette import RGBTuple
from ..sample import Intrinsics
from .plane_choice import choose_planes
from .plane_fits import Floats, Planes, fit_planes

Normals = NDArray[np.float32]
"""(H, W, 3) float32 unit vectors, x to the right, y up, z to the viewer; 0 0 0 where there is none."""
Axes = Literal["vision_banana", "marigold"]

NO_NORMAL: Final[RGBTuple] = (128, 128, 128)
"""A vector of length 0; those of normals are 1 long, a predicted one's 0.8 to 1.15."""

_SHORTEST: Final = 0.5
_BAND_ROWS: Final = 64
"""Rows that are computed together, so that they stay in the processor's cache."""


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
    inverse = np.divide(1.0, depth_m, out=np.zeros(depth_m.shape), where=known)
    normals = np.zeros((*depth_m.shape, 3), np.float32)
    planes = fit_planes(inverse, window)
    for start in range(0, len(normals), _BAND_ROWS):
        rows = slice(start, start + _BAND_ROWS)
        if not known[rows].any():
            continue
        chosen = choose_planes(planes, inverse, rows, window // 2)
        smooth = known[rows] & (chosen.residual <= roughness**2)
        _write_normals(normals[rows], chosen, smooth, start, camera)
    return normals


def have_normals(normals: Normals) -> NDArray[np.bool_]:
    """(H, W) or (N,): where there is one."""
    across, up, near = cv2.split(normals.reshape(len(normals), -1, 3))
    found: NDArray[np.bool_] = ((across != 0) | (up != 0) | (near != 0)).reshape(normals.shape[:-1])
    return found


def mean_normal(normals: Normals, count: int) -> Floats:
    """(3,) mean over the pixels that have one; count: how many have, at least one."""
    total = normals.reshape(len(normals), -1).sum(axis=0, dtype=np.float64).reshape(-1, 3).sum(axis=0)
    mean: Floats = total / count
    return mean


def to_colors(normals: Normals, axes: Axes) -> RGB:
    """Normals as colours: R = (1 - x) / 2, G = (1 + y) / 2, B = (1 + z) / 2 of 255; none as `NO_NORMAL`.

    Args:
        normals: to draw.
        axes: marigold: R = (1 + x) / 2.

    Returns:
        (H, W, 3) uint8.
    """
    height, width, _ = normals.shape
    signs = np.array([1 if axes == "marigold" else -1, 1, 1], np.float32)
    row = np.tile(signs, width)  # long rows are many times quicker to work on than short vectors
    colors = np.empty((height, 3 * width), np.uint8)
    for start in range(0, height, _BAND_ROWS):
        rows = slice(start, start + _BAND_ROWS)
        levels = normals[rows].reshape(-1, 3 * width) * row
        levels += 1
        levels *= np.float32(127.5)
        colors[rows] = np.rint(levels, out=levels)
    return colors.reshape(normals.shape)


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


def _write_normals(normals: Normals, planes: Planes, wanted: NDArray[np.bool_], top: int, camera: Intrinsics) -> None:
    """Unit vectors across planes whose pixels begin in row `top`; 0 where none is wanted."""
    x = np.arange(normals.shape[1]) - camera.cx
    y = np.arange(top, top + len(normals))[:, None] - camera.cy
    right, up = planes.along_x * -camera.fx, planes.along_y * camera.fy
    near = planes.value - planes.along_x * x - planes.along_y * y
    length = np.sqrt(right * right + up * up + near * near)
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=wanted & (length > 0))
    channels = [(part * scale).astype(np.float32) for part in (right, up, near)]
    cv2.merge(channels, normals)
