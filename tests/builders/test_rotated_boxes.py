"""Rotated rectangles: geometry by hand and against OpenCV, drawing and finding."""

from __future__ import annotations

import itertools
import math
import random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.marks.rotated_boxes import (
    RotatedBox,
    box_of_corners,
    box_of_runs,
    corner_error,
    overlap,
    smallest_box,
    touch,
)
from taskpaint.builders.marks.rotated_drawing import Stroke
from taskpaint.builders.marks.rotated_finder import find_rotated_boxes
from taskpaint.builders.marks.rotated_settling import framed, settled
from taskpaint.builders.masks import regions
from taskpaint.builders.masks.run_lengths import read_counts
from taskpaint.manifests.recipe import Sizing

_HALF = math.sqrt(0.5)
_DIAMOND = RotatedBox(20, 20, 10 * math.sqrt(2), 10 * math.sqrt(2), _HALF, _HALF)


def _turned(x, y, width, height, degrees):
    return RotatedBox(x, y, width, height, math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


def _pixels(box, size_wh, outline):
    stroke = Stroke(box, size_wh, outline)
    return stroke.window, stroke.inside()


def _evidence(boxes, outline, size_wh=(160, 120)):
    found = np.full(size_wh[::-1], -1, np.int8)
    for box in boxes:
        window, inside = _pixels(box, size_wh, outline)
        found[window][inside] = 1
    return found


def test_corners_by_hand():
    assert RotatedBox(5, 3, 4, 2).corners().tolist() == [[3, 2], [7, 2], [7, 4], [3, 4]]
    assert _DIAMOND.corners().round(9).tolist() == [[20, 10], [30, 20], [20, 30], [10, 20]]
    upright = RotatedBox(5, 3, 4, 2, 0, 1)  # its width runs down: 2 wide and 4 high on the screen
    assert upright.corners().tolist() == [[4, 1], [6, 1], [6, 5], [4, 5]]


@pytest.mark.parametrize("box", [RotatedBox(5, 3, 4, 2), _DIAMOND, _turned(50, 40, 30, 12, 77)])
def test_corners_give_the_box_back(box):
    assert corner_error(box_of_corners(box.corners().tolist()), box) < 1e-9


def test_the_smallest_box_by_hand():
    box = smallest_box(np.array([[10, 0], [20, 10], [10, 20], [0, 10], [11, 9]], float))
    assert (box.x, box.y, box.width, box.height) == pytest.approx((10, 10, 200**0.5, 200**0.5))
    flat = smallest_box(np.array([[1, 1], [4, 5]], float))
    assert {round(flat.width, 9), round(flat.height, 9)} == {5, 0}
    assert smallest_box(np.array([[3, 4], [3, 4]], float))[:4] == (3, 4, 0, 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=3, max_size=15))
def test_the_smallest_box_is_opencvs(points):
    box = smallest_box(np.array(points, float))
    _, (width, height), _ = cv2.minAreaRect(np.array(points, np.float32))
    assert box.width * box.height == pytest.approx(width * height, abs=0.02)
    away = np.array(points, float) - (box.x, box.y)
    assert (np.abs(away @ [box.along_x, box.along_y]) <= box.width / 2 + 1e-6).all()
    assert (np.abs(away @ [-box.along_y, box.along_x]) <= box.height / 2 + 1e-6).all()


def test_pixels_are_those_whose_centre_lies_on_the_box():
    window, inside = _pixels(RotatedBox(5, 4, 6, 4), (20, 20), 0)
    assert window == (slice(2, 6), slice(2, 8)) and inside.all()
    window, inside = _pixels(RotatedBox(10, 10, 16, 12), (20, 20), 2)
    assert inside.sum() == 16 * 12 - 12 * 8
    assert _pixels(RotatedBox(10, 10, 16, 5), (20, 20), 2)[1].sum() == 16 * 4 + 16  # less than three lines: full
    window, inside = _pixels(_DIAMOND.grown(-0.5 * _HALF), (40, 40), 0)
    # |x - 20| + |y - 20| <= 9.5 at the centres: rows of 18, 16 ... 2 pixels, above and below the middle
    assert inside.sum() == 2 * sum(range(2, 19, 2))
    assert _pixels(RotatedBox(-30, -30, 6, 4), (20, 20), 0)[1].size == 0


_TURNS = st.one_of(st.sampled_from([0.0, 45.0, 90.0, 180.0, 270.0]), st.floats(0, 360))
_BOXES = st.builds(_turned, st.floats(-20, 80), st.floats(-20, 60), st.floats(1, 90), st.floats(1, 90), _TURNS)


