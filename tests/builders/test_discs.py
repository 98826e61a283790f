"""Discs and rings: the formula pixel by pixel, and the finder on maps drawn here, not by the builder."""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.disc_finder import find_marks
from taskpaint.builders.marks.discs import MarkShape, can_be_read, pixels_under, stamp, stamp_all

_DISC = MarkShape(10.0)


def _belongs(i, j, center, shape):
    squared = (i - center[0]) ** 2 + (j - center[1]) ** 2
    return squared <= shape.outer**2 and not (shape.inner > 0 and squared <= shape.inner**2)


def _map(size_wh, marks, shape):
    """-1 bare, 1 painted; written out by the formula."""
    width, height = size_wh
    return np.array(
        [[1 if any(_belongs(i, j, m, shape) for m in marks) else -1 for i in range(width)] for j in range(height)],
        np.int8,
    )


def _worst(found, true):
    assert len(found) == len(true)
    return max((min(math.dist(a, b) for b in found) for a in true), default=0.0)


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.5, 29.5), st.floats(-0.5, 19.5), st.floats(3, 9), st.sampled_from([0.0, 1.5, 2.7]))
def test_pixels_follow_the_formula(x, y, outer, thickness):
    shape = MarkShape(outer, outer - thickness if thickness else -1.0)
    image = np.zeros((20, 30, 3), np.uint8)
    stamp(image, (x, y), shape, (9, 8, 7))
    for j in range(20):
        for i in range(30):
            assert image[j, i].tolist() == ([9, 8, 7] if _belongs(i, j, (x, y), shape) else [0, 0, 0])


def test_counts_by_hand():
    image = np.zeros((9, 9, 3), np.uint8)
    stamp(image, (4, 4), MarkShape(3.0), (255, 0, 0))
    assert (image[:, :, 0] > 0).sum() == 29  # lattice points within 3 of one: 1 + 7 * 4, Gauss's circle problem
    ring = np.zeros((9, 9, 3), np.uint8)
    stamp(ring, (4, 4), MarkShape(3.0, 1.0), (255, 0, 0))
    assert (ring[:, :, 0] > 0).sum() == 29 - 5  # without the centre and its four neighbours


def test_a_mark_outside_changes_nothing():
    image = np.zeros((9, 9, 3), np.uint8)
    stamp(image, (-20.0, 4.0), _DISC, (255, 0, 0))
    stamp(image, (4.0, 60.0), _DISC, (255, 0, 0))
    assert not image.any()


def test_size_follows_the_image():
    assert MarkShape.scaled("disc", (256, 300), 0.04, 0.012) == MarkShape(10.24)
    assert MarkShape.scaled("disc", (40, 30), 0.04, 0.012) == MarkShape(3.0)
    assert MarkShape.scaled("ring", (500, 700), 0.04, 0.012) == MarkShape(20.0, 14.0)
    assert MarkShape.scaled("ring", (40, 30), 0.04, 0.012) == MarkShape(3.0, 1.5)


def test_pixels_under_include_the_rim():
    image = np.zeros((40, 40, 3), np.uint8)
    image[20, 31] = (1, 2, 3)  # one pixel beyond a disc of radius 10 at (20, 20)
    assert [1, 2, 3] in pixels_under(image, [(20.0, 20.0)], _DISC)[:, :].tolist()
    assert pixels_under(image, [], _DISC).shape == (0, 3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 120), st.floats(-20, 90)), max_size=6),
    st.floats(3, 45),
    st.sampled_from([0.0, 1.5, 8.0]),
)
def test_many_at_once(marks, outer, thickness):
    shape = MarkShape(outer, outer - thickness if thickness else -1.0)
    image = np.arange(70 * 100 * 3).reshape(70, 100, 3).astype(np.uint8)
    image[:, :, 0], image[:, :, 1] = np.arange(70)[:, None], np.arange(100)  # a pixel's colour says where it is
    single, together = image.copy(), image.copy()
    for mark in marks:
        stamp(single, mark, shape, (1, 2, 255))
    stamp_all(together, marks, shape, (1, 2, 255))
    assert np.array_equal(together, single)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 120), st.floats(-20, 90)), min_size=1, max_size=6),
    st.floats(3, 45),
    st.sampled_from([0.0, 1.5, 8.0]),
)
def test_pixels_under_are_those_of_the_marks_and_those_they_touch(marks, outer, thickness):
    shape = MarkShape(outer, max(outer - thickness, outer / 2) if thickness else -1.0)
    image = np.zeros((70, 100, 3), np.uint8)
    image[:, :, 0], image[:, :, 1] = np.arange(70)[:, None], np.arange(100)  # a pixel's colour says where it is
    colours = pixels_under(image, marks, shape)
    seen = np.zeros((70, 100), bool)
    seen[colours[:, 0], colours[:, 1]] = True
    middles = np.array(marks)[:, None, None]
    away = np.hypot(np.arange(100) - middles[..., 0], np.arange(70)[:, None] - middles[..., 1])
    beside = 1 + math.sqrt(0.5)  # marks are taken to lie on whole pixels
    assert not seen[((away > outer + beside) | (away < shape.inner - beside)).all(axis=0)].any()
    assert len(colours) <= 500 * len(marks)
    gap = max(1, math.ceil(math.sqrt(math.pi * ((outer + 1) ** 2 - max(shape.inner - 1, 0) ** 2) / 400)))
    near = cv2.dilate(seen.astype(np.uint8), np.ones((2 * gap - 1, 2 * gap - 1), np.uint8))
    well_in = ((away < outer - gap) & (away > shape.inner + gap)).any(axis=0)  # no pixel of a mark is far from one seen
    assert near[well_in].all()


