"""A turned, scaled or mirrored window of the source: the geometry of augmented people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import BadItem
from ..manifests.images import MAX_PIXELS, RGB
from ..manifests.recipe import Sizing
from .geometry import CARRIERS, Box, Geometry, ScalarT

Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Warp:
    """A square window laid over the source image; it may reach beyond it.

    Attributes:
        center_xy: its middle, source pixels (edges, as boxes have them).
        side: source pixels along each side.
        degrees: how far the picture is turned, clockwise.
        mirrored: left and right are swapped.
    """

    center_xy: tuple[float, float]
    side: float
    degrees: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class WarpedGeometry(Geometry):
    """As Geometry, for a warp. matrix: source to output, pixel centres, the rows of a 2x3 matrix."""

    matrix: Matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    @property
    def is_native(self) -> bool:
        """Pixels never pass through unchanged."""
        return False

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Output pixels a source pixel; the same both ways."""
        scale = math.hypot(self.matrix[0], self.matrix[3])
        return scale, scale

    def image(self, pixels: RGB) -> RGB:
        """Move RGB pixels, (H, W, 3) uint8; averaged first when they shrink, so that nothing flickers."""
        matrix = np.array(self.matrix).reshape(2, 3)
        height, width = pixels.shape[:2]
        scale = self.scale_xy[0]
        if scale < 1:
            small = (max(1, round(width * scale)), max(1, round(height * scale)))
            pixels = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
            back = np.array([[width / small[0], 0, width / small[0] / 2 - 0.5],
                             [0, height / small[1], height / small[1] / 2 - 0.5], [0, 0, 1]])  # fmt: skip
            matrix = matrix @ back
        pad = tuple(float(level) for level in self.pad_rgb)
        moved = cv2.warpAffine(pixels, matrix, self.size_wh, flags=cv2.INTER_CUBIC, borderValue=pad)
        return np.asarray(moved, np.uint8)

    def labels(self, values: NDArray[ScalarT], pad: int = 0) -> NDArray[ScalarT]:
        """Move a map whose values must not be blended: nearest pixel; (H, W) of any integer or floating type."""
        across, down = self._origin()
        height, width = values.shape
        shown = (across >= 0) & (across < width) & (down >= 0) & (down < height)
        out = np.full(shown.shape, pad, values.dtype)
        carrier = values.view(CARRIERS[values.itemsize])
        out.view(carrier.dtype)[shown] = carrier[down[shown], across[shown]]
        return out

    def grid(self) -> None:
        """Columns do not stay columns when the picture is turned."""

    def inside(self) -> NDArray[np.bool_]:
        """(H, W) bool: output pixels that show the source, not padding."""
        width, height = self.source_wh
        return self.labels(np.ones((height, width), np.uint8)) != 0

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Move a point given in pixel centres."""
        a, b, c, d, e, f = self.matrix
        return a * x + b * y + c, d * x + e * y + f

    def box(self, box_xyxy: Box) -> Box | None:
        """The upright box around the moved one, clipped to what is shown; None when nothing of it is left."""
        left, top, right, bottom = (edge - 0.5 for edge in box_xyxy)
        corners = [self.point(x, y) for x in (left, right) for y in (top, bottom)]
        low = [max(0.0, min(corner[axis] for corner in corners) + 0.5) for axis in (0, 1)]
        high = [min(float(self.size_wh[axis]), max(corner[axis] for corner in corners) + 0.5) for axis in (0, 1)]
        return (low[0], low[1], high[0], high[1]) if high[0] > low[0] and high[1] > low[1] else None

    def _origin(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(H, W) x and y of the source pixel that each output pixel shows; may lie outside."""
        a, b, c, d, e, f = cv2.invertAffineTransform(np.array(self.matrix).reshape(2, 3)).ravel()
        x, y = np.arange(self.size_wh[0]), np.arange(self.size_wh[1])[:, None]
        across, down = a * x + b * y + c, d * x + e * y + f
        return np.floor(across + 0.5).astype(np.intp), np.floor(down + 0.5).astype(np.intp)


def warp_to(sizing: Sizing, source_wh: tuple[int, int], warp: Warp) -> WarpedGeometry:
    """The geometry that shows a warp's window; square, of the recipe's size, or of the window's own when native.

    Raises:
        BadItem: the window is enormous.
    """
    side = round(warp.side) if sizing.resize == "native" else sizing.size
    side = max(sizing.multiple_of, side // sizing.multiple_of * sizing.multiple_of)
    if side * side > MAX_PIXELS:
        raise BadItem(f"a window of {side}x{side} is over the limit of {MAX_PIXELS} pixels")
    scale, angle = side / warp.side, math.radians(warp.degrees)
    across, down = scale * math.cos(angle), scale * math.sin(angle)
    flip = -1.0 if warp.mirrored else 1.0
    x, y = warp.center_xy[0] - 0.5, warp.center_xy[1] - 0.5
    middle = side / 2 - 0.5
    rows = ((flip * across, -down), (flip * down, across))
    shifts = [middle - row[0] * x - row[1] * y for row in rows]
    matrix = (*rows[0], shifts[0], *rows[1], shifts[1])
    return WarpedGeometry(source_wh, (0, 0, *source_wh), (side, side), (0, 0), (side, side), sizing.pad_rgb, matrix)
