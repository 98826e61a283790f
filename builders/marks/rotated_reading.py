"""Say beforehand which sets of rotated rectangles can be read back once they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .matching import assign_within
from .rotated_boxes import RotatedBox, corner_error, overlap, pixels_of
from .rotated_finder import find_rotated_boxes

MIN_SIDE: Final = 12.0
"""Pixels; the corners of a smaller one can hardly be told well enough for an IoU of 0.9."""
_SURE_SIDE: Final = 20.0
"""A box with a shorter side is tried out even where it stands alone: half a pixel may be too much for it."""
_GAP: Final = 3.0
_MOST_ERROR_PX: Final = 1.0
_LEAST_OVERLAP: Final = 0.93


def can_be_read(boxes: Sequence[RotatedBox], owners: Sequence[int], outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether the rectangles can be told apart once all are drawn in this order.

    A large one that stands alone, or well inside another's outline, and wholly in the picture, can. The others are
    drawn together, without a photograph, and looked for; and with one that may be seen in parts, all of its colour,
    since a part can be taken for one of another's.

    Args:
        boxes: in the order in which they are drawn; no side is shorter than `MIN_SIDE`.
        owners: which colour each has.
        outline: width of the lines in pixels; 0: filled.
        size_wh: of the picture.
    """
    met = [any(_meet(box, other, outline) for other in boxes if other is not box) for box in boxes]
    in_parts = {owner for owner, one in zip(owners, met, strict=True) if one}
    hard = [
        at
        for at, box in enumerate(boxes)
        if owners[at] in in_parts or _sticks_out(box, size_wh) or min(box.width, box.height) < _SURE_SIDE
    ]
    if not hard:
        return True
    labels = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    for at in hard:
        window, inside = pixels_of(boxes[at], size_wh, outline)
        labels[window][inside] = owners[at] + 1
    return all(
        _found([boxes[at] for at in hard if owners[at] == owner], _evidence(labels, owner), outline)
        for owner in {owners[at] for at in hard}
    )


def match(
    found: Sequence[RotatedBox], true: Sequence[RotatedBox], least: float
) -> list[tuple[RotatedBox, RotatedBox, float]]:
    """Pairs of a found and a true rectangle with at least this IoU, which is the third of each."""
    overlaps = np.array([[overlap(a, b) for b in true] for a in found]).reshape(len(found), len(true))
    return [(found[a], true[b], float(overlaps[a, b])) for a, b in assign_within(1 - overlaps, 1 - least)]


def _sticks_out(box: RotatedBox, size_wh: tuple[int, int]) -> bool:
    corners = box.corners()
    return bool((corners < -0.5).any() or (corners > np.array(size_wh) + 0.5).any())


def _meet(first: RotatedBox, second: RotatedBox, outline: int) -> bool:
    """Whether what is painted of the two comes close."""
    reach = sum(box.width + box.height for box in (first, second)) / 2 + 2 * _GAP  # no less than the half diagonals
    if abs(first.x - second.x) > reach or abs(first.y - second.y) > reach:
        return False
    if outline and (_holds(first, second, outline) or _holds(second, first, outline)):
        return False
    return overlap(first.grown(_GAP / 2), second.grown(_GAP / 2)) > 0


def _holds(outer: RotatedBox, inner: RotatedBox, outline: int) -> bool:
    """Whether one lies in the hole of the other."""
    away = inner.corners() - np.array([outer.x, outer.y])
    across = np.abs(away @ np.array([outer.along_x, outer.along_y]))
    down = np.abs(away @ np.array([-outer.along_y, outer.along_x]))
    inset = outline + _GAP
    return bool((across <= outer.width / 2 - inset).all() and (down <= outer.height / 2 - inset).all())


def _evidence(labels: NDArray[np.uint8], owner: int) -> Evidence:
    """What a drawing says of one colour; labels: 0 none, i + 1 the i-th."""
    table = np.zeros(256, np.int8)
    table[[0, owner + 1]] = -1, 1
    evidence: Evidence = cv2.LUT(labels, table.view(np.uint8)).view(np.int8)
    return evidence


def _found(true: Sequence[RotatedBox], evidence: Evidence, outline: int) -> bool:
    found = find_rotated_boxes(evidence, outline)
    pairs = match(found, true, _LEAST_OVERLAP)
    return len(pairs) == len(found) == len(true) and all(corner_error(a, b) <= _MOST_ERROR_PX for a, b, _ in pairs)
