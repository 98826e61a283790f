"""Checks of single values that COCO's JSON form holds: ids, names, sizes, boxes, masks, joints. Untrusted."""

from __future__ import annotations

import math
from typing import Any, Final, TypeGuard

from ...manifests.errors import BadItem

HUGE: Final = 1 << 62
"""Ids and coordinates beyond this are refused: they would not fit 64 bits."""
_MOST_SIDE_PX = 100_000


def is_finite(value: Any) -> TypeGuard[int | float]:
    """Whether it is a number, neither NaN nor infinite nor beyond `HUGE`."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -HUGE < value < HUGE


def are_finite(numbers: list[Any]) -> bool:
    """Whether all items are `is_finite`; in C's loops, as training files hold tens of millions of coordinates."""
    if not set(map(type, numbers)) <= {int, float}:
        return False
    try:
        # NaN slips through min and max, but not through the sum
        return not numbers or (min(numbers) > -HUGE and max(numbers) < HUGE and not math.isnan(sum(numbers)))
    except OverflowError:
        return False


def is_id(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -HUGE < value < HUGE


def is_text(value: Any) -> TypeGuard[str]:
    """Whether it is a string that holds something, and valid Unicode: JSON may smuggle lone surrogates in."""
    try:
        return isinstance(value, str) and bool(value.strip()) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def is_size(width: Any, height: Any) -> bool:
    """Whether both are whole numbers of pixels that an image may have; 640.0 will do."""
    sides = (width, height)
    return all(is_finite(side) and 1 <= side <= _MOST_SIDE_PX and side == int(side) for side in sides)


def are_bones(bones: Any, joints: int) -> bool:
    """Whether it is a list of pairs of joint numbers, counted from 1."""
    return isinstance(bones, list) and all(
        isinstance(bone, list) and len(bone) == 2 and all(is_id(end) and 1 <= end <= joints for end in bone)
        for bone in bones
    )


def checked_joints(numbers: Any, count: int) -> list[float]:
    """COCO's keypoints [x, y, v, …] of `count` joints; empty when no joint is labelled (v 0 everywhere).

    Raises:
        BadItem: not three finite numbers a joint, or a visibility other than 0, 1 and 2.
    """
    if not numbers:
        return []
    if not isinstance(numbers, list) or len(numbers) != 3 * count or not are_finite(numbers):
        raise BadItem(f"keypoints are not {count} times three finite numbers")
    if not set(numbers[2::3]) <= {0, 1, 2}:
        raise BadItem("keypoints hold a visibility other than 0, 1 and 2")
    return numbers if any(numbers[2::3]) else []


def checked_box(box: Any, width: int, height: int) -> list[float]:
    """COCO's [x, y, width, height] as [left, top, right, bottom], clipped to the image.

    Raises:
        BadItem: not four finite numbers, no area, or wholly outside.
    """
    if not isinstance(box, list) or len(box) != 4 or not are_finite(box):
        raise BadItem(f"bbox {box!r} is not four finite numbers")
    x, y, box_width, box_height = box
    if box_width <= 0 or box_height <= 0:
        raise BadItem(f"bbox {box!r} has no area")
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + box_width, width), min(y + box_height, height)
    if right <= left or bottom <= top:
        raise BadItem(f"bbox {box!r} lies outside the image of {width}x{height}")
    return [left, top, right, bottom]


def checked_segmentation(value: Any, width: int, height: int) -> Any:
    """A COCO segmentation that pycocotools will accept, or None when there is none.

    Raises:
        BadItem: polygons with fewer than three points, odd or non-finite coordinates; run lengths that do not
            cover the image.
    """
    if value is None or value == []:
        return None
    if isinstance(value, dict):
        return _checked_runs(value, width, height)
    if not isinstance(value, list):
        raise BadItem(f"segmentation is a {type(value).__name__}, neither polygons nor run lengths")
    for polygon in value:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            size = len(polygon) if isinstance(polygon, list) else polygon
            raise BadItem(f"polygon of {size} numbers; at least three points, as x and y, are needed")
        if not are_finite(polygon):
            raise BadItem("polygon has a coordinate that is no finite number")
        if max(max(polygon), -min(polygon)) > 2 * max(width, height):
            raise BadItem(f"polygon lies far outside the image of {width}x{height}")
    return value


def _checked_runs(value: dict[str, Any], width: int, height: int) -> dict[str, Any]:
    counts, size = value.get("counts"), value.get("size")
    if size != [height, width]:
        raise BadItem(f"run lengths are for a size of {size!r}, the image is {[height, width]}")
    if isinstance(counts, str):
        if not counts.isascii() or not counts:
            raise BadItem("compressed run lengths are not ASCII text")
    elif not isinstance(counts, list) or not all(is_id(run) and run >= 0 for run in counts):
        raise BadItem("run lengths are not whole numbers")
    elif sum(counts) != width * height:
        raise BadItem(f"run lengths cover {sum(counts)} pixels, the image has {width * height}")
    return {"size": [height, width], "counts": counts}
