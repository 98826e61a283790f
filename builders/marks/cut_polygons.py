"""What a picture shows of a polygon of any shape: the points that the hull of that part is spanned by.

Polygons have few corners, for which plain numbers are quicker than arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

from .convex_polygons import Corner

_NEAR_PX = 1e-6
"""A point so near to the edge of the picture lies on it, so that no side is cut a hair from its end."""


def points_in_picture(polygon: Sequence[Corner], size_wh: tuple[int, int]) -> list[Corner]:
    """Points of the part of a polygon in the picture, all corners of that part's hull among them; empty when the
    picture shows no area of it.

    They are the polygon's corners that lie in the picture, the places where its sides cross the edge of the picture,
    and the picture's corners that lie in the polygon. Sides may cross; what they go around an even number of times is
    outside.

    Args:
        polygon: finite x and y of its corners, in order, in pixel edges.
        size_wh: of the picture, which begins at (0, 0).
    """
    width, height = size_wh
    corners = [(_on_edge(x, width), _on_edge(y, height)) for x, y in polygon]
    shown: list[Corner] = []
    last_x, last_y = corners[-1]
    was_inside = 0 <= last_x <= width and 0 <= last_y <= height
    for x, y in corners:
        inside = 0 <= x <= width and 0 <= y <= height
        if not (inside and was_inside):
            shown += _crossings(last_x, last_y, x, y, width, height)
        if inside:
            shown.append((x, y))
        last_x, last_y, was_inside = x, y, inside
    shown += _covered(corners, width, height)
    return shown if _has_area(shown) else []


def _on_edge(place: float, size: int) -> float:
    if abs(place) < _NEAR_PX:
        return 0.0
    return float(size) if abs(place - size) < _NEAR_PX else place


def _has_area(points: Sequence[Corner]) -> bool:
    return len({x for x, _ in points}) > 1 and len({y for _, y in points}) > 1


def _crossings(x: float, y: float, to_x: float, to_y: float, width: int, height: int) -> list[Corner]:
    """Where a side enters the picture, and where it leaves it. Source: Liang and Barsky 1984."""
    right, down = to_x - x, to_y - y
    enters, leaves = 0.0, 1.0
    first = last = (x, y)
    for place, step, size, upright in ((x, right, width, True), (y, down, height, False)):
        if not step:
            if not 0 <= place <= size:
                return []
            continue
        near, far = (0, size) if step > 0 else (size, 0)
        comes, goes = (near - place) / step, (far - place) / step
        if comes > enters:
            enters, first = comes, (near, y + down * comes) if upright else (x + right * comes, near)
        if goes < leaves:
            leaves, last = goes, (far, y + down * goes) if upright else (x + right * goes, far)
    if enters > leaves:
        return []
    found = ([first] if enters > 0 else []) + ([last] if leaves < 1 else [])
    return [(min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in found]


def _covered(corners: Sequence[Corner], width: int, height: int) -> list[Corner]:
    """The picture's corners that lie in the polygon: a line from there to the right crosses an odd number of sides."""
    meets: tuple[list[float], list[float]] = ([], [])
    x, y = corners[-1]
    for to_x, to_y in corners:
        for level, found in zip((0, height), meets, strict=True):
            if (y > level) != (to_y > level):
                found.append(x + (to_x - x) * ((level - y) / (to_y - y)))
        x, y = to_x, to_y
    return [
        (float(place), float(level))
        for level, found in zip((0, height), meets, strict=True)
        for place in (0, width)
        if sum(at > place for at in found) % 2
    ]
