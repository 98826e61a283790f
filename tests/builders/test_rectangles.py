"""Boxes: pixels by hand, and the finder on the arrangements that mislead it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.rectangle_finder import find_boxes
from taskpaint.builders.marks.rectangles import BoxStyle, can_be_read, pixels_under, stamp_box, whole_pixels

_LINE = BoxStyle(2)
_FILL = BoxStyle(0)
_SIZE = (120, 90)


def _drawing(boxes, owners, style, size=_SIZE):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for box, owner in zip(boxes, owners, strict=True):
        stamp_box(image, box, style, (owner + 1,) * 3)
    return image[:, :, 0]


def _evidence(drawing, owner=0):
    return np.where(drawing == owner + 1, 1, np.where(drawing == 0, -1, 0)).astype(np.int8)


def test_outline_pixels_by_hand():
    image = np.zeros((8, 10, 3), np.uint8)
    stamp_box(image, (1, 1, 9, 7), _LINE, (1, 1, 1))
    assert ["".join(map(str, row)) for row in image[:, :, 0]] == [
        "0000000000",
        "0111111110",
        "0111111110",
        "0110000110",
        "0110000110",
        "0111111110",
        "0111111110",
        "0000000000",
    ]


def test_small_boxes_are_painted_full():
    assert (_drawing([(3, 3, 20, 8)], [0], _LINE) > 0).sum() == 17 * 5
    assert (_drawing([(3, 3, 20, 9)], [0], _LINE) > 0).sum() == 17 * 6 - 13 * 2


def test_rounding():
    assert whole_pixels((0.4, 0.6, 9.51, 8.49)) == (0, 1, 10, 8)


def test_pixels_under_hold_a_margin():
    photo = np.zeros((40, 40, 3), np.uint8)
    photo[8:10] = 7  # two rows above the box
    assert 7 in pixels_under(photo, [(10, 10, 30, 30)], _LINE)
    photo[:] = 0
    photo[18:22, 18:22] = 7  # its middle, which an outline leaves alone
    assert 7 not in pixels_under(photo, [(10, 10, 30, 30)], _LINE)
    assert 7 in pixels_under(photo, [(10, 10, 30, 30)], _FILL)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(2, 50), st.integers(24, 500), st.integers(24, 400), st.integers(2, 8))
def test_pixels_under_lie_along_all_sides(left, top, width, height, line):
    """Every pixel of the photo has a colour of its own, that of its number."""
    numbers = np.arange(480 * 600).reshape(480, 600)
    photo = np.stack([numbers >> 16, numbers >> 8, numbers], axis=-1).astype(np.uint8)
    right, bottom = min(left + width, 598), min(top + height, 478)
    found = pixels_under(photo, [(left, top, right, bottom)], BoxStyle(line)).astype(int)
    y, x = np.divmod(found @ [1 << 16, 1 << 8, 1], 600)
    assert len(found) <= 4 * 1024
    assert x.min() >= left - 2 and x.max() < right + 2 and y.min() >= top - 2 and y.max() < bottom + 2
    reach = line + 2
    for across, along, first, last in ((y, x, left, right), (x, y, top, bottom)):
        low, high = (top, bottom) if across is y else (left, right)
        for near in (across < low + reach, across >= high - reach):
            seen = [first + line, *np.unique(along[near]).tolist(), last - line]  # corners belong to other sides, too
            assert max(np.diff(sorted(seen))) <= 1 + (line + 4) * (last - first + 4) / 256
    middle = (x >= left + reach) & (x < right - reach) & (y >= top + reach) & (y < bottom - reach)
    assert not middle.any() or min(right - left, bottom - top) < 3 * line


_MISLEADING = {
    "overlap forms an inner rectangle": [(10, 10, 60, 50), (40, 30, 100, 80)],
    "a cross forms five": [(10, 35, 110, 55), (50, 5, 70, 85)],
    "nested": [(10, 10, 110, 80), (30, 30, 60, 60)],
    "nested line on line": [(10, 10, 110, 80), (12, 12, 60, 60)],
    "sharing a corner": [(10, 10, 110, 80), (10, 10, 60, 40)],
    "three in a row form wide ones": [(5, 20, 45, 60), (35, 24, 75, 64), (65, 20, 105, 60)],
    "at the image's edges": [(0, 0, 120, 90), (0, 40, 50, 90)],
    "a small full one on a line": [(10, 10, 60, 50), (54, 20, 66, 25)],
}


@pytest.mark.parametrize("boxes", _MISLEADING.values(), ids=_MISLEADING.keys())
def test_misleading_outlines(boxes):
    assert can_be_read(boxes, [0] * len(boxes), _LINE, _SIZE)
    assert find_boxes(_evidence(_drawing(boxes, [0] * len(boxes), _LINE)), 2) == sorted(boxes)


def test_nothing_to_find():
    assert find_boxes(np.full((20, 30), -1, np.int8), 2) == []
    assert find_boxes(np.zeros((20, 30), np.int8), 0) == []


def test_truly_ambiguous_sets_are_refused():
    # with three sides shared, the box left and the box right of the middle line paint the same pixels
    left, right, whole = (10, 10, 60, 50), (58, 10, 100, 50), (10, 10, 100, 50)
    same = [_drawing([whole, part], [0, 0], _LINE) for part in (left, right)]
    assert np.array_equal(*same)
    assert not can_be_read([whole, left], [0, 0], _LINE, _SIZE)
    assert not can_be_read([whole, right], [0, 0], _LINE, _SIZE)
    # two in line that overlap paint what their hull and their overlap paint
    two, hull = [(5, 20, 45, 60), (35, 20, 75, 60)], [(5, 20, 75, 60), (35, 20, 45, 60)]
    assert np.array_equal(_drawing(two, [0, 0], _LINE), _drawing(hull, [0, 0], _LINE))
    assert not can_be_read(two, [0, 0], _LINE, _SIZE)
    # a box that other lines already paint
    assert not can_be_read([(10, 10, 60, 50), (40, 30, 100, 80), (40, 30, 60, 50)], [0, 0, 0], _LINE, _SIZE)
    # twins, and two classes in one place
    assert not can_be_read([(10, 10, 100, 80), (12, 10, 100, 80)], [0, 0], _LINE, _SIZE)
    assert not can_be_read([(10, 10, 100, 80), (10, 10, 100, 80)], [0, 1], _LINE, _SIZE)


def test_filled_boxes_of_one_colour_keep_apart():
    assert can_be_read([(10, 10, 50, 50), (52, 10, 90, 50)], [0, 0], _FILL, _SIZE)
    assert not can_be_read([(10, 10, 50, 50), (51, 10, 90, 50)], [0, 0], _FILL, _SIZE)
    assert not can_be_read([(10, 10, 50, 50), (40, 40, 90, 80)], [0, 0], _FILL, _SIZE)
    assert can_be_read([(10, 10, 50, 50), (40, 40, 75, 70)], [0, 1], _FILL, _SIZE)
    # the end of the first is wholly under the second
    assert not can_be_read([(10, 20, 90, 60), (60, 5, 100, 70)], [0, 1], _FILL, _SIZE)


def test_a_box_split_in_two_by_another():
    boxes = [(10, 20, 110, 60), (50, 5, 70, 85)]
    assert can_be_read(boxes, [0, 1], _FILL, _SIZE)
    drawing = _drawing(boxes, [0, 1], _FILL)
    assert find_boxes(_evidence(drawing, 0), 0) == [boxes[0]]
    assert find_boxes(_evidence(drawing, 1), 0) == [boxes[1]]


def test_wavering_lines_are_still_found():
    noise = np.random.default_rng(3)
    evidence = _evidence(_drawing([(10, 10, 60, 50), (70, 20, 110, 80)], [0, 0], BoxStyle(3)))
    evidence[noise.random(evidence.shape) < 0.02] *= -1
    found = find_boxes(evidence, 3)
    assert len(found) == 2
    assert np.abs(np.array(found) - [(10, 10, 60, 50), (70, 20, 110, 80)]).max() <= 1


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 2, 4]), st.integers(1, 3))
def test_whatever_can_be_read_is_read(seed, outline, colors):
    draw, style = random.Random(seed), BoxStyle(outline)
    boxes = []
    while len(boxes) < draw.randint(1, 7):
        (x0, x1), (y0, y1) = sorted(draw.choices(range(121), k=2)), sorted(draw.choices(range(91), k=2))
        if min(x1 - x0, y1 - y0) >= style.min_side:
            boxes.append((x0, y0, x1, y1))
    boxes.sort(key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
    owners = [draw.randrange(colors) for _ in boxes]
    while not can_be_read(boxes, owners, style, _SIZE):
        out = draw.randrange(len(boxes))
        del boxes[out], owners[out]
    drawing = _drawing(boxes, owners, style)
    for owner in range(colors):
        true = sorted(box for box, whose in zip(boxes, owners, strict=True) if whose == owner)
        assert find_boxes(_evidence(drawing, owner), outline) == true


@pytest.mark.parametrize("radius", [2, 5, 9])
def test_filled_boxes_with_rounded_corners_are_found(radius):
    """As blur, JPEG's halved chroma or a model leave them."""
    first, second = (20, 30, 90, 71), (70, 60, 150, 120)  # they overlap
    evidence = np.full((140, 180), -1, np.int8)
    rows, columns = np.mgrid[:140, :180] + 0.5
    for left, top, right, bottom in (first, second):
        across = np.maximum(0, np.maximum(left + radius - columns, columns - (right - radius)))
        down = np.maximum(0, np.maximum(top + radius - rows, rows - (bottom - radius)))
        evidence[across**2 + down**2 <= radius**2] = 1
    assert evidence[30, 20] == evidence[119, 149] == -1
    assert find_boxes(evidence, 0) == [first, second]
