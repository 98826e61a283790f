"""Discs and rings: draw them exactly, and say beforehand which arrangements can be read back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .palette import RGBTuple

Point = tuple[float, float]

MIN_RADIUS: Final = 3.0
MIN_THICKNESS: Final = 1.5
NEAREST: Final = 1.2
"""Centres must lie this many radii apart for two marks to be told apart at a glance."""

_ARC_POINTS: Final = 48
_ARC_SHARE: Final = 0.18
_ARC_PX: Final = 6.5


@dataclass(frozen=True, slots=True)
class MarkShape:
    """A disc or ring; a pixel belongs to it when its centre lies within `outer` and farther than `inner`.

    Attributes:
        outer: radius in pixels.
        inner: radius of the hole; negative for a disc, which has none.
    """

    outer: float
    inner: float = -1.0

    @classmethod
    def scaled(cls, style: str, size_wh: tuple[int, int], radius: float, thickness: float) -> MarkShape:
        """The mark for an image: radius and thickness are shares of its shorter side."""
        shorter = min(size_wh)
        outer = round(max(MIN_RADIUS, radius * shorter), 2)
        if style == "disc":
            return cls(outer)
        return cls(outer, round(outer - min(outer / 2, max(MIN_THICKNESS, thickness * shorter)), 2))

    def near(self, image: NDArray[Any], center: Point, margin: float = 0.0) -> tuple[slice, slice, NDArray[np.bool_]]:
        """Window of the image that holds the mark, and its pixels in it, each edge moved out by `margin` pixels."""
        x, y = center
        outer, inner = self.outer + margin, self.inner - margin
        height, width = image.shape[:2]
        left, right = max(0, math.ceil(x - outer)), min(width - 1, math.floor(x + outer))
        top, bottom = max(0, math.ceil(y - outer)), min(height - 1, math.floor(y + outer))
        across = (np.arange(left, right + 1) - x) ** 2
        down = (np.arange(top, bottom + 1) - y) ** 2
        squared = down[:, None] + across[None, :]
        inside = squared <= outer * outer
        if inner > 0:
            inside &= squared > inner * inner
        return slice(top, max(top, bottom + 1)), slice(left, max(left, right + 1)), inside


def stamp(image: NDArray[np.uint8], center: Point, shape: MarkShape, color: RGBTuple | int) -> None:
    """Draw one mark, opaque and without anti-aliasing, in place.

    Args:
        image: (H, W, 3) uint8, or (H, W) of palette positions.
        center: x and y, pixel centres from 0; fractions count.
        color: or its position.
    """
    rows, columns, inside = shape.near(image, center)
    image[rows, columns][inside] = color


def pixels_under(image: RGB, centers: Sequence[Point], shape: MarkShape) -> NDArray[np.uint8]:
    """(N, 3) uint8 colours that marks cover or touch, a few hundred a mark at most."""
    found = []
    for center in centers:
        rows, columns, inside = shape.near(image, center, margin=1.0)
        step = max(1, int((inside.size / 400) ** 0.5))
        found.append(image[rows, columns][::step, ::step][inside[::step, ::step]])
    return np.concatenate(found) if found else np.zeros((0, 3), np.uint8)


def can_be_read(centers: Sequence[Point], owners: Sequence[int], shape: MarkShape, size_wh: tuple[int, int]) -> bool:
    """Whether each mark will show enough of its edge to fix its centre, once all are drawn in this order.

    Two conditions: centres lie `NEAREST` radii apart; and the edge that shows holds the centre in every direction.
    The latter is the smaller eigenvalue of the sum of n nᵀ over the visible edge, n its normals: the information
    that the edge gives about the centre, in pixels of edge.

    Args:
        centers: x and y of each mark.
        owners: which colour each has; marks of one colour melt into each other.
    """
    points = np.array(centers, float).reshape(-1, 2)
    outer = shape.outer
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    if apart.min(initial=np.inf) < NEAREST * outer:
        return False
    width, height = size_wh
    inset = np.minimum(points, np.array([width - 1, height - 1]) - points).min(axis=1)
    if apart.min(initial=np.inf) > 2 * outer + 2 and inset.min(initial=np.inf) > outer + 1:
        return True
    return bool((_edge_information(points, np.array(owners), shape, size_wh) >= _least_information(outer)).all())


def is_inside(center: Point, shape: MarkShape, size_wh: tuple[int, int]) -> bool:
    """Whether a mark lies in the picture, a pixel off its edges, so that all of its own edge shows."""
    (x, y), (width, height) = center, size_wh
    return min(x, y, width - 1 - x, height - 1 - y) > shape.outer + 1


def _least_information(outer: float) -> float:
    return max(_ARC_PX, _ARC_SHARE * math.pi * outer)


def _edge_information(
    points: NDArray[np.float64], owners: NDArray[np.int_], shape: MarkShape, size_wh: tuple[int, int]
) -> NDArray[np.float64]:
    """(N,) for each mark the smaller eigenvalue of the sum of n nᵀ over the part of its edge that shows."""
    angles = np.arange(_ARC_POINTS) * (2 * math.pi / _ARC_POINTS)
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    edge = points[:, None] + shape.outer * normals  # (N, A, 2)
    shows = (edge > -0.5).all(axis=2) & (edge < np.array(size_wh) - 0.5).all(axis=2)
    distance = np.hypot(*(edge[:, :, None] - points[None, None]).transpose(3, 0, 1, 2))  # (N, A, N)
    covered = distance <= shape.outer + 1
    if shape.inner > 0:
        covered &= distance >= shape.inner - 1
    order = np.arange(len(points))
    above = (order[None, :] > order[:, None]) | (owners[None, :] == owners[:, None])
    np.fill_diagonal(above, False)
    shows &= ~(covered & above[:, None, :]).any(axis=2)
    xx, yy = shows @ normals[:, 0] ** 2, shows @ normals[:, 1] ** 2
    xy = shows @ (normals[:, 0] * normals[:, 1])
    smaller = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    return smaller * (2 * math.pi * shape.outer / _ARC_POINTS)
