"""A small ray caster: solids in a room, each tested only where it lies in the picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .hits import hit_box, hit_ellipsoid, hit_frustum
from .solids import Array, Camera, Solid, turning


class Film:
    """Buffers at scale samples a pixel side: depth, colour, normal, class, own light, number of the solid.

    Attributes:
        rays: (H * s, W * s, 3) float32, directions of unit depth in world axes.
    """

    def __init__(self, camera: Camera, scale: int = 2) -> None:
        self.camera, self.scale = camera, scale
        height, width = camera.height * scale, camera.width * scale
        self.depth = np.full((height, width), np.inf, np.float32)
        self.colour = np.zeros((height, width, 3), np.float32)
        self.normal = np.zeros((height, width, 3), np.float32)
        self.label = np.zeros((height, width), np.uint8)
        self.glow = np.zeros((height, width), np.float32)
        self.solid = np.full((height, width), -1, np.int16)
        self.rays = self._all_rays()
        self._count = 0

    def _all_rays(self) -> Array:
        """Return ray directions of unit depth for all samples, (H * s, W * s, 3)."""
        height, width = self.depth.shape
        camera = self.camera
        u = ((np.arange(width) + 0.5) / self.scale - camera.width / 2) / camera.focal
        v = ((np.arange(height) + 0.5) / self.scale - camera.height / 2) / camera.focal
        right_axis, down_axis, forward = camera.axes().astype(np.float32)
        across = u.astype(np.float32)[None, :, None] * right_axis
        return np.asarray(forward + across + v.astype(np.float32)[:, None, None] * down_axis, np.float32)

    def _box(self, solid: Solid) -> tuple[int, int, int, int] | None:
        height, width = self.depth.shape
        if solid.inside:
            return (0, 0, width, height)
        view = (solid.corners() - self.camera.position) @ self.camera.axes().T
        if (view[:, 2] < 0.05).all():
            return None
        if (view[:, 2] < 0.05).any():
            return (0, 0, width, height)
        pixels = view[:, :2] / view[:, 2:] * self.camera.focal + (
            self.camera.width / 2,
            self.camera.height / 2,
        )
        low = np.floor(pixels.min(0) * self.scale).astype(int) - 1
        high = np.ceil(pixels.max(0) * self.scale).astype(int) + 1
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), width), min(int(high[1]), height)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def add(self, solid: Solid) -> None:
        """Cast rays at one solid and keep what is nearer than before."""
        box = self._box(solid)
        self._count += 1
        if box is None:
            return
        left, top, right, bottom = box
        turn = turning(solid.yaw).T.astype(np.float32)
        rays = self.rays[top:bottom, left:right].reshape(-1, 3)
        direction = rays if solid.yaw == 0 else rays @ turn
        origin = ((np.array(self.camera.position) - solid.base) @ turn).astype(np.float32)
        depth, normal = _HIT[solid.shape](solid, origin, direction)
        nearer = np.flatnonzero(depth < self.depth[top:bottom, left:right].reshape(-1))
        if len(nearer) == 0:
            return
        depth, normal = depth[nearer], normal[nearer]
        colour, kept = _paint(solid, origin + direction[nearer] * depth[:, None], normal)
        if not kept.all():
            nearer, depth, normal, colour = nearer[kept], depth[kept], normal[kept], colour[kept]
        self._keep(solid, box, nearer, depth, normal if solid.yaw == 0 else normal @ turn.T, colour)

    def _keep(
        self,
        solid: Solid,
        box: tuple[int, int, int, int],
        nearer: NDArray[np.int64],
        depth: Array,
        normal: Array,
        colour: Array,
    ) -> None:
        """Write samples, numbered row by row within the box, into the buffers."""
        left, top, right, _ = box
        place = (nearer // (right - left) + top) * self.depth.shape[1] + nearer % (right - left) + left
        self.depth.reshape(-1)[place] = depth
        self.colour.reshape(-1, 3)[place] = colour
        self.normal.reshape(-1, 3)[place] = normal
        self.label.reshape(-1)[place] = solid.label
        self.glow.reshape(-1)[place] = solid.glow
        self.solid.reshape(-1)[place] = self._count - 1


_HIT = {"box": hit_box, "frustum": hit_frustum, "ellipsoid": hit_ellipsoid}


def _paint(solid: Solid, point: Array, normal: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return colours (N, 3) and which points are not cut away, for points in the solid's own axes."""
    colour = np.empty((len(point), 3), np.float32)
    colour[:] = solid.colour
    kept = np.ones(len(point), np.bool_)
    width, height, depth = solid.size
    if solid.inside:
        normal = -normal
    for face, texture in solid.textures:
        u: Array
        if face == "around":
            chosen = np.abs(normal[:, 1]) < 0.9
            turn = np.asarray(np.arctan2(point[:, 0], point[:, 2]) * (width / 2), np.float32)
            u, v, across, up = turn, point[:, 1], math.pi * width, height
        elif face in ("top", "bottom"):
            chosen = normal[:, 1] > 0.5 if face == "top" else normal[:, 1] < -0.5
            u, v, across, up = point[:, 0] + width / 2, point[:, 2] + depth / 2, width, depth
        elif face in ("front", "back"):
            chosen = normal[:, 2] < -0.5 if face == "front" else normal[:, 2] > 0.5
            u, v, across, up = point[:, 0] + width / 2, point[:, 1], width, height
        else:
            chosen = np.abs(normal[:, 0]) > 0.5
            u, v, across, up = point[:, 2] + depth / 2, point[:, 1], depth, height
        if not chosen.any():
            continue
        found = texture.sample(u[chosen], v[chosen], across, up)
        colour[chosen] = found[:, :3]
        if found.shape[1] == 4:
            # A cut-out has no edge faces.
            kept[:] = False
            kept[chosen] = found[:, 3] >= 128
    return colour, kept
