"""Boxes: draw them on whole pixels, and say beforehand which sets can be read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..geometry import Box
from .palette import RGBTuple
from .rectangle_finder import PixelBox, explain_cells

MIN_OUTLINE: Final = 2
MIN_SIDE: Final = 4
_TWIN: Final = 0.9
_APART: Final = 2
_BESIDE: Final = 2


@dataclass(frozen=True, slots=True)
class BoxStyle:
    """How boxes are drawn.

    Attributes:
        outline: width of the line in pixels, drawn inside the box; 0 for filled boxes.
    """

    outline: int

    @property
    def min_side(self) -> int:
        """Smaller boxes cannot be read back."""
        return max(MIN_SIDE, self.outline + 1)

    def parts(self, box: PixelBox) -> list[PixelBox]:
        """What is painted: the box, or its four sides when it is at least three lines wide and high."""
        x0, y0, x1, y1 = box
        line = self.outline
        if not line or min(x1 - x0, y1 - y0) < 3 * line:
            return [box]
        return [
            (x0, y0, x1, y0 + line),
            (x0, y1 - line, x1, y1),
            (x0, y0 + line, x0 + line, y1 - line),
            (x1 - line, y0 + line, x1, y1 - line),
        ]


def whole_pixels(box: Box) -> PixelBox:
    """The box with its edges on the nearest pixel edges."""
    return round(box[0]), round(box[1]), round(box[2]), round(box[3])


def stamp_box(painted: RGB, box: PixelBox, style: BoxStyle, rgb: RGBTuple) -> None:
    """Draw one box, opaque, in place.

    Args:
        painted: (H, W, 3) uint8.
        box: inside the picture.
        style: outline or filled.
        rgb: the colour.
    """
    for x0, y0, x1, y1 in style.parts(box):
        painted[y0:y1, x0:x1] = rgb


def pixels_under(photo: RGB, boxes: Sequence[PixelBox], style: BoxStyle) -> NDArray[np.uint8]:
    """(N, 3) uint8 colours that boxes cover or touch, a few hundred a side at most.

    What a mark touches counts, since its edges show only against that.
    """
    height, width = photo.shape[:2]
    found = []
    for box in boxes:
        for x0, y0, x1, y1 in style.parts(box):
            x0, y0, x1, y1 = (
                max(0, x0 - _BESIDE),
                max(0, y0 - _BESIDE),
                min(width, x1 + _BESIDE),
                min(height, y1 + _BESIDE),
            )
            step = max(1, int(((x1 - x0) * (y1 - y0) / 256) ** 0.5))
            across = min(step, max(1, (x1 - x0) // 6))
            down = min(step, max(1, (y1 - y0) // 6))
            found.append(photo[y0:y1:down, x0:x1:across].reshape(-1, 3))
    return np.concatenate(found)


def can_be_read(boxes: Sequence[PixelBox], owners: Sequence[int], style: BoxStyle, size_wh: tuple[int, int]) -> bool:
    """Whether the boxes can be told apart once all are drawn in this order.

    Boxes of one colour must not be twins (IoU over 0.9) nor, when filled, touch. Where lines of any
    two come close, the finder is run on a coarse map of the drawing, one cell for each stretch between edges, with
    the odds against the truth.

    Args:
        boxes: in the order in which they are drawn.
        owners: which colour each has.
    """
    corners = np.array(boxes, float).reshape(-1, 4)
    same = np.equal.outer(np.array(owners), np.array(owners))
    np.fill_diagonal(same, False)
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    gap = (low - high).max(axis=2)
    if not style.outline and (same & (gap < _APART)).any():
        return False
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    if (same & (shared > _TWIN * (area[:, None] + area[None, :] - shared))).any():
        return False
    meet = gap < _APART
    if style.outline:
        inset = style.outline + _APART
        inside = (corners[:, None] - corners[None]) * np.array([1, 1, -1, -1]) >= inset
        within = inside.all(axis=2)
        meet &= ~(within | within.T)
    return all(
        _cells_explain([boxes[i] for i in group], [owners[i] for i in group], style, size_wh) for group in _groups(meet)
    )


def _groups(meet: NDArray[np.bool_]) -> list[list[int]]:
    """Sets of at least two that hang together, each in ascending order."""
    left = set(range(len(meet)))
    groups = []
    while left:
        group, edge = set(), {min(left)}
        while edge:
            one = edge.pop()
            group.add(one)
            edge |= set(np.flatnonzero(meet[one]).tolist()) - group
        left -= group
        if len(group) > 1:
            groups.append(sorted(group))
    return groups


def _cells_explain(boxes: Sequence[PixelBox], owners: Sequence[int], style: BoxStyle, size_wh: tuple[int, int]) -> bool:
    corners = np.array(boxes)
    line = style.outline or MIN_SIDE - 1
    xs = _stretches(corners[:, 0], corners[:, 2], line, size_wh[0])
    ys = _stretches(corners[:, 1], corners[:, 3], line, size_wh[1])
    labels = np.full((len(ys) - 1, len(xs) - 1), -1)
    for box, owner in zip(boxes, owners, strict=True):
        for part in style.parts(box):
            columns, rows = np.searchsorted(xs, (part[0], part[2])), np.searchsorted(ys, (part[1], part[3]))
            labels[rows[0] : rows[1], columns[0] : columns[1]] = owner
    for owner in set(owners):
        evidence = np.where(labels == owner, 1, np.where(labels < 0, -1, 0)).astype(np.int8)
        true = [box for box, whose in zip(boxes, owners, strict=True) if whose == owner]
        if sorted(explain_cells(evidence, xs, ys, style.outline, true)) != sorted(true):
            return False
    return True


def _stretches(low: NDArray[np.int_], high: NDArray[np.int_], line: int, size: int) -> NDArray[np.int_]:
    """Ends of the stretches, between which nothing that matters changes along an axis."""
    edges = np.concatenate([low, low + line, high - line, high, [0, size]])
    return np.unique(np.clip(edges, 0, size))
