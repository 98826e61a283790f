"""Tell quickly that rotated rectangles cannot be read back: that a side is not shown, or some are suggested by nothing.

The finder starts from connected paint and from the holes in it. Where the one that a rectangle would be found from is
cut by another's line, or joined to another, it is not found. For two rectangles this follows from their corners; for
more it is seen in a small picture with thin lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .convex_polygons import Corner, part_in_picture, parts_outside, shared_part
from .pieces import Pieces
from .rotated_boxes import RotatedBox, corner_error, reach_of, smallest_box, touch
from .rotated_drawing import FULL_LINES, Stroke, is_full

_LINE: Final = 2
"""Width of the lines in the small picture, pixels."""
_CAPTURED_PX: Final = 12.0
"""A hole whose bounds lie farther from a rectangle's does not suggest it: the finder moves sides by 8 pixels or so."""
_PIXELS: Final = 2.0
_DIAGONAL: Final = math.sqrt(2)
_SIDES: Final = 4
_OUTSIDE_PX: Final = 5.0
_HARDLY_PX: Final = 0.3
_JOINED_PX: Final = 1.0
"""What overlaps by as much is one piece."""


def is_hopeless(box: RotatedBox, outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether a whole side lies so far outside the picture that nothing tells where it is, or the box is about three
    lines wide, so that where it is taken for a narrower one it would be full."""
    if outline and abs(min(box.width, box.height) - FULL_LINES * outline) < _HARDLY_PX:
        return True
    corners = box.corner_list()
    for at, (x, y) in enumerate(corners):
        beside_x, beside_y = corners[at - 1]
        if _is_outside(x, beside_x, size_wh[0]) or _is_outside(y, beside_y, size_wh[1]):
            return True
    return False


def _is_outside(place: float, other: float, size: int) -> bool:
    return max(place, other) < -_OUTSIDE_PX or min(place, other) > size + _OUTSIDE_PX


def are_hopeless(boxes: Sequence[RotatedBox], outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether it is plain that not all of these rectangles, which no other colour hides, are found again.

    Args:
        boxes: of one colour.
        outline: width of the lines in pixels; 0: filled.
        size_wh: of the picture.
    """
    if not outline:
        return any(touch(one, other, -_JOINED_PX) for one, other in combinations(boxes, 2))
    if any(_lose_one(one, other, outline, size_wh) for one, other in combinations(boxes, 2)):
        return True
    return len(boxes) > 2 and _are_not_suggested(boxes, outline, size_wh)


def meet(first: RotatedBox, second: RotatedBox, outline: int, gap: float) -> bool:
    """Whether what is painted of the two overlaps once each side is moved by half the gap."""
    if outline and (_holds(first, second, outline + gap) or _holds(second, first, outline + gap)):
        return False
    return touch(first, second, gap)


def _holds(outer: RotatedBox, inner: RotatedBox, inset: float) -> bool:
    """Whether one lies in the other, so far inside its sides."""
    across, down = outer.width / 2 - inset, outer.height / 2 - inset
    for x, y in inner.corner_list():
        right, below = x - outer.x, y - outer.y
        if abs(right * outer.along_x + below * outer.along_y) > across:
            return False
        if abs(below * outer.along_x - right * outer.along_y) > down:
            return False
    return True


def _lose_one(first: RotatedBox, second: RotatedBox, outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether two outlines that cross leave nothing that suggests one of them, whatever else there is."""
    if not meet(first, second, outline, -_JOINED_PX):
        return False
    shown = [part_in_picture(one.corner_list(), size_wh) for one in (first, second)]
    paint = [*shown[0], *shown[1]]
    return any(
        not _is_about(paint, part, one) and not _hole_shows(one, other, outline, size_wh)
        for part, one, other in zip(shown, (first, second), (second, first), strict=True)
    )


def _hole_shows(box: RotatedBox, other: RotatedBox, outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether a part of the hole in an outline, which another's line cuts, is about as large as all of it."""
    inside = box.grown(-outline)
    if is_full(box, outline) or not (hole := part_in_picture(inside.corner_list(), size_wh)):
        return False
    parts = parts_outside(hole, other.corner_list())
    if len(hole) == _SIDES and any(len(set(hole).intersection(part)) >= _SIDES - 1 for part in parts):
        return True  # three corners of a rectangle leave no doubt
    if not is_full(other, outline):
        parts.append(shared_part(hole, other.grown(-outline).corner_list()))
    return any(_is_about(part, hole, inside) for part in parts)


def _is_about(points: Sequence[Corner], shown: Sequence[Corner], box: RotatedBox) -> bool:
    """Whether the smallest rectangle around points is near enough to suggest this one, of which so much is shown."""
    if not points or not shown:
        return False
    if any(abs(edge - other) > _CAPTURED_PX for edge, other in zip(_bounds(points), _bounds(shown), strict=True)):
        return False
    return corner_error(smallest_box(np.array(points)), box) <= _DIAGONAL * _CAPTURED_PX


def _bounds(points: Sequence[Corner]) -> tuple[float, float, float, float]:
    x, y = [corner[0] for corner in points], [corner[1] for corner in points]
    return min(x), min(y), max(x), max(y)


def _are_not_suggested(boxes: Sequence[RotatedBox], outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether some of these outlines are suggested neither by a hole nor by paint, in a small picture."""
    scale = min(1.0, _LINE / outline)
    line, farthest = outline * scale, _CAPTURED_PX * scale + _PIXELS
    small, size = _moved([_scaled(box, scale) for box in boxes], (size_wh[0] * scale, size_wh[1] * scale))
    painted = np.zeros((size[1], size[0]), np.uint8)
    for box in small:
        painted.reshape(-1)[Stroke(box, size, line).places()] = 1
    left = _not_suggested(Pieces.of(1 - painted, 4), small, line, size, farthest)
    return bool(left) and bool(_not_suggested(Pieces.of(painted, 8), left, 0.0, size, farthest))


def _scaled(box: RotatedBox, scale: float) -> RotatedBox:
    return box._replace(x=box.x * scale, y=box.y * scale, width=box.width * scale, height=box.height * scale)


def _moved(boxes: Sequence[RotatedBox], size_wh: tuple[float, float]) -> tuple[list[RotatedBox], tuple[int, int]]:
    """The boxes in the part of the picture that holds them, and its size."""
    reaches = [(box, *reach_of(box)) for box in boxes]
    left = max(0, math.floor(min(box.x - x for box, x, _ in reaches)) - _LINE)
    top = max(0, math.floor(min(box.y - y for box, _, y in reaches)) - _LINE)
    right = math.ceil(min(size_wh[0], max(box.x + x for box, x, _ in reaches) + _LINE))
    bottom = math.ceil(min(size_wh[1], max(box.y + y for box, _, y in reaches) + _LINE))
    moved = [box._replace(x=box.x - left, y=box.y - top) for box in boxes]
    return moved, (max(1, right - left), max(1, bottom - top))


def _not_suggested(
    pieces: Pieces, boxes: Sequence[RotatedBox], inset: float, size_wh: tuple[int, int], farthest: float
) -> list[RotatedBox]:
    """The boxes that, moved in, are about the smallest rectangle around none of the pieces."""
    bounds = pieces.bounds()
    return [box for box in boxes if not _suggest(pieces, bounds, box.grown(-inset), size_wh, farthest)]


def _suggest(
    pieces: Pieces, bounds: NDArray[np.int64], box: RotatedBox, size_wh: tuple[int, int], farthest: float
) -> bool:
    """Whether the smallest rectangle around a piece is about this one."""
    shown = part_in_picture(box.corner_list(), size_wh)
    if not shown:
        return False
    apart = np.abs(bounds - np.array(_bounds(shown))).max(axis=1)
    near = np.flatnonzero(apart <= farthest).tolist()
    return any(corner_error(pieces.box(at), box) <= _DIAGONAL * farthest for at in near)
