"""What two convex polygons share. Polygons have few corners, for which plain numbers are quicker than arrays."""

from __future__ import annotations

from collections.abc import Sequence

Corner = tuple[float, float]


def shared_part(polygon: Sequence[Corner], other: Sequence[Corner]) -> list[Corner]:
    """The part of a convex polygon inside another, both clockwise on the screen; empty when there is none.

    Source: Sutherland and Hodgman 1974.
    """
    kept = list(polygon)
    for at in range(len(other)):
        kept = _cut(kept, other[at], other[(at + 1) % len(other)])
        if len(kept) < 3:
            return []
    return kept


def part_in_picture(polygon: Sequence[Corner], size_wh: tuple[float, float]) -> list[Corner]:
    """The part of a convex polygon, clockwise on the screen, inside a picture; empty when there is none."""
    width, height = size_wh
    return shared_part(polygon, [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)])


def area(polygon: Sequence[Corner]) -> float:
    """By the shoelace formula; positive where corners go clockwise on the screen."""
    around = (polygon[at - 1][0] * polygon[at][1] - polygon[at - 1][1] * polygon[at][0] for at in range(len(polygon)))
    return sum(around) / 2


def _cut(polygon: Sequence[Corner], start: Corner, end: Corner) -> list[Corner]:
    """The part on the inner side of a line, for corners that go clockwise on the screen."""
    (x, y), dx, dy = start, end[0] - start[0], end[1] - start[1]
    sides = [dx * (corner[1] - y) - dy * (corner[0] - x) for corner in polygon]
    kept: list[Corner] = []
    for at in range(len(polygon)):
        here, there = sides[at - 1], sides[at]
        if (here < 0) != (there < 0):
            (from_x, from_y), (to_x, to_y), share = polygon[at - 1], polygon[at], here / (here - there)
            kept.append((from_x + (to_x - from_x) * share, from_y + (to_y - from_y) * share))
        if there >= 0:
            kept.append(polygon[at])
    return kept
