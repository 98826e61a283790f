"""Warped windows: where pixels, points and boxes go."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.builders.geometry import Geometry
from taskpaint.builders.warp import Warp, warp_to
from taskpaint.manifests.errors import BadItem
from taskpaint.manifests.recipe import Sizing

SIZE = Sizing(resize="square", size=64)
WARPS = st.builds(
    Warp,
    st.tuples(st.floats(5, 95), st.floats(5, 55)),
    st.floats(20, 90),
    st.floats(-180, 180),
    st.booleans(),
)


@given(WARPS)
def test_the_middle_of_the_window_is_the_middle_of_the_picture(warp):
    moved = warp_to(SIZE, (100, 60), warp)
    x, y = moved.point(warp.center_xy[0] - 0.5, warp.center_xy[1] - 0.5)
    assert (x, y) == pytest.approx((31.5, 31.5))


@given(st.floats(-180, 180), st.floats(0.3, 3), st.floats(0, 99), st.floats(0, 59))
def test_turning_is_opencv_s_rotation(degrees, scale, x, y):
    moved = warp_to(SIZE, (100, 60), Warp((50, 30), 64 / scale, degrees))
    matrix = cv2.getRotationMatrix2D((49.5, 29.5), -degrees, scale)  # OpenCV counts counter-clockwise
    expected = matrix @ (x, y, 1) + (31.5 - 49.5, 31.5 - 29.5)
    assert moved.point(x, y) == pytest.approx(tuple(expected), abs=1e-6)
    assert moved.scale_xy == pytest.approx((scale, scale))


def test_clockwise_and_mirror_by_hand():
    quarter = warp_to(SIZE, (64, 64), Warp((32, 32), 64, 90))
    assert quarter.point(31.5, 0) == pytest.approx((63, 31.5))  # the top comes to the right
    mirror = warp_to(SIZE, (64, 64), Warp((32, 32), 64, 0, mirrored=True))
    assert mirror.point(0, 10) == pytest.approx((63, 10))


@given(WARPS, st.integers(0, 99), st.integers(0, 59))
def test_labels_go_where_points_go(warp, x, y):
    values = np.arange(6000, dtype=np.int32).reshape(60, 100)
    moved = warp_to(SIZE, (100, 60), warp)
    found = moved.labels(values, pad=-1)
    out_x, out_y = moved.point(x, y)
    shown = np.argwhere(found == y * 100 + x)
    reach = math.sqrt(0.5) * moved.scale_xy[0] + 0.01  # nearest pixel: the source pixel's square, turned
    for row, column in shown:
        assert math.dist((out_x, out_y), (column, row)) <= reach
    assert np.array_equal(moved.inside(), found >= 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_labels_keep_their_type_and_values(dtype):
    values = (np.arange(6000) % 200).reshape(60, 100).astype(dtype)
    found = warp_to(SIZE, (100, 60), Warp((50, 30), 40, 30)).labels(values)
    assert found.dtype == dtype
    assert set(np.unique(found)) <= set(np.unique(values))


def test_an_upright_window_is_a_crop():
    photo = np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)
    moved = warp_to(SIZE, (100, 60), Warp((50, 30), 32))
    crop = Geometry((100, 60), (34, 14, 66, 46), (64, 64), (0, 0), (64, 64))
    assert moved.point(40, 20) == pytest.approx(crop.point(40, 20))
    assert moved.box((36, 20, 50, 44)) == pytest.approx(crop.box((36, 20, 50, 44)))
    difference = np.abs(moved.image(photo).astype(int) - crop.image(photo))
    assert np.percentile(difference[4:-4, 4:-4], 99) <= 6  # OpenCV's warp and resize weigh pixels a little apart


def test_shrinking_averages():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    found = warp_to(Sizing(resize="square", size=16), (64, 64), Warp((32, 32), 64)).image(stripes)
    assert np.abs(found.astype(int) - 127).max() <= 1


def test_boxes_are_clipped_or_gone():
    moved = warp_to(SIZE, (100, 60), Warp((20, 20), 32))
    assert moved.box((0, 0, 100, 60)) == (0, 0, 64, 64)
    assert moved.box((60, 40, 70, 50)) is None


def test_native_keeps_the_window_s_size_and_an_enormous_one_is_refused():
    assert warp_to(Sizing(), (100, 60), Warp((50, 30), 41.4)).size_wh == (41, 41)
    assert warp_to(Sizing(multiple_of=16), (100, 60), Warp((50, 30), 41.4)).size_wh == (32, 32)
    with pytest.raises(BadItem, match="over the limit"):
        warp_to(Sizing(), (100, 60), Warp((50, 30), 1e6))
