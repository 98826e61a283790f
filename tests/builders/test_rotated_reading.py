"""What rotated rectangles can be told apart once they are drawn: by hand, and against looking at whole pictures."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks import rotated_reading
from taskpaint.builders.marks.rotated_boxes import RotatedBox, corner_error
from taskpaint.builders.marks.rotated_drawing import Stroke
from taskpaint.builders.marks.rotated_finder import find_rotated_boxes
from taskpaint.builders.marks.rotated_hopes import are_hopeless, is_hopeless
from taskpaint.builders.marks.rotated_reading import can_be_read, match


def _turned(x, y, width, height, degrees):
    return RotatedBox(x, y, width, height, math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


def _evidence(boxes, owners, owner, outline, size_wh):
    """As a decoder has it of a whole picture: what another colour covers says nothing."""
    found = np.full(size_wh[::-1], -1, np.int8)
    for box, own in zip(boxes, owners, strict=True):
        stroke = Stroke(box, size_wh, outline)
        found[stroke.window][stroke.inside()] = own == owner
    return found


def _is_found(boxes, owners, outline, size_wh, least=0.9, most_px=1.5, untold=()):
    """Whether every colour's boxes, and no others, are found in the whole picture, as near as the task demands.

    untold: places (y, x) that say nothing, as where a photograph looks like the colour.
    """
    for owner in set(owners):
        true = [box for box, own in zip(boxes, owners, strict=True) if own == owner]
        evidence = _evidence(boxes, owners, owner, outline, size_wh)
        for place in untold:
            evidence[place] = 0
        found = find_rotated_boxes(evidence, outline)
        pairs = match(found, true, least)
        if not len(pairs) == len(found) == len(true) or any(corner_error(a, b) > most_px for a, b, _ in pairs):
            return False
    return True


@pytest.mark.parametrize(
    ("boxes", "outline", "readable"),
    [
        ([_turned(40, 40, 30, 24, 20), _turned(100, 40, 30, 24, 50)], 2, True),
        ([_turned(80, 60, 100, 80, 20), _turned(80, 60, 40, 30, 60)], 2, True),  # nested
        ([_turned(80, 60, 100, 80, 20), _turned(80, 60, 40, 30, 60)], 0, False),  # one lies on the other
        ([_turned(60, 60, 60, 40, 20), _turned(61, 60, 60, 40, 20)], 2, False),  # twins
        ([RotatedBox(50, 50, 40, 30), RotatedBox(90, 50, 40, 30)], 0, False),  # they touch
        ([RotatedBox(50, 50, 40, 30), RotatedBox(100, 50, 40, 30)], 0, True),
        ([_turned(10, 60, 60, 40, 0)], 2, False),  # its left side is not in the picture
    ],
)
def test_what_can_be_read(boxes, outline, readable):
    assert can_be_read(boxes, [0] * len(boxes), outline, (160, 120)) is readable
    if readable:
        assert _is_found(boxes, [0] * len(boxes), outline, (160, 120))


def test_other_colours_hide_but_do_not_join():
    # the second covers the middle of the first, in another colour: all corners of the first still show
    boxes = [RotatedBox(80, 60, 100, 40), RotatedBox(80, 60, 30, 100)]
    assert can_be_read(boxes, [0, 1], 0, (160, 120))
    assert not can_be_read(boxes, [0, 0], 0, (160, 120))


def test_what_links_two_of_a_colour_is_seen():
    """Between the two small ones lies one of another colour, that hides whether they are one."""
    boxes = [_turned(243, 83, 274, 159, 1), _turned(449, 80, 143, 80, 1), _turned(81, 67, 81, 61, 1)]
    assert not _is_found(boxes, [0, 1, 1], 0, (640, 480))
    assert not can_be_read(boxes, [0, 1, 1], 0, (640, 480))


@pytest.mark.parametrize(
    ("box", "outline", "hopeless"),
    [
        (RotatedBox(50, 40, 30, 20), 2, False),
        (RotatedBox(2, 40, 30, 20), 2, True),  # its left side is 13 pixels outside
        (RotatedBox(2, 40, 30, 20), 0, True),
        (RotatedBox(14, 40, 30, 20), 0, False),  # 1 pixel
        (RotatedBox(50, 118, 30, 20), 2, True),
        (_turned(12, 40, 30, 30, 45), 2, False),  # a corner is 9 pixels outside, no side is
        (RotatedBox(50, 40, 60, 24.1), 8, True),  # three lines wide
        (RotatedBox(50, 40, 60, 25), 8, False),
    ],
)
def test_single_boxes_without_hope(box, outline, hopeless):
    assert is_hopeless(box, outline, (160, 120)) is hopeless
    if hopeless:
        assert not can_be_read([box], [0], outline, (160, 120))


@pytest.mark.parametrize(
    ("boxes", "outline", "hopeless"),
    [
        ([RotatedBox(50, 50, 40, 30), RotatedBox(85, 50, 40, 30)], 0, True),  # filled, 5 pixels over each other
        ([RotatedBox(50, 50, 40, 30), RotatedBox(90.5, 50, 40, 30)], 0, False),
        ([RotatedBox(60, 60, 80, 60), RotatedBox(60, 60, 30, 100)], 4, True),  # a cross: each cuts the other
        ([RotatedBox(60, 60, 80, 60), RotatedBox(100, 90, 60, 50)], 4, False),  # a corner each: what is left shows both
        ([RotatedBox(60, 60, 80, 60), RotatedBox(110, 60, 90, 20)], 4, True),  # the small one's end is cut off
        ([RotatedBox(60, 60, 80, 60), RotatedBox(60, 60, 40, 30)], 4, False),  # one in the other's hole
        ([RotatedBox(60, 60, 80, 60), RotatedBox(60, 60, 11, 110)], 4, True),  # a narrow one, painted full, across
        ([RotatedBox(130, 60, 70, 60), RotatedBox(140, 60, 30, 100)], 4, True),  # across where the picture ends
        ([RotatedBox(40, 30, 40, 30), RotatedBox(60, 80, 80, 50), RotatedBox(60, 80, 30, 76)], 4, True),  # two of three
    ],
)
def test_sets_without_hope(boxes, outline, hopeless):
    assert are_hopeless(boxes, outline, (160, 120)) is hopeless
    if hopeless:
        assert not _is_found(boxes, [0] * len(boxes), outline, (160, 120))


@st.composite
def _layouts(draw):
    """Boxes alone, across and just beside each other, out of the picture, small; of one to three colours."""
    size = draw(st.sampled_from([(180, 140), (240, 160), (320, 240)]))
    boxes = []
    for _ in range(draw(st.integers(1, 6))):
        turn = draw(st.one_of(st.sampled_from([0.0, 90.0]), st.floats(0, 180)))
        width, height = draw(st.floats(12, 90)), draw(st.floats(12, 60))
        x, y = draw(st.floats(-5, size[0] + 5)), draw(st.floats(-5, size[1] + 5))
        if boxes and draw(st.booleans()):
            other = draw(st.sampled_from(boxes))
            away = (other.width + width) / 2 + draw(st.floats(-20, 12))
            x, y = other.x + away * other.along_x, other.y + away * other.along_y
        box = _turned(x, y, width, height, turn)
        if Stroke(box, size, 0).inside().any():
            boxes.append(box)
    boxes.sort(key=lambda box: -box.width * box.height)
    colors = draw(st.integers(1, 3))
    owners = [draw(st.integers(0, colors - 1)) for _ in boxes]
    return boxes, owners, draw(st.sampled_from([0, 2, 3, 4, 5, 8])), size


@settings(max_examples=150, deadline=None)
@given(_layouts())
@example(([RotatedBox(99, 106, 90, 24.0)], [0], 8, (320, 240)))
@example(([RotatedBox(270.0, 32.0, 68.0, 27.0, 0.0, 1.0)], [0], 4, (500, 169)))
def test_what_is_accepted_is_found_in_the_whole_picture(layout):
    boxes, owners, outline, size_wh = layout
    if boxes and can_be_read(boxes, owners, outline, size_wh):
        assert _is_found(boxes, owners, outline, size_wh)
        assert _is_found(boxes, owners, outline, size_wh, untold=[(0, 0), (-1, -1)])


@pytest.mark.parametrize(
    ("box", "outline", "sure"),
    [
        (_turned(80, 60, 60, 40, 20), 3, True),
        (_turned(80, 60, 19, 18, 20), 3, True),
        (_turned(80, 60, 18, 17, 20), 3, True),  # 1 / 18 + 1 / 17 = 0.114, but it rises by 17 sin 20 = 5.8
        (_turned(80, 60, 18, 17, 4), 3, False),  # by 1.2
        (_turned(80, 60, 18, 17, 45), 3, False),
        (_turned(80, 60, 60, 15, 20), 0, True),
        (_turned(30, 60, 60, 60, 40), 3, True),  # a corner is 12.3 outside: 40.9 and 44.0 of its sides of 60 are shown
        (_turned(2, 60, 60, 60, 40), 3, False),  # 40.3 outside: nothing of one side, 7.4 of another
        (_turned(30, 60, 60, 60, 45), 3, False),
        (_turned(2, 60, 60, 60, 45), 3, False),
        (_turned(95, 60, 130, 70, 5), 3, True),  # 37.8 of its right side of 70 are shown
        (_turned(80, 60, 120, 110, 40), 3, True),  # all corners are outside, of each side two thirds are shown
        (_turned(80, 60, 120, 110, 45), 3, False),
        (_turned(30, 60, 60, 40, 3), 3, False),  # 20.8 of a side of 40, less than 20 beside its line of 3
        (_turned(95, 60, 130, 70, 2), 3, True),  # 36.1 of a side, and 64.0 of the inner edge of its line
        (_turned(96, 60, 130, 70, 2), 3, False),  # 7.5
        (_turned(95, 60, 130, 70, 2), 0, False),  # an upright box around what is shown is hardly larger
    ],
)
def test_what_needs_no_trial(monkeypatch, box, outline, sure):
    tried = []

    def trial(evidence, width):
        tried.append(width)
        return find_rotated_boxes(evidence, width)

    monkeypatch.setattr(rotated_reading, "find_rotated_boxes", trial)
    monkeypatch.setattr(rotated_reading, "_comes_back", lambda *_: False)  # nor the other kind of trial
    readable = can_be_read([box], [0], outline, (160, 120))
    assert bool(tried) is not sure
    if sure:
        assert readable and _is_found([box], [0], outline, (160, 120))


@pytest.mark.parametrize(
    ("box", "finder"),
    [
        (_turned(96, 60, 130, 70, 2), False),  # 7.5 of its right side are seen, and all of the paint along it
        (_turned(2, 60, 60, 60, 40), True),  # nothing of its left side
        (_turned(80, 60, 18, 17, 4), True),  # small
    ],
)
def test_what_suggests_itself_is_only_moved(monkeypatch, box, finder):
    looked = []

    def find(evidence, width):
        looked.append(width)
        return find_rotated_boxes(evidence, width)

    monkeypatch.setattr(rotated_reading, "find_rotated_boxes", find)
    readable = can_be_read([box], [0], 3, (160, 120))
    assert bool(looked) is finder
    assert readable is _is_found([box], [0], 3, (160, 120), 0.93, 1.0)


@st.composite
def _at_the_edge(draw):
    """A box, large enough to be sure, with a corner outside."""
    size = draw(st.sampled_from([(180, 140), (320, 240)]))
    width, height = draw(st.floats(24, 150)), draw(st.floats(24, 100))
    box = _turned(0, 0, width, height, draw(st.floats(0, 180)))
    x, y = draw(st.sampled_from(box.corner_list()))
    edge = draw(st.sampled_from([0, size[0]])), draw(st.floats(0, size[1]))
    if draw(st.booleans()):
        edge = draw(st.floats(0, size[0])), draw(st.sampled_from([0, size[1]]))
    beyond = draw(st.floats(0, 40)), draw(st.floats(0, 20))
    away = [(by if place > 0 else -by) for by, place in zip(beyond, (x, y), strict=True)]
    return box._replace(x=edge[0] - x + away[0], y=edge[1] - y + away[1]), size


@settings(max_examples=200, deadline=None)
@given(_at_the_edge(), st.sampled_from([0, 2, 3, 4, 5, 8]))
def test_what_leaves_the_picture_is_found_where_it_is_accepted(layout, outline):
    box, size_wh = layout
    if can_be_read([box], [0], outline, size_wh):
        assert _is_found([box], [0], outline, size_wh)
        assert _is_found([box], [0], outline, size_wh, untold=[(0, 0), (-1, -1)])


def test_among_many_it_is_enough_that_one_would_be_moved(monkeypatch):
    """Where two lines lie along each other, each box seems to end where the other's line does: 4 pixels too far."""
    monkeypatch.setattr(rotated_reading, "find_rotated_boxes", None)  # not called
    boxes = [RotatedBox(60, 60, 60, 50), RotatedBox(60, 110, 60, 30), RotatedBox(110, 60, 40, 50)]
    assert not are_hopeless(boxes, 4, (160, 140))
    assert not can_be_read(boxes, [0] * 3, 4, (160, 140))


def test_few_that_can_be_found_are_refused():
    """The quick looks must not refuse much that the finder would find: of boxes anywhere, one in ten at most."""
    draw, found, accepted = random.Random(5), 0, 0
    for _ in range(120):
        boxes = [
            _turned(*(draw.uniform(20, 300), draw.uniform(20, 220), draw.uniform(22, 90)), draw.uniform(22, 60), turn)
            for turn in (draw.uniform(0, 180) for _ in range(draw.choice([1, 2, 3])))
        ]
        if _is_found(boxes, [0] * len(boxes), 3, (320, 240), 0.93, 1.0):
            found += 1
            accepted += can_be_read(boxes, [0] * len(boxes), 3, (320, 240))
    assert found > 30 and accepted >= 0.9 * found
