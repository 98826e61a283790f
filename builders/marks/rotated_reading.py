"""Say beforehand which sets of rotated rectangles can be read back once they are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from .evidence import Evidence
from .matching import assign_within
from .rotated_boxes import RotatedBox, corner_error, overlap, reach_of, touch
from .rotated_drawing import Stroke
from .rotated_finder import find_rotated_boxes
from .rotated_hopes import are_hopeless, is_hopeless, meet
from .rotated_settling import framed, settled, stepped
from .rotated_sure import is_suggested, is_sure

MIN_SIDE: Final = 12.0
"""Pixels; the corners of a smaller one can hardly be told well enough for an IoU of 0.9."""
_GAP: Final = 3.0
_SWAY: Final = 12.0
"""Paint that is farther away does not sway where a rectangle is found: the finder moves sides by 8 pixels at most."""
_MARGIN: Final = 5
_FEW: Final = 2
"""Among more boxes it is quicker to look first whether the finder would move one away."""
_STARTS_PX: Final = (0.5, -0.7)
"""What the finder begins with, the smallest rectangle around paint or a hole, is about so far from the true one."""
_SAME_PX: Final = 0.5
_MOST_ERROR_PX: Final = 1.0
_LEAST_OVERLAP: Final = 0.93


def can_be_read(boxes: Sequence[RotatedBox], owners: Sequence[int], outline: int, size_wh: tuple[int, int]) -> bool:
    """Whether the rectangles can be told apart once all are drawn in this order.

    One that stands alone, or well inside another's outline, mostly can, which is seen from its shape and from how much
    of it is in the picture. The others are drawn, without a photograph, and looked for; and with each all that are
    near, or near to those, since a part of one can be taken for one of another's. Where there are other colours, which
    may hide anything, the whole picture is.

    Args:
        boxes: in the order in which they are drawn; no side is shorter than `MIN_SIDE`.
        owners: which colour each has.
        outline: width of the lines in pixels; 0: filled.
        size_wh: of the picture.
    """
    if any(is_hopeless(box, outline, size_wh) for box in boxes):
        return False
    met = {at for pair in _close(boxes, _GAP) if meet(boxes[pair[0]], boxes[pair[1]], outline, _GAP) for at in pair}
    hard = {at for at, box in enumerate(boxes) if at in met or not is_sure(box, outline, size_wh)}
    if not hard:
        return True
    alone = len(set(owners)) == 1
    together = _near(boxes) if alone else _of_each(owners)
    groups = [group for group in together if not hard.isdisjoint(group)]
    if alone and any(are_hopeless([boxes[at] for at in group], outline, size_wh) for group in groups):
        return False
    return all(_is_read(group, boxes, owners, outline, size_wh) for group in groups)


def match(
    found: Sequence[RotatedBox], true: Sequence[RotatedBox], least: float
) -> list[tuple[RotatedBox, RotatedBox, float]]:
    """Pairs of a found and a true rectangle with at least this IoU, which is the third of each."""
    overlaps = np.array([[overlap(a, b) for b in true] for a in found]).reshape(len(found), len(true))
    return [(found[a], true[b], float(overlaps[a, b])) for a, b in assign_within(1 - overlaps, 1 - least)]


def _close(boxes: Sequence[RotatedBox], gap: float) -> Iterator[tuple[int, int]]:
    """Pairs whose upright bounds are no farther apart."""
    reaches = [reach_of(box) for box in boxes]
    for at, (box, (reach_x, reach_y)) in enumerate(zip(boxes, reaches, strict=True)):
        for other in range(at):
            beside = boxes[other]
            if (
                abs(box.x - beside.x) <= reach_x + reaches[other][0] + gap
                and abs(box.y - beside.y) <= reach_y + reaches[other][1] + gap
            ):
                yield other, at


def _of_each(owners: Sequence[int]) -> list[list[int]]:
    """Positions of each colour's boxes."""
    return [[at for at, own in enumerate(owners) if own == owner] for owner in sorted(set(owners))]


