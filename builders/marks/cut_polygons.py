"""What a picture shows of a polygon of any shape: the points that the hull of that part is spanned by.

Polygons have few corners, for which plain numbers are quicker than arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

from .convex_polygons import Corner, between, corners_of, span_inside

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
    corners = [_on_edge(corner, size_wh) for corner in polygon]
    shown: list[Corner] = []
    last, was_inside = corners[-1], _is_inside(corners[-1], size_wh)
    for corner in corners:
        inside = _is_inside(corner, size_wh)
        if not (inside and was_inside):
            shown += _crossings(last, corner, size_wh)
        if inside:
            shown.append(corner)
        last, was_inside = corner, inside
    shown += _covered(corners, size_wh)
    return shown if _has_area(shown) else []


def _is_inside(corner: Corner, size_wh: tuple[int, int]) -> bool:
    return 0 <= corner[0] <= size_wh[0] and 0 <= corner[1] <= size_wh[1]


def _on_edge(corner: Corner, size_wh: tuple[int, int]) -> Corner:
    """The point, or the one on the picture's edge that it is as good as."""
    return _snapped(corner[0], size_wh[0]), _snapped(corner[1], size_wh[1])


def _snapped(place: float, size: int) -> float:
    nearest = 0.0 if place < size / 2 else float(size)
    return nearest if abs(place - nearest) < _NEAR_PX else place


def _has_area(points: Sequence[Corner]) -> bool:
    return len({x for x, _ in points}) > 1 and len({y for _, y in points}) > 1


def _crossings(start: Corner, end: Corner, size_wh: tuple[int, int]) -> list[Corner]:
    """Where a side enters the picture, and where it leaves it."""
    shares = span_inside(start, end, corners_of(size_wh)) or ()
    return [_on_edge(between(start, end, share), size_wh) for share in shares if 0 < share < 1]


def _covered(corners: Sequence[Corner], size_wh: tuple[int, int]) -> list[Corner]:
    """The picture's corners that lie in the polygon: a line from there to the right crosses an odd number of sides."""
    meets: dict[float, list[float]] = {0.0: [], float(size_wh[1]): []}
    x, y = corners[-1]
    for to_x, to_y in corners:
        for level, found in meets.items():
            if (y > level) != (to_y > level):
                found.append(x + (to_x - x) * ((level - y) / (to_y - y)))
        x, y = to_x, to_y
    return [corner for corner in corners_of(size_wh) if sum(at > corner[0] for at in meets[corner[1]]) % 2]
