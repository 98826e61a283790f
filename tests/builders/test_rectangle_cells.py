"""The coarse map of a drawing: against pixels, and its shortcut against the finder."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.rectangle_cells import CellMap
from taskpaint.builders.marks.rectangle_edges import changes_for_long
from taskpaint.builders.marks.rectangle_finder import explain_cells
from taskpaint.builders.marks.rectangles import BoxStyle, can_be_read

_SIZE = (60, 50)


def _boxes(draw, style, most, places=None):
    """Boxes of all sizes, the larger first; with `places` all edges are at so many along each axis."""
    axes = [draw.sample(range(size + 1), places or size) for size in _SIZE]
    boxes = []
    for _ in range(draw.randint(1, most)):
        (x0, x1), (y0, y1) = (sorted(draw.choices(axis, k=2)) for axis in axes)
        if min(x1 - x0, y1 - y0) >= style.min_side:
            boxes.append((x0, y0, x1, y1))
    return sorted(boxes, key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))


def _cells(boxes, owners, style):
    line = style.outline or 3
    return CellMap.drawn(boxes, [style.parts(box) for box in boxes], owners, style.outline, line, _SIZE)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 2, 5]))
def test_cells_hold_the_pixels(seed, outline):
    draw, style = random.Random(seed), BoxStyle(outline)
    boxes = _boxes(draw, style, 5)
    owners = [draw.randrange(3) for _ in boxes]
    cells = _cells(boxes, owners, style)
    pixels = np.full(_SIZE[::-1], -1)
    for box, owner in zip(boxes, owners, strict=True):
        for x0, y0, x1, y1 in style.parts(box):
            pixels[y0:y1, x0:x1] = owner
    grown = np.repeat(np.repeat(cells.labels, np.diff(cells.ys), axis=0), np.diff(cells.xs), axis=1)
    assert np.array_equal(grown, pixels)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([2, 3, 6]), st.sampled_from([None, 4, 8]), st.integers(1, 9))
def test_one_box_of_a_colour_is_judged_as_the_finder_would(seed, outline, places, most):
    draw, style = random.Random(seed), BoxStyle(outline)
    boxes = _boxes(draw, style, most, places)
    owners = list(range(len(boxes)))
    cells = _cells(boxes, owners, style)
    for owner, box in enumerate(boxes):
        labels = np.array(cells.labels)
        evidence = np.where(labels == owner, 1, np.where(labels < 0, -1, 0)).astype(np.int8)
        found = explain_cells(evidence, np.array(cells.xs), np.array(cells.ys), outline, [box])
        assert cells.explains(owner, [box]) == (found == [box])


def test_a_hidden_line_by_hand():
    # the second's line lies on the first's left one, and the first's other three show
    boxes = [(10, 10, 50, 40), (10, 5, 30, 45)]
    cells = _cells(boxes, [0, 1], BoxStyle(2))
    assert not cells.explains(0, [boxes[0]])
    assert cells.explains(1, [boxes[1]])
    # moved by its width the line bares the other
    boxes = [(10, 10, 50, 40), (12, 5, 30, 45)]
    assert _cells(boxes, [0, 1], BoxStyle(2)).explains(0, [boxes[0]])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [([1, 0, 0, 0], False), ([0, 1, 0, 0], True), ([1, 0, 1, 1], True), ([0, 0, 1, 0], False), ([0, 0, 0, 0], False)],
)
def test_runs_of_changes(changes, expected):
    assert changes_for_long([bool(change) for change in changes], [0, 3, 8, 10, 12]) is expected  # 3, 5, 2 and 2 wide


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 2, 4]), st.sampled_from([None, 8]))
def test_what_was_readable_before_need_not_be_tried_again(seed, outline, places):
    draw, style = random.Random(seed), BoxStyle(outline)
    boxes = _boxes(draw, style, 6, places)
    owners = [draw.randrange(3) for _ in boxes]
    for added in range(3):
        before = [(box, owner) for box, owner in zip(boxes, owners, strict=True) if owner != added]
        if can_be_read([box for box, _ in before], [owner for _, owner in before], style, _SIZE):
            whole = can_be_read(boxes, owners, style, _SIZE)
            assert can_be_read(boxes, owners, style, _SIZE, added) == whole
