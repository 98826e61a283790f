"""What convex polygons share: by hand and on a fine grid."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.convex_polygons import area, shared_part
from taskpaint.builders.marks.rotated_boxes import RotatedBox, overlap, overlap_more

_SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]


def test_squares_by_hand():
    moved = [(x + 3, y + 2) for x, y in _SQUARE]
    assert sorted(shared_part(_SQUARE, moved)) == [(3, 2), (3, 4), (4, 2), (4, 4)]
    assert area(_SQUARE) == 16 and area(_SQUARE[::-1]) == -16
    assert shared_part(_SQUARE, [(x + 9, y) for x, y in _SQUARE]) == []
    assert area([]) == 0


_BOX = st.builds(
    lambda x, y, width, height, turn: RotatedBox(x, y, width, height, math.cos(turn), math.sin(turn)),
    *(st.floats(0, 30), st.floats(0, 30), st.floats(2, 40), st.floats(2, 40), st.floats(0, 3.1)),
)


def _on(box, x, y):
    across = (x - box.x) * box.along_x + (y - box.y) * box.along_y
    down = (y - box.y) * box.along_x - (x - box.x) * box.along_y
    return (np.abs(across) <= box.width / 2) & (np.abs(down) <= box.height / 2)


@settings(max_examples=100, deadline=None)
@given(_BOX, _BOX)
def test_shares_are_those_of_a_fine_grid(first, second):
    step = 0.2
    x, y = np.meshgrid(np.arange(-30, 60, step), np.arange(-30, 60, step))
    counted = float((_on(first, x, y) & _on(second, x, y)).sum()) * step**2
    part = shared_part(first.corner_list(), second.corner_list())
    border = sum(math.dist(part[at - 1], part[at]) for at in range(len(part)))
    assert area(part) == pytest.approx(counted, abs=step * border + step**2)
    iou = overlap(first, second)
    for than in (0.0, 0.5, 0.93):
        assert overlap_more(first, second, than) == (iou > than)
    assert overlap_more(first, first, 0.93)
