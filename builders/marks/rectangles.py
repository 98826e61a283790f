"""Boxes: draw them on whole pixels, and say beforehand which sets can be read back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..geometry import Box
from .overlay import fill
from .palette import RGBTuple
from .rectangle_finder import PixelBox, hole_of
from .rectangle_trial import Trial

MIN_OUTLINE: Final = 2
MIN_SIDE: Final = 4
_TWIN: Final = 0.9
_APART: Final = 2
_BESIDE: Final = 2
_SAMPLES: Final = 256


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
        hole = hole_of(box, self.outline)
        if not hole:
            return [box]
        x0, y0, x1, y1 = box
        left, top, right, bottom = hole
        return [(x0, y0, x1, top), (x0, bottom, x1, y1), (x0, top, left, bottom), (right, top, x1, bottom)]

    def keeps_inside(self, inner: PixelBox, outer: PixelBox) -> bool:
        """Whether a box lies in the hole of another, clear of its lines."""
        least = self.outline + _APART
        return (
            inner[0] - outer[0] >= least
            and inner[1] - outer[1] >= least
            and outer[2] - inner[2] >= least
            and outer[3] - inner[3] >= least
        )


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
        fill(painted[y0:y1, x0:x1], rgb)


def pixels_under(photo: RGB, boxes: Sequence[PixelBox], style: BoxStyle) -> NDArray[np.uint8]:
    """(N, 3) uint8 colours that boxes cover or touch, some hundreds for each side.

    What a mark touches counts, since its edges show only against that.
    """
    height, width = photo.shape[:2]
    found = []
    for box in boxes:
        for x0, y0, x1, y1 in style.parts(box):
            left, top = max(0, x0 - _BESIDE), max(0, y0 - _BESIDE)
            right, bottom = min(width, x1 + _BESIDE), min(height, y1 + _BESIDE)
            across, down = _steps(right - left, bottom - top)
            found.append(photo[top:bottom:down, left:right:across].reshape(-1, 3))
    return np.concatenate(found)


def _steps(width: int, height: int) -> tuple[int, int]:
    """Steps of a lattice that has about `_SAMPLES` points of a rectangle, and six or more along its shorter side."""
    area = width * height
    short = max(1, min(math.isqrt(area // _SAMPLES), min(width, height) // 6))
    long = max(1, area // (_SAMPLES * short))
    return (long, short) if width > height else (short, long)


def can_be_read(
    boxes: Sequence[PixelBox],
    owners: Sequence[int],
    style: BoxStyle,
    size_wh: tuple[int, int],
    added: int | None = None,
) -> bool:
    """Whether the boxes can be told apart once all are drawn in this order.

    Boxes of one colour must not be twins (IoU over 0.9) nor, when filled, touch. Where lines of any
    two come close, the finder is run on a coarse map of the drawing, one cell for each stretch between edges, with
    the odds against the truth.

    Args:
        boxes: in the order in which they are drawn.
        owners: which colour each has.
        style: of all boxes.
        size_wh: of the picture, pixels.
        added: the owner that is new, when all others can be read together.
    """
    meet: list[list[int]] = [[] for _ in boxes]
    for first, one in enumerate(boxes):
        for second, other in enumerate(boxes[:first]):
            if _are_apart(one, other):
                continue
            if owners[first] == owners[second] and (not style.outline or _are_twins(one, other)):
                return False
            if not (style.outline and (style.keeps_inside(one, other) or style.keeps_inside(other, one))):
                meet[first].append(second)
                meet[second].append(first)
    for group in _groups(meet):
        whose = [owners[at] for at in group]
        if added is not None and added not in whose:
            continue  # nothing of it has changed
        drawn = [boxes[at] for at in group]
        trial = Trial(drawn, whose, style.outline, size_wh)
        for owner in set(whose):
            if not trial.finds(owner, [box for box, its in zip(drawn, whose, strict=True) if its == owner]):
                return False
    return True


def _are_apart(one: PixelBox, other: PixelBox) -> bool:
    return (
        one[0] - other[2] >= _APART
        or other[0] - one[2] >= _APART
        or one[1] - other[3] >= _APART
        or other[1] - one[3] >= _APART
    )


def _are_twins(one: PixelBox, other: PixelBox) -> bool:
    """Whether two boxes have an IoU over 0.9."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared > _TWIN * (_area(one) + _area(other) - shared)


def _area(box: PixelBox) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _groups(meet: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Sets of at least two that hang together, each in ascending order."""
    seen: set[int] = set()
    for start in range(len(meet)):
        if start in seen or not meet[start]:
            continue
        group, edge = {start}, [start]
        while edge:
            new = set(meet[edge.pop()]) - group
            group |= new
            edge += new
        seen |= group
        yield sorted(group)