def test_a_picture_that_would_be_copied_is_refused():
    with pytest.raises(ValueError, match="copy"):
        stamp_all(np.zeros((9, 18, 3), np.uint8)[:, :9], [(4.0, 4.0)], _DISC, (1, 1, 1))


@pytest.mark.parametrize("shape", [_DISC, MarkShape(10.0, 7.5)])
@pytest.mark.parametrize(
    "marks",
    [
        [],
        [(30.25, 20.75)],
        [(0.0, 25.0)],
        [(59.4, 25.3)],
        [(20.0, 20.0), (32.1, 20.4)],
        [(20.0, 20.0), (32.0, 20.0), (26.0, 30.4)],
        [(10.0, 10.0), (45.5, 30.5), (45.0, 9.9)],
    ],
)
def test_found_where_they_were_drawn(marks, shape):
    assert _worst(find_marks(_map((60, 45), marks, shape), shape), marks) < 0.3


def test_found_under_another_colour():
    evidence = _map((60, 45), [(25.3, 20.6)], _DISC)
    evidence[_map((60, 45), [(37.5, 20.6)], _DISC) > 0] = 0
    assert _worst(find_marks(evidence, _DISC), [(25.3, 20.6)]) < 0.3


def test_noise_and_blots_are_no_marks():
    noise = np.random.default_rng(5)
    evidence = _map((90, 90), [(30.4, 60.2)], _DISC)
    evidence[noise.random(evidence.shape) < 0.05] *= -1
    evidence[8:13, 60:65] = 1
    assert _worst(find_marks(evidence, _DISC), [(30.4, 60.2)]) < 0.5


def test_what_cannot_be_read():
    size = (200, 200)
    assert can_be_read([(50, 50)], [0], _DISC, size)
    assert can_be_read([], [], _DISC, size)
    assert can_be_read([(50, 50), (62.1, 50)], [0, 0], _DISC, size)
    assert not can_be_read([(50, 50), (61.9, 50)], [0, 1], _DISC, size)
    # a corner leaves a quarter of the edge, the middle of a side a half
    assert can_be_read([(0, 50)], [0], _DISC, size)
    assert not can_be_read([(0, 0)], [0], _DISC, size)
    # ringed by six later discs nothing is left to see; earlier ones do not hide it
    around = [(100 + 12.5 * math.cos(n * math.pi / 3), 100 + 12.5 * math.sin(n * math.pi / 3)) for n in range(6)]
    assert not can_be_read([(100, 100), *around], [0, 1, 1, 1, 1, 1, 1], _DISC, size)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([3.0, 5.5, 10.24]), st.booleans())
def test_whatever_can_be_read_is_read(seed, outer, ring):
    draw = random.Random(seed)
    shape = MarkShape(outer, outer - max(1.5, outer / 4) if ring else -1.0)
    marks, owners = [], []
    for _ in range(draw.randint(1, 9)):
        more = [*marks, (draw.uniform(-0.5, 69.4), draw.uniform(-0.5, 54.4))]
        owned = [*owners, draw.randrange(2)]
        if can_be_read(more, owned, shape, (70, 55)):
            marks, owners = more, owned
    image = np.zeros((55, 70, 3), np.uint8)
    for mark, owner in zip(marks, owners, strict=True):
        stamp(image, mark, shape, (owner + 1,) * 3)
    for owner in (0, 1):
        seen = image[:, :, 0].astype(np.int8)
        evidence = np.where(seen == owner + 1, 1, np.where(seen == 0, -1, 0)).astype(np.int8)
        true = [mark for mark, whose in zip(marks, owners, strict=True) if whose == owner]
        assert _worst(find_marks(evidence, shape), true) <= 1.0
