"""Outlines as point lists. A shape is a list of polygons whose union is filled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(N, 2) float64: x to the right, y down."""
Shape = list[Points]
Pair = tuple[float, float]


def polygon(*corners: Pair) -> Shape:
    """Straight-edged outline through the corners."""
    return [np.array(corners, np.float64)]


def rectangle(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Shape:
    """Upright rectangle with rounded corners."""
    radius = max(0.0, min(radius, abs(right - left) / 2, abs(bottom - top) / 2))
    if radius == 0:
        return polygon((left, top), (right, top), (right, bottom), (left, bottom))
    points = []
    corners = ((right, top, -90), (right, bottom, 0), (left, bottom, 90), (left, top, 180))
    for x, y, start in corners:
        centre_x = x - radius if x == right else x + radius
        centre_y = y - radius if y == bottom else y + radius
        for step in range(7):
            angle = math.radians(start + step * 15)
            points.append((centre_x + radius * math.cos(angle), centre_y + radius * math.sin(angle)))
    return [np.array(points)]


def ellipse(
    x: float, y: float, radius_x: float, radius_y: float | None = None, angle: float = 0.0, count: int = 40
) -> Shape:
    """Ellipse about (x, y), turned by angle degrees."""
    turn = np.linspace(0, 2 * math.pi, count, endpoint=False)
    local = np.stack([radius_x * np.cos(turn), (radius_y or radius_x) * np.sin(turn)], 1)
    return [local @ _turning(angle) + (x, y)]


def _turning(angle: float) -> Points:
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([[cosine, sine], [-sine, cosine]])


def sector(x: float, y: float, radius: float, start: float, stop: float, squash: float = 1.0) -> Shape:
    """Pie slice or half disc between two angles in degrees (0 is right, 90 is down), closed by its chord."""
    turn = np.radians(np.linspace(start, stop, 24))
    return [np.stack([x + radius * np.cos(turn), y + radius * squash * np.sin(turn)], 1)]


def capsule(start: Pair, stop: Pair, radius: float, radius_stop: float | None = None) -> Shape:
    """Rounded stick from start to stop, whose radius may taper."""
    end_radius = radius if radius_stop is None else radius_stop
    across = math.degrees(math.atan2(stop[1] - start[1], stop[0] - start[0]))
    first = np.radians(np.linspace(across + 90, across + 270, 13))
    second = np.radians(np.linspace(across - 90, across + 90, 13))
    head = np.stack([start[0] + radius * np.cos(first), start[1] + radius * np.sin(first)], 1)
    tail = np.stack([stop[0] + end_radius * np.cos(second), stop[1] + end_radius * np.sin(second)], 1)
    return [np.concatenate([head, tail])]


def chain(points: Sequence[Pair], radii: Sequence[float]) -> Shape:
    """Limb through several points with a radius at each."""
    shape: Shape = []
    for index in range(len(points) - 1):
        shape += capsule(points[index], points[index + 1], radii[index], radii[index + 1])
    return shape


def smooth(points: Sequence[Pair], closed: bool = True, steps: int = 8) -> Shape:
    """Catmull-Rom curve through the points."""
    base = np.array(points, np.float64)
    if closed:
        knots = np.concatenate([base[-1:], base, base[:2]])
    else:
        knots = np.concatenate([2 * base[:1] - base[1:2], base, 2 * base[-1:] - base[-2:-1]])
    time = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for index in range(len(knots) - 3):
        a, b, c, d = knots[index : index + 4]
        pieces.append(
            0.5 * (2 * b + (c - a) * time + (2 * a - 5 * b + 4 * c - d) * time**2 + (3 * b - a - 3 * c + d) * time**3)
        )
    curve = np.concatenate(pieces)
    return [curve if closed else np.concatenate([curve, base[-1:]])]


def ribbon(points: Sequence[Pair], width: float, width_stop: float | None = None) -> Shape:
    """Smooth stroke through the points, tapering from width to width_stop."""
    curve = smooth(points, closed=False)[0]
    widths = np.linspace(width, width if width_stop is None else width_stop, len(curve)) / 2
    return chain([(float(x), float(y)) for x, y in curve], [float(value) for value in widths])


def shifted(shape: Shape, across: float, down: float) -> Shape:
    """Return the shape moved."""
    return [points + np.array([across, down]) for points in shape]


def blob(random: Random, x: float, y: float, radius_x: float, radius_y: float, bumps: int = 9) -> Shape:
    """Rounded irregular patch."""
    points = []
    for index in range(bumps):
        angle = 2 * math.pi * index / bumps
        reach = random.uniform(0.86, 1.12)
        points.append((x + radius_x * reach * math.cos(angle), y + radius_y * reach * math.sin(angle)))
    return smooth(points)


def puffs(random: Random, x: float, y: float, radius_x: float, radius_y: float, count: int = 7) -> Shape:
    """Union of discs on an ellipse: foliage, fleece, clouds."""
    shape = ellipse(x, y, radius_x * 0.8, radius_y * 0.8)
    for index in range(count):
        angle = 2 * math.pi * (index + random.uniform(-0.2, 0.2)) / count
        size = random.uniform(0.36, 0.5)
        centre = (x + radius_x * 0.62 * math.cos(angle), y + radius_y * 0.62 * math.sin(angle))
        shape += ellipse(centre[0], centre[1], radius_x * size, radius_y * size, count=24)
    return shape
