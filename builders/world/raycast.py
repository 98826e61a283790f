"""A small ray caster: boxes, frustums and ellipsoids in a room, each tested only where it lies in the picture.

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
INSIDE_EPSILON = 1e-4


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
        found = cv2.remap(self.image, padded[0].reshape(side, -1), padded[1].reshape(side, -1), cv2.INTER_LINEAR, borderMode=border)
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


class Film:
    """Buffers at scale samples a pixel side: depth, colour, normal, class, own light."""

    def __init__(self, camera: Camera, scale: int = 2) -> None:
        self.camera, self.scale = camera, scale
        height, width = camera.height * scale, camera.width * scale
        self.depth = np.full((height, width), np.inf, np.float32)
        self.colour = np.zeros((height, width, 3), np.float32)
        self.normal = np.zeros((height, width, 3), np.float32)
        self.label = np.zeros((height, width), np.uint8)
        self.glow = np.zeros((height, width), np.float32)
        self.solid = np.full((height, width), -1, np.int16)
        self._count = 0

    def rays(self, box: tuple[int, int, int, int]) -> Array:
        """Return ray directions of unit depth for samples in left, top, right, bottom: (rows, columns, 3)."""
        left, top, right, bottom = box
        camera = self.camera
        u = ((np.arange(left, right) + 0.5) / self.scale - camera.width / 2) / camera.focal
        v = ((np.arange(top, bottom) + 0.5) / self.scale - camera.height / 2) / camera.focal
        right_axis, down_axis, forward = camera.axes()
        directions = forward + u[None, :, None] * right_axis + v[:, None, None] * down_axis
        return np.asarray(directions, np.float32)

    def _box(self, solid: Solid) -> tuple[int, int, int, int] | None:
        height, width = self.depth.shape
        if solid.inside:
            return (0, 0, width, height)
        view = (solid.corners() - self.camera.position) @ self.camera.axes().T
        if (view[:, 2] < 0.05).all():
            return None
        if (view[:, 2] < 0.05).any():
            return (0, 0, width, height)
        pixels = view[:, :2] / view[:, 2:] * self.camera.focal + (self.camera.width / 2, self.camera.height / 2)
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
        rays = self.rays(box).reshape(-1, 3)
        direction = rays @ turn
        origin = ((np.array(self.camera.position) - solid.base) @ turn).astype(np.float32)
        depth, normal = _HIT[solid.shape](solid, origin, direction)
        nearer = np.flatnonzero(depth < self.depth[top:bottom, left:right].reshape(-1))
        if len(nearer) == 0:
            return
        depth, normal = depth[nearer], normal[nearer]
        colour, kept = _paint(solid, origin + direction[nearer] * depth[:, None], normal)
        nearer, depth, normal, colour = nearer[kept], depth[kept], normal[kept], colour[kept]
        rows, columns = nearer // (right - left) + top, nearer % (right - left) + left
        self.depth[rows, columns] = depth
        self.colour[rows, columns] = colour
        self.normal[rows, columns] = normal @ turn.T
        self.label[rows, columns] = solid.label
        self.glow[rows, columns] = solid.glow
        self.solid[rows, columns] = self._count - 1


def _hit_box(solid: Solid, origin: Array, direction: Array) -> tuple[Array, Array]:
    width, height, depth = solid.size
    low = np.array([-width / 2, 0, -depth / 2], np.float32)
    high = np.array([width / 2, height, depth / 2], np.float32)
    safe = np.where(np.abs(direction) < 1e-7, np.float32(1e-7), direction)
    first, second = (low - origin) / safe, (high - origin) / safe
    near, far = np.minimum(first, second), np.maximum(first, second)
    enter, leave = near.max(1), far.min(1)
    if solid.inside:
        axis = far.argmin(1)
        distance = leave
    else:
        axis = near.argmax(1)
        distance = np.where((enter < leave) & (enter > INSIDE_EPSILON), enter, np.float32(np.inf))
    rows = np.arange(len(axis))
    normal = np.zeros_like(direction)
    normal[rows, axis] = -np.sign(safe[rows, axis])
    return distance.astype(np.float32), normal


def _hit_frustum(solid: Solid, origin: Array, direction: Array) -> tuple[Array, Array]:
    """Intersect x^2 + z^2 = (r + k y)^2 for 0 <= y <= h, and the lid; x and z scaled to a circle first."""
    width, height, depth = solid.size
    squash = np.array([1.0, 1.0, width / depth], np.float32)
    o, d = origin * squash, direction * squash
    radius = width / 2
    slope = radius * (solid.top - 1) / height
    edge = radius + slope * o[1]
    a = d[:, 0] ** 2 + d[:, 2] ** 2 - (slope * d[:, 1]) ** 2
    b = o[0] * d[:, 0] + o[2] * d[:, 2] - edge * slope * d[:, 1]
    c = o[0] ** 2 + o[2] ** 2 - edge**2
    distance = _nearest_root(a, b, np.full_like(a, c))
    y = o[1] + distance * d[:, 1]
    distance = np.where((y >= 0) & (y <= height), distance, np.float32(np.inf))
    safe = np.where(np.abs(d[:, 1]) < 1e-7, np.float32(1e-7), d[:, 1])
    lid = (height - o[1]) / safe
    inside = (o[0] + lid * d[:, 0]) ** 2 + (o[2] + lid * d[:, 2]) ** 2 <= (radius * solid.top) ** 2
    lid = np.where(inside & (lid > INSIDE_EPSILON), lid, np.float32(np.inf))
    on_lid = lid < distance
    distance = np.where(on_lid, lid, distance).astype(np.float32)
    safe_distance = np.where(np.isfinite(distance), distance, 0)[:, None]
    point = o + d * safe_distance
    normal = np.stack([point[:, 0], -slope * np.hypot(point[:, 0], point[:, 2]), point[:, 2]], 1)
    normal[on_lid] = (0, 1, 0)
    return distance, _unit(normal)


def _hit_ellipsoid(solid: Solid, origin: Array, direction: Array) -> tuple[Array, Array]:
    half = np.array(solid.size, np.float32) / 2
    o = (origin - np.array([0, half[1], 0], np.float32)) / half
    d = direction / half
    a, b = (d**2).sum(1), (d * o).sum(1)
    distance = _nearest_root(a, b, np.full_like(a, (o**2).sum() - 1))
    point = o + d * np.where(np.isfinite(distance), distance, 0)[:, None]
    return distance, _unit(point / half)


def _nearest_root(a: Array, b: Array, c: Array) -> Array:
    """Smallest positive t of a t^2 + 2 b t + c = 0, or infinity."""
    under = b * b - a * c
    root = np.sqrt(np.maximum(under, 0))
    safe = np.where(np.abs(a) < 1e-9, np.float32(1e-9), a)
    first, second = (-b - root) / safe, (-b + root) / safe
    first, second = np.minimum(first, second), np.maximum(first, second)
    nearest = np.where(first > INSIDE_EPSILON, first, second)
    return np.where((under >= 0) & (nearest > INSIDE_EPSILON), nearest, np.inf).astype(np.float32)


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)


_HIT = {"box": _hit_box, "frustum": _hit_frustum, "ellipsoid": _hit_ellipsoid}


def _paint(solid: Solid, point: Array, normal: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return colours (N, 3) and which points are not cut away, for points in the solid's own axes."""
    colour = np.empty((len(point), 3), np.float32)
    colour[:] = solid.colour
    kept = np.ones(len(point), np.bool_)
    width, height, depth = solid.size
    if solid.inside:
        normal = -normal
    for face, texture in solid.textures:
        if face == "around":
            chosen = np.abs(normal[:, 1]) < 0.9
            turn = np.arctan2(point[:, 0], point[:, 2]) * (width / 2)
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
