"""Solids with textured faces, and the camera that looks at them.

World axes: x to the right, y up, z into the room, metres. The camera's depth is measured along its optical axis:
rays have unit depth, so the ray parameter is the depth itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .colour import Colour

Array = NDArray[np.float32]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Texture:
    """A picture on a surface.

    Attributes:
        image: (H, W, 3 or 4) float32 in [0, 255]; a fourth channel below 128 cuts holes.
        tile: (width, height) of one copy in metres, or None to stretch one copy over the whole face.
    """

    image: Array
    tile: tuple[float, float] | None = None

    def sample(self, u: Array, v: Array, width: float, height: float) -> Array:
        """Look up at u, v in metres from a face's lower left corner; (N,) -> (N, channels)."""
        tile_width, tile_height = self.tile or (width, height)
        rows, columns = self.image.shape[:2]
        x = (u / tile_width * columns - 0.5).astype(np.float32)
        y = ((1 - v / tile_height) * rows - 0.5).astype(np.float32)
        border = cv2.BORDER_REPLICATE
        if self.tile is not None:
            x, y, border = np.mod(x, columns), np.mod(y, rows), cv2.BORDER_WRAP
        # remap takes at most 32767 rows; one long row is folded to fit.
        side = max(1, math.ceil(len(x) / 16384))
        padded = np.zeros((2, side * 16384), np.float32)
        padded[0, : len(x)], padded[1, : len(y)] = x, y
        found = cv2.remap(
            self.image,
            padded[0].reshape(side, -1),
            padded[1].reshape(side, -1),
            cv2.INTER_LINEAR,
            borderMode=border,
        )
        return np.asarray(found.reshape(side * 16384, -1)[: len(x)], np.float32)


@dataclass(frozen=True)
class Solid:
    """One primitive.

    Attributes:
        shape: "box", "frustum" (round, upright, tapering to top) or "ellipsoid".
        base: the middle of its foot, metres.
        size: width, height and depth, metres.
        label: ADE20K class index.
        yaw: turn about the vertical, degrees.
        top: a frustum's upper width as a share of the lower.
        textures: by face: "front" (towards smaller z), "top", "side", "around"; else the plain colour.
        glow: share of its own light in [0, 1].
        inside: seen from within (the room itself).
    """

    shape: Literal["box", "frustum", "ellipsoid"]
    base: Point
    size: Point
    colour: Colour
    label: int
    yaw: float = 0.0
    top: float = 1.0
    textures: tuple[tuple[str, Texture], ...] = ()
    glow: float = 0.0
    inside: bool = False

    def corners(self) -> NDArray[np.float64]:
        """Return the 8 corners of the bounding box, (8, 3) metres."""
        w, h, d = self.size
        local = np.array([(x, y, z) for x in (-w / 2, w / 2) for y in (0.0, h) for z in (-d / 2, d / 2)])
        return local @ turning(self.yaw) + self.base


def turning(yaw: float) -> NDArray[np.float64]:
    """Return the matrix that turns row vectors about the vertical by yaw degrees."""
    cosine, sine = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    return np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


@dataclass(frozen=True)
class Camera:
    """Pinhole camera; focal length in pixels, yaw to the right and pitch downwards in degrees."""

    position: Point
    yaw: float
    pitch: float
    width: int
    height: int
    focal: float

    def axes(self) -> NDArray[np.float64]:
        """Return rows: the world directions of the image's right, down, and forward."""
        turn, tilt = math.radians(self.yaw), math.radians(self.pitch)
        forward = np.array([math.sin(turn) * math.cos(tilt), -math.sin(tilt), math.cos(turn) * math.cos(tilt)])
        right = np.array([math.cos(turn), 0.0, -math.sin(turn)])
        return np.stack([right, np.cross(forward, right) * -1, forward])