@settings(max_examples=200, deadline=None)
@given(_BOXES, st.sampled_from([0, 2, 3, 5]))
def test_pixels_against_the_distance_of_each_centre(box, outline):
    """All pixels but those whose centre lies on a side, where rounding decides."""
    (rows, columns), inside = _pixels(box, (60, 40), outline)
    painted = np.zeros((40, 60), bool)
    painted[rows, columns] = inside
    down, right = np.mgrid[:40, :60] + 0.5
    away = np.stack([right - box.x, down - box.y], axis=-1)
    across = np.abs(away @ [box.along_x, box.along_y]) - box.width / 2
    below = np.abs(away @ [-box.along_y, box.along_x]) - box.height / 2
    depth = -np.maximum(across, below)  # how far inside the nearest side a centre lies
    full = not outline or min(box.width, box.height) < 3 * outline
    expected = (depth > 0) if full else (depth > 0) & (depth < outline)
    sure = (np.abs(depth) > 2e-6) & (full | (np.abs(depth - outline) > 2e-6))
    np.testing.assert_array_equal(painted[sure], expected[sure])


@settings(max_examples=150, deadline=None)
@given(_BOXES, st.sampled_from([0, 2, 3, 5]))
def test_places_are_those_of_the_pixels(box, outline):
    window, inside = _pixels(box, (60, 40), outline)
    painted = np.zeros((40, 60), bool)
    painted[window] = inside
    np.testing.assert_array_equal(Stroke(box, (60, 40), outline).places(), np.flatnonzero(painted))


def test_just_these_pixels_are_painted():
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    boxes = _turned(40, 30, 50, 24, 33), _turned(2, 58, 30, 20, 100), RotatedBox(-50, -50, 8, 8)
    for box, outline in itertools.product(boxes, (0, 3)):
        painted = photo.copy()
        Stroke(box, (80, 60), outline).paint(painted, (1, 2, 3))
        (rows, columns), inside = _pixels(box, (80, 60), outline)
        expected = photo.copy()
        expected[rows, columns][inside] = (1, 2, 3)
        np.testing.assert_array_equal(painted, expected)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([0.01, 0.2, 0.95]),
    st.sampled_from(["native", "square", "stretch", "pad"]),
)
def test_the_box_of_runs_is_that_of_the_pixels_shown(seed, height, width, share, resize):
    mask = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)
    geometry = fit(Sizing(resize=resize, size=16 + seed % 50), (width, height), None, random.Random(seed))
    shown = geometry.labels(mask)
    runs = read_counts(regions.encode(mask)["counts"])
    (_, across), (_, down) = geometry.grid()
    box = box_of_runs(runs, height, None if geometry.is_native else (across, down))
    if not shown.any():
        assert box is None
        return
    offset = np.array(geometry.offset_xy)
    rows, columns = np.nonzero(shown)
    corners = np.concatenate([np.stack([columns + i, rows + j], axis=1) for i in (0, 1) for j in (0, 1)])
    _, (long, wide), _ = cv2.minAreaRect(corners.astype(np.float32))
    assert box.width * box.height == pytest.approx(long * wide, rel=1e-3, abs=0.02)
    away = corners - offset - (box.x, box.y)
    assert (np.abs(away @ [box.along_x, box.along_y]) <= box.width / 2 + 1e-6).all()
    assert (np.abs(away @ [-box.along_y, box.along_x]) <= box.height / 2 + 1e-6).all()


def test_colours_under_an_outline():
    photo = np.zeros((60, 60, 3), np.uint8)
    photo[25:35, 25:35] = 200  # in the hole
    assert not Stroke(RotatedBox(30, 30, 40, 40), (60, 60), 2).under(photo).any()
    assert Stroke(RotatedBox(30, 30, 40, 40), (60, 60), 0).under(photo).any()
    assert Stroke(RotatedBox(-30, -30, 8, 8), (60, 60), 2).under(photo).shape == (0, 3)


@pytest.mark.parametrize("outline", [0, 3])
@pytest.mark.parametrize("width", [30, 150, 500])
@pytest.mark.parametrize("degrees", [0, 17, 80])
def test_colours_under_a_box_are_those_of_its_pixels_and_of_those_beside_it(outline, width, degrees):
    numbers = np.arange(120 * 200)  # every pixel has a colour of its own
    photo = np.stack([numbers % 256, numbers // 256, 0 * numbers], axis=1).astype(np.uint8).reshape(120, 200, 3)
    box = _turned(60, 50, width, 40, degrees)
    window, inside = _pixels(box, (200, 120), outline)
    painted = np.zeros((120, 200), np.uint8)
    painted[window] = inside
    colours = Stroke(box, (200, 120), outline).under(photo).astype(int)
    rows, columns = np.divmod(colours[:, 0] + 256 * colours[:, 1], 200)
    cross = np.zeros((5, 5), np.uint8)
    cross[[0, 2, 2, 2, 4], [2, 0, 2, 4, 2]] = 1
    assert cv2.dilate(painted, cross)[rows, columns].all()
    assert painted[rows, columns].sum() >= min(painted.sum(), 400)
    assert len(colours) <= 5 * 800
    steps = np.diff(np.flatnonzero(np.isin(np.flatnonzero(painted), rows * 200 + columns)))
    assert steps.max() <= max(1, painted.sum() // 400)  # so many pixels are passed over at most


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 60)] * 2, *[st.floats(12, 60)] * 2, _TURNS), min_size=2, max_size=2))
def test_boxes_touch_where_they_overlap_once_grown(pair):
    first, second = (_turned(*one) for one in pair)
    for gap in (-1.0, 0.0, 3.0):
        shared = overlap(first.grown(gap / 2), second.grown(gap / 2))
        assert touch(first, second, gap) or shared < 1e-9
        assert not touch(first, second, gap - 1e-6) or shared > 0


