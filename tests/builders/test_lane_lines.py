"""Lane lines: rows, order and distance by hand; drawing and finding."""

from __future__ import annotations

import numpy as np
import pytest
from taskpaint.builders.marks.lane_lines import (
    LaneRows,
    draw_lane,
    find_lanes,
    joined,
    kept_apart,
    left_to_right,
    pixels_under,
    rows_of,
    touch,
)

_WHOLE = (0, 0, 100, 60)


def test_rows_by_hand():
    lane = rows_of(((30.0, 9.5), (40.0, 19.5)), 4, _WHOLE)
    assert lane.top == 10 and lane.x.tolist() == [30.5 + at for at in range(10)]
    assert lane.half.tolist() == pytest.approx([2 * 2**0.5] * 10)  # 45 degrees


def test_rows_follow_the_bends():
    lane = rows_of(((20.0, 0.0), (20.0, 10.0), (50.0, 20.0)), 4, _WHOLE)
    assert lane.x[[0, 5, 10, 15, 20]].tolist() == [20, 20, 20, 35, 50]
    assert lane.half[5] == 2 and lane.half[15] == pytest.approx(2 * 10**0.5)


def test_rows_outside_or_cut_by_a_side_are_left_out():
    lane = rows_of(((-20.0, -10.0), (50.0, 60.0)), 2, _WHOLE)  # x = y - 10, half of a row 1.41
    assert lane.top == 11 and lane.top + len(lane.x) == 60  # at 11 the row reaches from -0.41, inside the first pixel
    assert rows_of(((10.0, -9.0), (10.0, -1.0)), 2, _WHOLE) is None
    assert rows_of(((150.0, 1.0), (150.0, 50.0)), 2, _WHOLE) is None
    assert rows_of(((10.0, 4.2), (10.0, 5.4)), 2, _WHOLE) is None
    assert rows_of(((10.0, 0.0), (10.0, 50.0)), 2, (0, 20, 100, 40)).top == 20


def test_drawing_by_hand():
    canvas = np.zeros((10, 20, 3), np.uint8)
    draw_lane(canvas, LaneRows(3, np.array([5.0, 6.5]), np.array([1.5, 2.0])), (255, 0, 0))
    painted = canvas[:, :, 0] > 0
    assert np.flatnonzero(painted[3]).tolist() == [4, 5, 6]  # centres from 3.5 up to, not with, 6.5
    assert np.flatnonzero(painted[4]).tolist() == [5, 6, 7, 8]
    assert painted.sum() == 7


def test_colours_under_a_line():
    photo = np.zeros((10, 20, 3), np.uint8)
    photo[:, 9] = 200
    lane = LaneRows(3, np.array([5.0, 5.0]), np.array([1.5, 1.5]))
    assert not pixels_under(photo, [lane]).any()
    assert pixels_under(photo, [LaneRows(3, np.array([6.0, 6.0]), np.array([1.5, 1.5]))]).any()  # beside it
    assert pixels_under(photo, []).shape == (0, 3)


def test_lines_that_meet_end_before():
    # x = 50 - (y - 10) and x = 50 + (y - 10): 2 (y - 10) apart
    left = rows_of(((50.0, 10.0), (10.0, 50.0)), 2, _WHOLE)
    right = rows_of(((50.0, 10.0), (90.0, 50.0)), 2, _WHOLE)
    one, two = kept_apart([left, right])
    reach = 2 * 2**0.5 + 4 + 2 * 2  # two halves of a row, the gap, and what both lean in two rows
    assert one.top == two.top == 10 + int(np.floor(reach / 2)) + 1
    assert one.top + len(one.x) == 51
    assert kept_apart([left, left]) == [None, None]
    (alone,) = kept_apart([left])
    assert alone.x.tolist() == left.x.tolist()


def test_lines_one_below_the_other_may_touch_too():
    above = rows_of(((50.0, 0.0), (50.0, 20.0)), 2, _WHOLE)
    assert touch([above, rows_of(((50.0, 24.0), (50.0, 40.0)), 2, _WHOLE)], (100, 60))  # three rows between
    assert not touch([above, rows_of(((50.0, 25.0), (50.0, 40.0)), 2, _WHOLE)], (100, 60))
    assert touch([above, rows_of(((54.0, 0.0), (54.0, 20.0)), 2, _WHOLE)], (100, 60))
    assert not touch([above, rows_of(((57.0, 0.0), (57.0, 20.0)), 2, _WHOLE)], (100, 60))


def test_left_to_right_is_where_lines_meet_the_lower_edge():
    far_left = ((40.0, 10.0), (0.0, 20.0))  # flat: drawn on, it meets row 60 at -160
    left = ((45.0, 10.0), (20.0, 60.0))
    right = ((50.0, 10.0), (55.0, 30.0))
    assert left_to_right([right, left, far_left], 60) == [2, 1, 0]
    rows = [rows_of(lane, 2, _WHOLE) for lane in (right, left, far_left)]
    assert left_to_right(rows, 60) == [2, 1, 0]


def test_finding_by_hand():
    painted = np.zeros((60, 100), bool)
    painted[10:50, 20:24] = True
    painted[20:50, 60:63] = True
    painted[5, 90] = True  # a speck
    first, second = find_lanes(painted, 3)
    assert (first.top, len(first.x), set(first.x)) == (10, 40, {21.5})
    assert (second.top, len(second.x), set(second.x)) == (20, 30, {61.0})
    assert find_lanes(np.zeros((60, 100), bool), 3) == []


def test_a_nick_does_not_break_a_line():
    painted = np.zeros((60, 100), bool)
    painted[10:50, 20:24] = True
    painted[30:32] = False
    (lane,) = find_lanes(painted, 3)
    assert (lane.top, len(lane.x)) == (10, 40) and set(lane.x) == {21.5}


def test_pieces_are_joined():
    pieces = [LaneRows(10, np.full(4, 5.0), np.ones(4)), LaneRows(12, np.full(8, 7.0), np.ones(8))]
    whole = joined(pieces)
    assert whole.top == 10 and whole.x.tolist() == [5] * 4 + [7] * 6
    assert np.isnan(joined([pieces[0], LaneRows(20, np.ones(2), np.ones(2))]).x[4:10]).all()
    assert joined([]) is None
