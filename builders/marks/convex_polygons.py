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
    if all(0 <= x <= width and 0 <= y <= height for x, y in polygon):
        return list(polygon)
    return shared_part(polygon, corners_of(size_wh))


def corners_of(size_wh: tuple[float, float]) -> list[Corner]:
    """The corners of a picture, clockwise on the screen."""
    width, height = size_wh
    return [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]


def parts_outside(polygon: Sequence[Corner], other: Sequence[Corner]) -> list[list[Corner]]:
    """What spans each connected part of a convex polygon that lies outside another, both clockwise on the screen.

    A part is joined to the polygon's own edge, and what the other takes out of it is convex, so that its hull is that
    of its stretch of the edge.
    """
    stretches: list[list[Corner]] = [[]]
    for at in range(len(polygon)):
        start, end = polygon[at - 1], polygon[at]
        stretches[-1].append(start)
        hidden = span_inside(start, end, other)
        if hidden is None:
            continue
        enters, leaves = hidden
        if enters > 0:
            stretches[-1].append(between(start, end, enters))
        else:
            stretches[-1].pop()
        stretches.append([between(start, end, leaves)] if leaves < 1 else [])
    last = stretches.pop()
    if stretches:
        stretches[0] = last + stretches[0]  # they meet where the walk began
    else:
        stretches = [last]
    return [stretch for stretch in stretches if stretch]


def span_inside(start: Corner, end: Corner, other: Sequence[Corner]) -> tuple[float, float] | None:
    """From where to where a line, 0 to 1, lies in a convex polygon, clockwise on the screen; None where it does not.

    Source: Cyrus and Beck 1978.
    """
    enters, leaves = 0.0, 1.0
    for at in range(len(other)):
        (x, y), (to_x, to_y) = other[at - 1], other[at]
        here = (to_x - x) * (start[1] - y) - (to_y - y) * (start[0] - x)
        there = (to_x - x) * (end[1] - y) - (to_y - y) * (end[0] - x)
        if here < 0 and there < 0:
            return None
        if here < 0:
            enters = max(enters, here / (here - there))
        elif there < 0:
            leaves = min(leaves, here / (here - there))
    return (enters, leaves) if enters < leaves else None


def between(start: Corner, end: Corner, share: float) -> Corner:
    """The point of a line that lies so far along it, 0 to 1."""
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


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
            kept.append(between(polygon[at - 1], polygon[at], here / (here - there)))
        if there >= 0:
            kept.append(polygon[at])
    return kept