def test_overlap_by_hand():
    first = RotatedBox(10, 10, 10, 10)
    assert overlap(first, first) == pytest.approx(1)
    assert overlap(first, RotatedBox(15, 10, 10, 10)) == pytest.approx(50 / 150)
    assert overlap(first, RotatedBox(30, 10, 10, 10)) == 0
    # a square and itself turned by 45 degrees share a regular octagon: 2 (sqrt(2) - 1) of the square
    octagon = 2 * (math.sqrt(2) - 1) * 100
    assert overlap(first, RotatedBox(10, 10, 10, 10, _HALF, _HALF)) == pytest.approx(octagon / (200 - octagon))


def test_corner_error_is_that_of_the_best_way_around():
    box = RotatedBox(10, 10, 8, 4)
    assert corner_error(box, RotatedBox(10, 10, 4, 8, 0, 1)) == pytest.approx(0)
    assert corner_error(box, RotatedBox(13, 14, 8, 4)) == pytest.approx(5)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(60, 100),
    st.floats(45, 75),
    st.floats(20, 90),
    st.floats(20, 60),
    st.floats(0, 180),
    st.sampled_from([0, 2, 3, 5]),
)
def test_one_box_is_found_at_any_angle(x, y, width, height, degrees, outline):
    box = _turned(x, y, width, height, degrees)
    found = find_rotated_boxes(_evidence([box], outline), outline)
    shared = (width - 0.5) * (height - 0.5)  # half a pixel off both ways, as where all sides lie on centres of pixels
    least = min(0.93, shared / (2 * width * height - shared) - 1e-6)
    assert len(found) == 1 and corner_error(found[0], box) <= 1 and overlap(found[0], box) >= least


@pytest.mark.parametrize(("outline", "degrees"), [(0, 0), (0, 33), (4, 0), (4, 61)])
def test_a_box_settles_on_the_edges_beside_it(outline, degrees):
    """From two pixels beside and three degrees askew; paint begins at pixels' centres: half a pixel may remain."""
    box = _turned(80.3, 60.6, 70, 44, degrees)
    away = _turned(82, 59, 67, 46, degrees + 3)
    frame = framed(_evidence([box], outline))
    found = settled(frame, away, outline)
    assert found is not None and corner_error(found, box) < math.sqrt(0.5) < corner_error(away, box)
    assert math.hypot(found.along_x, found.along_y) == pytest.approx(1)


def test_a_box_without_edges_stays_or_collapses():
    frame = framed(np.zeros((60, 60), np.int8))
    box = _turned(30, 30, 20, 12, 20)
    assert settled(frame, box, 2) == pytest.approx(box)
    beyond = _turned(-500, 900, 20, 12, 20)  # nothing is looked up outside the picture
    assert settled(frame, beyond, 0) == pytest.approx(beyond)
    line = np.full((60, 60), -1, np.int8)
    line[30] = 1
    assert settled(framed(line), RotatedBox(30, 30.5, 20, 4), 1) is None


def test_a_sloppy_outline_is_still_one_box():
    box = _turned(80, 60, 70, 40, 30)
    evidence = _evidence([box], 3)
    draw = random.Random(0)
    for _ in range(400):  # specks of both kinds, and gaps
        evidence[draw.randrange(120), draw.randrange(160)] *= -1
    evidence[55:60, 40:110] = -1
    found = find_rotated_boxes(evidence, 3)
    assert len(found) == 1 and corner_error(found[0], box) < 2


def test_nothing_painted():
    assert find_rotated_boxes(np.full((50, 50), -1, np.int8), 3) == []
    assert find_rotated_boxes(np.zeros((50, 50), np.int8), 0) == []


@pytest.mark.parametrize(
    ("box", "outline", "size_wh"),
    [
        (_turned(258, 56, 98, 96, 46), 3, (320, 240)),  # two corners are outside: the line is in two pieces
        (_turned(207.7, 443.5, 215.4, 69.5, 155.3), 4, (640, 457)),  # the hole does not reach as far as the line does
        (_turned(231.3, 149, 12.9, 18.1, 45.3), 3, (240, 160)),  # small, and a piece of it is cut off
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_one_box_that_leaves_the_picture_is_found(box, outline, size_wh, told):
    evidence = _evidence([box], outline, size_wh)
    if not told:
        evidence[0, 0] = 0  # so that all seeds are tried
    (found,) = find_rotated_boxes(evidence, outline)
    assert corner_error(found, box) < 1
