"""Where rays meet boxes, frustums and ellipsoids, in the solid's own axes: the foot's middle is the origin."""

from __future__ import annotations

import numpy as np

from .solids import Array, Solid

INSIDE_EPSILON = 1e-4
Hits = tuple[Array, Array]
"""Distance along each ray, (N,), infinity for a miss; and the surface's normal there, (N, 3)."""


def hit_box(solid: Solid, origin: Array, direction: Array) -> Hits:
    """Intersect the slabs between opposite faces; from inside, the face where the ray leaves."""
    width, height, depth = solid.size
    low = np.array([-width / 2, 0, -depth / 2], np.float32)
    high = np.array([width / 2, height, depth / 2], np.float32)
    # Axis by axis: numpy is slow at reducing over an axis of three.
    near, far, signs = [], [], []
    for axis in range(3):
        along = direction[:, axis]
        safe = np.where(np.abs(along) < 1e-7, np.float32(1e-7), along)
        first, second = (low[axis] - origin[axis]) / safe, (high[axis] - origin[axis]) / safe
        near.append(np.minimum(first, second))
        far.append(np.maximum(first, second))
        signs.append(-np.sign(safe))
    enter = np.maximum(np.maximum(near[0], near[1]), near[2])
    leave = np.minimum(np.minimum(far[0], far[1]), far[2])
    if solid.inside:
        distance, faces, limit = leave, far, leave
    else:
        distance = np.where((enter < leave) & (enter > INSIDE_EPSILON), enter, np.float32(np.inf))
        faces, limit = near, enter
    normal = np.zeros_like(direction)
    for axis in range(3):
        normal[:, axis] = np.where(faces[axis] == limit, signs[axis], np.float32(0))
    return distance.astype(np.float32), normal


def hit_frustum(solid: Solid, origin: Array, direction: Array) -> Hits:
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


def hit_ellipsoid(solid: Solid, origin: Array, direction: Array) -> Hits:
    """Intersect a unit ball after scaling the axes."""
    half = np.array(solid.size, np.float32) / 2
    o = np.asarray((origin - np.array([0, half[1], 0], np.float32)) / half, np.float32)
    d = np.asarray(direction / half, np.float32)
    a, b = np.einsum("ij,ij->i", d, d), d @ o
    distance = _nearest_root(a, b, np.full_like(a, float(o @ o) - 1))
    point = o + d * np.where(np.isfinite(distance), distance, 0)[:, None]
    return distance, _unit(np.asarray(point / half, np.float32))


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
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)
