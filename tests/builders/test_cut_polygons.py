"""The part of a polygon in a picture: by hand, against other ways of cutting, and against painted pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import skimage.draw
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks import cut_polygons
from taskpaint.builders.marks.convex_polygons import part_in_picture

_SQUARE = np.array([[-5, -5], [5, -5], [5, 5], [-5, 5]], float)


def points_in_picture(polygon, size_wh):
    return np.array(cut_polygons.points_in_picture(polygon.tolist(), size_wh), float).reshape(-1, 2)


def _same_hull(points, other):
    """Whether both reach equally far in every direction."""
    turns = np.linspace(0, 2 * math.pi, 361)
    ways = np.stack([np.cos(turns), np.sin(turns)])
    return np.abs((np.array(points) @ ways).max(axis=0) - (np.array(other) @ ways).max(axis=0)).max() < 1e-5


def test_a_square_by_hand():
    assert sorted(points_in_picture(_SQUARE, (20, 20)).tolist()) == [[0, 0], [0, 5], [5, 0], [5, 5]]
    assert points_in_picture(_SQUARE - 10, (20, 20)).shape == (0, 2)
    np.testing.assert_array_equal(points_in_picture(_SQUARE + 8, (20, 20)), _SQUARE + 8)


def test_what_only_touches_the_picture_is_not_shown():
    assert points_in_picture(_SQUARE - np.array([5, 0]), (20, 20)).shape == (0, 2)  # a side lies along the edge
    assert points_in_picture(_SQUARE + np.array([25, 10]), (20, 20)).shape == (0, 2)
    assert points_in_picture(_SQUARE - 5, (20, 20)).shape == (0, 2)  # at a corner
    diagonal = np.array([[-4, 4], [4, -4], [-4, -4]], float)  # its long side passes through the corner
    assert points_in_picture(diagonal, (20, 20)).shape == (0, 2)


def test_a_polygon_around_the_picture_shows_all_of_it():
    around = np.array([[-9, -9], [40, -9], [40, 50], [-9, 50]], float)
    assert sorted(points_in_picture(around, (20, 30)).tolist()) == [[0, 0], [0, 30], [20, 0], [20, 30]]


def test_legs_that_reach_in_do_not_bring_the_corner_between_them():
    # an L whose knee lies outside: it comes in over the upper edge and over the left one, past the corner (0, 0)
    knee = np.array([[-6, -6], [8, -6], [8, 3], [6, 3], [6, -4], [-4, -4], [-4, 6], [3, 6], [3, 8], [-6, 8]], float)
    found = sorted(map(tuple, np.unique(points_in_picture(knee, (20, 20)), axis=0).tolist()))
    assert found == [(0, 6), (0, 8), (3, 6), (3, 8), (6, 0), (6, 3), (8, 0), (8, 3)]


def test_what_is_gone_around_twice_is_outside():
    # a square with a square hole cut out of it by a slit; the picture lies in the hole but for its lower part
    ring = np.array(
        [[-9, -9], [29, -9], [29, 29], [-9, 29], [-9, -9], [-2, -2], [-2, 15], [22, 15], [22, -2], [-2, -2]]
    )
    found = points_in_picture(ring.astype(float), (20, 20))
    assert _same_hull(found, [(0, 15), (20, 15), (20, 20), (0, 20)])


_PLACES = st.floats(-60, 120, allow_nan=False, width=32) | st.sampled_from([0.0, 40.0, 60.0, -1e-7, 40.0000001])


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(_PLACES, _PLACES),
    st.lists(st.tuples(st.integers(0, 359), st.floats(3, 90)), min_size=3, max_size=12, unique_by=lambda one: one[0]),
    st.booleans(),
)
def test_a_star_is_cut_like_the_triangles_it_is_made_of(middle, rays, backwards):
    """Sutherland and Hodgman cut convex shapes; a shape seen whole from its middle is made of such."""
    rays = sorted((math.radians(degrees), far) for degrees, far in rays)
    gaps = [(rays[(at + 1) % len(rays)][0] - rays[at][0]) % (2 * math.pi) for at in range(len(rays))]
    if max(gaps) > 3:
        return
    corners = [(middle[0] + math.cos(turn) * far, middle[1] + math.sin(turn) * far) for turn, far in rays]
    parts = [
        part_in_picture([middle, corners[at - 1], corners[at]], (40, 60)) for at in range(len(corners))
    ]  # clockwise on the screen, as turns grow
    expected = [corner for part in parts for corner in part]
    found = points_in_picture(np.array(corners[::-1] if backwards else corners), (40, 60)).tolist()
    assert all(-1e-9 <= x <= 40 + 1e-9 and -1e-9 <= y <= 60 + 1e-9 for x, y in found)
    if not found:
        assert not expected or min(np.ptp(expected, axis=0)) < 1e-5
    elif expected and min(np.ptp(expected, axis=0)) > 1e-5:
        assert _same_hull(found, expected)


@pytest.mark.parametrize("seed", range(40))
def test_the_hull_is_that_of_the_pixels(seed):
    """Any polygon, its sides may cross, painted eight times as large by the even-odd rule."""
    draw = np.random.default_rng(seed)
    polygon = draw.uniform(-25, 65, (draw.integers(3, 9), 2))
    found = points_in_picture(polygon, (40, 40))
    fine = (polygon[:, ::-1] + 30) * 8
    mask = skimage.draw.polygon2mask((800, 800), fine - 0.5)[240:560, 240:560]
    if mask.sum() < 200:
        return
    rows, columns = np.nonzero(mask)
    pixels = np.stack([columns + 0.5, rows + 0.5], axis=1) / 8
    hull = cv2.convexHull(found.astype(np.float32))
    painted = cv2.convexHull(pixels.astype(np.float32))
    assert min(cv2.pointPolygonTest(hull, (float(x), float(y)), True) for x, y in pixels[:: len(pixels) // 100]) > -0.01
    area = cv2.contourArea(hull)
    length = cv2.arcLength(hull, True)
    assert cv2.contourArea(painted) == pytest.approx(area, abs=0.25 * length)