def _near(boxes: Sequence[RotatedBox]) -> list[list[int]]:
    """Positions of boxes, together with those that are near, or near to those."""
    names = list(range(len(boxes)))
    for at, other in _close(boxes, _SWAY):
        if names[at] != names[other] and touch(boxes[at], boxes[other], _SWAY):
            old, new = names[at], names[other]
            names = [new if name == old else name for name in names]
    return [[at for at, own in enumerate(names) if own == name] for name in sorted(set(names))]


def _is_read(
    group: Sequence[int],
    boxes: Sequence[RotatedBox],
    owners: Sequence[int],
    outline: int,
    size_wh: tuple[int, int],
) -> bool:
    """Whether the finder finds these of one colour, and no other, where they and all of other colours are drawn."""
    evidence, (left, top) = _drawn(group, boxes, owners, outline, size_wh)
    true = [boxes[at]._replace(x=boxes[at].x - left, y=boxes[at].y - top) for at in group]
    if len(true) > _FEW and not _stay(evidence, true, outline):
        return False
    if len(true) == 1 and is_suggested(boxes[group[0]], outline, size_wh) and _comes_back(evidence, true[0], outline):
        return True
    found = find_rotated_boxes(evidence, outline)
    pairs = match(found, true, _LEAST_OVERLAP)
    return len(pairs) == len(found) == len(true) and all(corner_error(a, b) <= _MOST_ERROR_PX for a, b, _ in pairs)


def _stay(evidence: Evidence, boxes: Sequence[RotatedBox], outline: int) -> bool:
    """Whether the finder, started from these rectangles themselves, would leave them where they are."""
    frame = framed(evidence)
    moved = ((settled(frame, box, outline), box) for box in boxes)
    return all(found is not None and corner_error(found, box) <= _MOST_ERROR_PX for found, box in moved)


def _comes_back(evidence: Evidence, box: RotatedBox, outline: int) -> bool:
    """Whether the finder, started a little outside and a little inside of a rectangle, moves it to its place at once;
    where nothing is left open."""
    if not evidence.all():
        return False
    frame = framed(evidence)
    moved = (stepped(frame, box.grown(by), outline)[0] for by in _STARTS_PX)
    return all(corner_error(found, box) <= _SAME_PX for found in moved)


def _drawn(
    group: Sequence[int],
    boxes: Sequence[RotatedBox],
    owners: Sequence[int],
    outline: int,
    size_wh: tuple[int, int],
) -> tuple[Evidence, tuple[int, int]]:
    """Evidence of the part of the picture that these boxes of one colour lie in, and its left and top."""
    reaches = [(boxes[at], *reach_of(boxes[at])) for at in group]
    margin = outline + _MARGIN
    left = max(0, int(min(box.x - x for box, x, _ in reaches)) - margin)
    top = max(0, int(min(box.y - y for box, _, y in reaches)) - margin)
    width = min(size_wh[0], int(max(box.x + x for box, x, _ in reaches)) + margin + 1) - left
    height = min(size_wh[1], int(max(box.y + y for box, _, y in reaches)) + margin + 1) - top
    evidence: Evidence = np.full((max(0, height), max(0, width)), -1, np.int8)
    mine = set(group)
    for at, box in enumerate(boxes):
        if at in mine or owners[at] != owners[group[0]]:
            stroke = Stroke(box, size_wh, outline)  # just where it will be painted
            (rows, columns), inside = stroke.window, stroke.inside()
            above, before = max(0, top - rows.start), max(0, left - columns.start)
            inside = inside[above : max(0, top + height - rows.start), before : max(0, left + width - columns.start)]
            if inside.size:
                down, across = rows.start + above - top, columns.start + before - left
                part = evidence[down : down + inside.shape[0], across : across + inside.shape[1]]
                np.copyto(part, 1 if at in mine else 0, where=inside)
    return evidence, (left, top)
