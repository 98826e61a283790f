"""What convex polygons share: by hand and on a fine grid."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.convex_polygons import area, parts_outside, shared_part
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


def test_parts_outside_by_hand():
    wide = [(0.0, 0.0), (10.0, 0.0), (10.0, 4.0), (0.0, 4.0)]
    tall = [(4.0, -2.0), (6.0, -2.0), (6.0, 9.0), (4.0, 9.0)]
    assert sorted(map(sorted, parts_outside(wide, tall))) == [  # cut in two
        [(0, 0), (0, 4), (4, 0), (4, 4)],
        [(6, 0), (6, 4), (10, 0), (10, 4)],
    ]
    (rest,) = parts_outside(wide, [(6.0, -1.0), (12.0, -1.0), (12.0, 9.0), (6.0, 9.0)])  # its right end is hidden
    assert sorted(rest) == [(0, 0), (0, 4), (6, 0), (6, 4)]
    (rest,) = parts_outside(wide, [(6.0, 2.0), (12.0, 2.0), (12.0, 9.0), (6.0, 9.0)])  # a corner is
    assert sorted(rest) == [(0, 0), (0, 4), (6, 4), (10, 0), (10, 2)]
    assert parts_outside(wide, [(20.0, 0.0), (30.0, 0.0), (30.0, 4.0)]) == [[wide[-1], *wide[:-1]]]
    assert parts_outside([(4.5, 0.0), (5.5, 0.0), (5.0, 1.0)], tall) == []


@settings(max_examples=150, deadline=None)
@given(_BOX, _BOX)
def test_parts_outside_are_those_of_a_fine_grid(first, second):
    """Each connected part lies in the hull of a stretch of its own, with points on the box and not in the other."""
    step = 0.1
    near = [parts_outside(first.corner_list(), second.grown(by).corner_list()) for by in (-3 * step, 3 * step)]
    assume(len(near[0]) == len(near[1]))  # a neck narrower than that parts the pixels, not the polygon
    x, y = np.meshgrid(np.arange(-30, 60, step), np.arange(-30, 60, step))
    rest = (_on(first, x, y) & ~_on(second, x, y)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=4)
    parts = [np.array(part) for part in parts_outside(first.corner_list(), second.corner_list())]
    hulls = [cv2.convexHull(part.astype(np.float32)) for part in parts]
    taken = []
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] * step**2 > 1:  # smaller ones may be tips that the grid cuts off
            rows, columns = np.nonzero(labels == label)
            spots = np.stack([x[rows, columns], y[rows, columns]], axis=1)[:: max(1, len(rows) // 50)].tolist()
            holds = [min(cv2.pointPolygonTest(hull, spot, True) for spot in spots) > -0.01 for hull in hulls]
            assert any(holds)
            taken.append(holds)
    assert _each_has_its_own(taken)
    for px, py in (point for part in parts for point in part):
        assert _on(first.grown(1e-6), px, py) and not _on(second.grown(-1e-6), px, py)


def _each_has_its_own(taken):
    """Whether there is a stretch for each connected part, no two the same."""
    orders = itertools.permutations(range(len(taken[0])), len(taken)) if taken else [()]
    return any(all(holds[at] for holds, at in zip(taken, order, strict=True)) for order in orders)
