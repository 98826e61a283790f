"""What a picture shows of a polygon of any shape: the points that the hull of that part is spanned by."""

from __future__ import annotations

import numpy as np

from .rotated_boxes import Points

_NEAR_PX = 1e-6
"""A point so near to the edge of the picture lies on it, so that no line is cut a hair from its end."""


def points_in_picture(polygon: Points, size_wh: tuple[int, int]) -> Points:
    """(M, 2) points of the part of a polygon in the picture, all corners of that part's hull among them; (0, 2) when
    the picture shows no area of it.

    They are the polygon's corners that lie in the picture, the places where its sides cross the edge of the picture,
    and the picture's corners that lie in the polygon. Sides may cross; what they go around an even number of times is
    outside.

    Args:
        polygon: (N, 2) finite x and y of its corners, in order, in pixel edges.
        size_wh: of the picture, which begins at (0, 0).
    """
    size = np.array(size_wh, float)
    if (polygon.max(axis=0) <= 0).any() or (polygon.min(axis=0) >= size).any():
        return np.empty((0, 2))
    corners = np.where(np.abs(polygon) < _NEAR_PX, 0.0, polygon)
    corners = np.where(np.abs(corners - size) < _NEAR_PX, size, corners)
    inside = ((corners >= 0) & (corners <= size)).all(axis=1)
    shown = corners[inside]
    if not inside.all():
        shown = np.concatenate([shown, _crossings(corners, size), _covered(corners, size)])
    flat = not len(shown) or (np.ptp(shown, axis=0) == 0).any()
    return shown[:0] if flat else shown


def _crossings(corners: Points, size: Points) -> Points:
    """Where sides enter and leave the picture. Source: Liang and Barsky 1984."""
    ahead = np.roll(corners, -1, axis=0)
    steps = ahead - corners
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.stack([-corners / steps, (size - corners) / steps])
    level = steps == 0
    beside = level & ((corners < 0) | (corners > size))
    enters = np.where(level, np.where(beside, np.inf, -np.inf), shares.min(axis=0))
    leaves = np.where(level, np.inf, shares.max(axis=0))
    found = []
    first, last = enters.max(axis=1), leaves.min(axis=1)
    for share, axis in ((first, enters.argmax(axis=1)), (last, leaves.argmin(axis=1))):
        at = np.flatnonzero((first <= last) & (share > 0) & (share < 1))
        points = corners[at] + steps[at] * share[at, None]
        crossed = axis[at]
        across = points[np.arange(len(at)), crossed]
        edge = size[crossed]
        points[np.arange(len(at)), crossed] = np.where(across > edge / 2, edge, 0.0)
        found.append(np.clip(points, 0.0, size))
    return np.concatenate(found)


def _covered(corners: Points, size: Points) -> Points:
    """The picture's corners that lie in the polygon: a line from there to the right crosses an odd number of sides."""
    x, y = corners.T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    found = []
    for level in (0.0, float(size[1])):
        at = np.flatnonzero((y > level) != (next_y > level))
        meets = x[at] + (next_x[at] - x[at]) * ((level - y[at]) / (next_y[at] - y[at]))
        found += [(place, level) for place in (0.0, float(size[0])) if np.count_nonzero(meets > place) % 2]
    return np.array(found, float).reshape(-1, 2)
