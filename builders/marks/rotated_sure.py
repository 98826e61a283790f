"""Tell quickly that a rotated rectangle which stands alone is found again once it is drawn, without drawing it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from .convex_polygons import Corner, corners_of, part_in_picture, span_inside
from .rotated_boxes import RotatedBox, corner_error
from .rotated_drawing import is_full

_LOSS: Final = 0.11
"""Half a pixel a side is at most this share of a box's area, or"""
_TILT_PX: Final = 1.5
"""its shorter side rises so much, so that its steps tell the angle."""
_DIAGONAL: Final = 0.05
"""Where the directions of its sides differ less, at 45 degrees, the steps of its sides are all alike."""
_HARDLY_PX: Final = 0.5
"""A corner is not outside when it is no farther away."""
_SEEN_PX: Final = 20.0
"""Of a side that leaves the picture so much is seen, beside the width of the line,"""
_SEEN: Final = 0.5
"""and this share of what is seen of the inner edge of its line."""
_HINT_PX: Final = 2.0
_DEPTH_PX: Final = 4
"""How deep in a filled box that is looked at, as if it had a line."""
_SAME_PX: Final = 0.25
_APART_PX: Final = 1.5
_LARGER: Final = 1.1
"""Any other rectangle around what is seen has so many times the area."""


def is_sure(box: RotatedBox, outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether a rectangle that nothing is near to needs no trial.

    The limits were found by trying: of 40,000 made-up small ones, and of as many that leave the picture, all sure,
    one each was found more than a pixel away.

    Args:
        box: no side is shorter than 12 pixels.
        outline: width of the line in pixels; 0: filled.
        size_wh: of the picture.
    """
    if any(_is_outside(corner, size_wh) for corner in box.corner_list()):
        return is_suggested(box, outline, size_wh, sure=True)
    return _is_large(box) or _is_tilted(box)


def is_suggested(box: RotatedBox, outline: int, size_wh: tuple[int, int], *, sure: bool = False) -> bool:
    """Whether what is seen of a large rectangle suggests just this one, and every side or the paint along it is seen.

    Args:
        box: no side is shorter than 12 pixels.
        outline: width of the line in pixels; 0: filled.
        size_wh: of the picture.
        sure: enough of each side is seen to tell where it is, and its steps tell its angle.
    """
    if not _is_large(box) or (sure and _is_diagonal(box)):
        return False
    is_seen = _is_seen if sure else _is_hinted
    full = is_full(box, outline)
    corners, inner = box.corner_list(), box.grown(-(_DEPTH_PX if full else outline)).corner_list()
    return all(
        is_seen((corners[at - 1], corners[at]), (inner[at - 1], inner[at]), outline, size_wh) for at in range(4)
    ) and _is_least(box if full else box.grown(-outline), size_wh)


def _is_outside(corner: Corner, size_wh: tuple[int, int]) -> bool:
    x, y = corner
    return min(x, y) < -_HARDLY_PX or x > size_wh[0] + _HARDLY_PX or y > size_wh[1] + _HARDLY_PX


def _is_large(box: RotatedBox) -> bool:
    return 1 / box.width + 1 / box.height <= _LOSS


def _is_tilted(box: RotatedBox) -> bool:
    return min(abs(box.along_x), abs(box.along_y)) * min(box.width, box.height) >= _TILT_PX and not _is_diagonal(box)


def _is_diagonal(box: RotatedBox) -> bool:
    return abs(abs(box.along_x) - abs(box.along_y)) < _DIAGONAL


def _is_seen(side: tuple[Corner, Corner], inner: tuple[Corner, Corner], outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether enough of a side is in the picture to tell where it is, though the paint inside it may go on longer."""
    seen = _length_in(*side, size_wh)
    if seen >= math.dist(*side) - _HARDLY_PX:
        return True
    return seen >= _SEEN_PX + outline and seen >= _SEEN * _length_in(*inner, size_wh)


def _is_hinted(
    side: tuple[Corner, Corner], inner: tuple[Corner, Corner], outline: int, size_wh: tuple[int, int]
) -> bool:
    """Whether something of a side is in the picture, or of the paint along it."""
    return _length_in(*side, size_wh) > _HINT_PX or _length_in(*inner, size_wh) > _HINT_PX + outline


def _length_in(start: Corner, end: Corner, size_wh: tuple[int, int]) -> float:
    """How much of a line is in the picture, pixels."""
    first, last = span_inside(start, end, corners_of(size_wh)) or (0.0, 0.0)
    return (last - first) * math.dist(start, end)


def _is_least(box: RotatedBox, size_wh: tuple[int, int]) -> bool:
    """Whether the smallest rectangle around what is seen of a box is the box itself, and no other nearly as small."""
    seen = part_in_picture(box.corner_list(), size_wh)
    around = [_around(seen, seen[at - 1], seen[at]) for at in range(len(seen)) if seen[at - 1] != seen[at]]
    same = [corner_error(other, box) for other in around]
    if not same or min(same) > _SAME_PX:
        return False
    least = _LARGER * box.width * box.height
    return all(
        error <= _APART_PX or other.width * other.height >= least for other, error in zip(around, same, strict=True)
    )


def _around(corners: Sequence[Corner], start: Corner, end: Corner) -> RotatedBox:
    """The rectangle around a polygon of which one side lies along a line."""
    length = math.dist(start, end)
    along_x, along_y = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    across = [along_x * x + along_y * y for x, y in corners]
    down = [along_x * y - along_y * x for x, y in corners]
    u, v = (min(across) + max(across)) / 2, (min(down) + max(down)) / 2
    return RotatedBox(
        u * along_x - v * along_y,
        u * along_y + v * along_x,
        max(across) - min(across),
        max(down) - min(down),
        along_x,
        along_y,
    )
