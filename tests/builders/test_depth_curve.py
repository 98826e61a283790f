"""Depth to shares of a ramp: hand-calculated places, and the path of metric depth against a plain search."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from taskpaint.builders.depths.curve import (
    CURVES,
    NO_DEPTH_RGB,
    PATH_COLORS,
    PATH_STEPS,
    DepthScale,
    nearest_code,
    path_colors,
)

CORNER_RGB = {
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "yellow": (255, 255, 0),
    "green": (0, 255, 0),
    "cyan": (0, 255, 255),
    "blue": (0, 0, 255),
    "magenta": (255, 0, 255),
    "white": (255, 255, 255),
}


@pytest.mark.parametrize(
    ("depth_m", "share", "name"),
    [
        (2.0, 0.2, "linear"),
        (5.0, 0.5, "linear"),
        (1.0, math.log(2) / math.log(20), "log"),
        (math.sqrt(5), 0.5, "log"),
        (1.0, (2 - 1) / (2 - 0.1), "inverse"),
        (4.0, (2 - 0.25) / (2 - 0.1), "inverse"),
    ],
)
def test_places_on_a_scale(depth_m, share, name):
    scale = DepthScale(0.0 if name == "linear" else 0.5, 10.0, name)
    assert scale.share(np.array([depth_m]))[0] == pytest.approx(share)
    assert scale.depth_m(np.array([share]))[0] == pytest.approx(depth_m)
    assert scale.share(np.array([0.0, scale.near_m, 10.0, 90.0])).tolist() == [0, 0, 1, 1]
    assert scale.holds(np.array([scale.near_m, 3.0, 10.0, 10.1])).tolist() == [True, True, True, False]


@pytest.mark.parametrize("name", ["linear", "log", "inverse"])
def test_a_scale_of_one_depth_does_not_divide_by_zero(name):
    scale = DepthScale(2.5, 2.5, name)
    assert scale.share(np.array([2.5])).tolist() == [0]
    assert scale.depth_m(np.zeros(1))[0] == pytest.approx(2.5)


def test_the_corners_of_the_curve():
    # u = 1 - (1 + d/10)^-2 is k/7 at d = 10 ((1 - k/7)^-1/2 - 1)
    corners_m = [0, 0.80, 1.83, 3.23, 5.28, 8.71, 16.46]
    assert CURVES["near"].decoded_m(255 * np.arange(7)) == pytest.approx(corners_m, abs=0.005)
    assert CURVES["near"].codes(CURVES["near"].depth_m(np.arange(7) / 7)).tolist() == [255 * k for k in range(7)]
    colors = path_colors()
    assert [tuple(colors[255 * k].tolist()) for k in range(8)] == [CORNER_RGB[name] for name in PATH_COLORS]


def test_the_far_curve_by_hand():
    # 1 - (1 + 240/480)^-3 = 1 - 8/27
    assert CURVES["far"].share(np.array([240.0]))[0] == pytest.approx(19 / 27)
    assert CURVES["far"].depth_m(np.array([19 / 27]))[0] == pytest.approx(240)


def test_beyond_the_horizon_all_is_white():
    # the last half step begins at (1 + d/10)^-2 = 0.5/1785
    near = CURVES["near"]
    assert near.horizon_m == pytest.approx(10 * (math.sqrt(3570) - 1))
    assert near.codes(np.array([412.0, 500.0, near.horizon_m + 1, 1e9])).tolist() == [1784, 1784, 1785, 1785]
    assert np.isfinite(near.decoded_m(np.array([PATH_STEPS])))[0]


def test_half_a_step_is_as_published():
    # the derivative gives 5/1785/2 (1 + d/10)^3, 0.0014 (1 + d/10)^3
    depth = np.array([0.0, 1.0, 5.0, 20.0, 40.0])
    assert CURVES["near"].half_step_m(depth) == pytest.approx(0.0014 * (1 + depth / 10) ** 3, rel=0.02)


def test_the_path_changes_one_channel_by_one_level_a_step():
    colors = path_colors().astype(int)
    assert colors.shape == (1786, 3)
    assert (np.abs(np.diff(colors, axis=0)).sum(axis=1) == 1).all()
    assert len(np.unique(colors, axis=0)) == 1786


def test_the_colour_of_no_depth_is_far_from_the_path():
    assert (((path_colors().astype(int) - NO_DEPTH_RGB) ** 2).sum(axis=1)).min() >= 179**2


@given(arrays(np.uint8, (2, 4, 3), elements=st.integers(0, 255)))
def test_the_nearest_point_of_the_path(image):
    codes, squared = nearest_code(image)
    difference = image.reshape(-1, 1, 3).astype(int) - path_colors()[None].astype(int)
    distances = (difference**2).sum(axis=2)
    assert np.array_equal(squared.ravel(), distances.min(axis=1))
    assert np.array_equal(distances[np.arange(8), codes.ravel()], squared.ravel())


def test_every_colour_of_the_path_is_its_own_nearest():
    codes, squared = nearest_code(path_colors()[None])
    assert np.array_equal(codes[0], np.arange(PATH_STEPS + 1))
    assert not squared.any()
