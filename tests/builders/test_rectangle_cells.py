"""The coarse map of a drawing, against pixels."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.rectangle_cells import CellGrid, Drawing, stretches
from taskpaint.builders.marks.rectangles import BoxStyle

_SIZE = (60, 50)


def _boxes(draw, style, most):
    boxes = []
    for _ in range(draw.randint(1, most)):
        (x0, x1), (y0, y1) = (sorted(draw.choices(range(size + 1), k=2)) for size in _SIZE)
        if min(x1 - x0, y1 - y0) >= style.min_side:
            boxes.append((x0, y0, x1, y1))
    return boxes


def _grown(grid, cells):
    """(H, W) bool, the pixels of cells."""
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    flags = [[cells >> row * grid.row_bits + column & 1 for column in range(columns)] for row in range(rows)]
    return np.repeat(np.repeat(np.array(flags, bool), np.diff(grid.ys), axis=0), np.diff(grid.xs), axis=1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 2, 5]))
def test_cells_hold_the_pixels(seed, outline):
    draw, style = random.Random(seed), BoxStyle(outline)
    boxes = _boxes(draw, style, 5)
    owners = [draw.randrange(3) for _ in boxes]
    xs, ys = (stretches([box[axis::2] for box in boxes], outline or 3, size) for axis, size in enumerate(_SIZE))
    drawing = Drawing.of(CellGrid(xs, ys), boxes, owners, outline)
    pixels = np.full(_SIZE[::-1], -1)
    for box, owner in zip(boxes, owners, strict=True):
        for x0, y0, x1, y1 in style.parts(box):
            pixels[y0:y1, x0:x1] = owner
    assert np.array_equal(_grown(drawing.grid, drawing.bare), pixels < 0)
    assert np.array_equal(_grown(drawing.grid, drawing.covered), pixels >= 0)
    for owner, paint in drawing.paint.items():
        assert np.array_equal(_grown(drawing.grid, paint), pixels == owner)
        assert drawing.grid.pixels(paint) == (pixels == owner).sum()


def test_pixels_by_hand():
    grid = CellGrid([0, 3, 10], [0, 5, 7, 20])
    left, right = 0b001, 0b010  # the third bit of a row stays empty
    rows = left | right << 3 | left << 6
    assert grid.inside((0, 0, 3, 5)) == left
    assert grid.inside((3, 5, 10, 7)) == right << 3
    assert grid.pixels(rows) == 3 * 5 + 7 * 2 + 3 * 13
    assert grid.pixels(rows, most=39) == 3 * 13 + 7 * 2  # the last ones come first, and the rest need not be counted
    assert grid.pixels(rows, most=38) == 3 * 13
    assert grid.bare_along(rows, 0, 7) == [0, 15, 29]
    assert grid.bare_along(rows, 5, 5) == [0, 0, 0]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("1000", False),
        ("0100", True),
        ("1011", True),
        ("0010", False),
        ("0011", True),
        ("0001", False),
        ("0000", False),
    ],
)
def test_runs(cells, expected):
    grid = CellGrid([0, 3, 8, 10, 12], [0, 1, 2])  # 3, 5, 2 and 2 wide
    row = int(cells[::-1], 2)
    assert grid.has_run(row, 0) is expected
    assert grid.has_run(row << grid.row_bits, 1) is expected
    assert not grid.has_run(row << grid.row_bits, 0)


def test_what_is_bare_along_a_side():
    # one box's top line, a gap of 4, another's: 10..30 and 34..50
    boxes = [(10, 10, 30, 30), (34, 10, 50, 30)]
    xs, ys = (stretches([box[axis::2] for box in boxes], 2, size) for axis, size in enumerate(_SIZE))
    drawing = Drawing.of(CellGrid(xs, ys), boxes, [0, 0], 2)
    (top,) = drawing.line_bands([10], 2)
    assert (top.low, top.high, ys[top.first], ys[top.last]) == (10, 12, 10, 12)
    turned = Drawing.of(CellGrid(ys, xs), [(y0, x0, y1, x1) for x0, y0, x1, y1 in boxes], [0, 0], 2)
    first, second, third, fourth = turned.line_bands([10, 28, 34, 48], 2)
    assert [top.bare_between(first, stop) for stop in (second, third, fourth)] == [0, 2 * 4, 2 * 4]
    assert [third.bare_between(top, top), top.bare_between(third, fourth)] == [0, 0]
    assert top.bare[-1] == 2 * (60 - 20 - 16)
