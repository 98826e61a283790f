"""Which marks can be read back: against the definition, written out for all marks at once."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.disc_edges import distances
from taskpaint.builders.marks.discs import MarkShape, can_be_read
from taskpaint.builders.marks.mark_layout import readable_ones

_SIZE = (90, 70)


def _defined(marks, owners, shape, size_wh):
    """All centres 1.2 radii apart, and of 48 points on each edge enough to see, by the eigenvalues of their normals."""
    points = np.array(marks, float).reshape(-1, 2)
    for at, mark in enumerate(points):
        if any(np.hypot(*(mark - other)) < 1.2 * shape.outer for other in points[:at]):
            return False
    for at, (mark, owner) in enumerate(zip(points, owners, strict=True)):
        normals = []
        for step in range(48):
            normal = np.array([math.cos(step * math.pi / 24), math.sin(step * math.pi / 24)])
            edge = mark + shape.outer * normal
            if not ((edge > -0.5).all() and edge[0] < size_wh[0] - 0.5 and edge[1] < size_wh[1] - 0.5):
                continue
            for other_at, (other, other_owner) in enumerate(zip(points, owners, strict=True)):
                away = np.hypot(*(edge - other))
                hides = away <= shape.outer + 1 and (shape.inner <= 0 or away >= shape.inner - 1)
                if other_at != at and hides and (other_at > at or other_owner == owner):
                    break
            else:
                normals.append(normal)
        matrix = sum((np.outer(normal, normal) for normal in normals), np.zeros((2, 2)))
        information = np.linalg.eigvalsh(matrix)[0] * 2 * math.pi * shape.outer / 48
        if information < max(6.5, 0.18 * math.pi * shape.outer):
            return False
    return True


def _crowd(seed, count, colors):
    draw = random.Random(seed)
    spread = draw.choice([12, 30, 90])
    marks = []
    for _ in range(count):
        x, y = draw.uniform(-0.5, min(spread, 89.4)), draw.uniform(-0.5, min(spread, 69.4))
        marks.append((round(x, 2), round(y, 2)))
    return marks, [draw.randrange(colors) for _ in marks]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 7), st.integers(1, 3), st.sampled_from([3.0, 5.12, 9.5]), st.floats(0, 0.9)
)
def test_by_the_definition(seed, count, colors, outer, hole):
    marks, owners = _crowd(seed, count, colors)
    shape = MarkShape(outer, outer * hole if hole > 0.2 else -1.0)
    assert can_be_read(marks, owners, shape, _SIZE) == _defined(marks, owners, shape, _SIZE)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 25), st.integers(1, 4), st.sampled_from([3.0, 4.4]), st.booleans())
def test_in_turn_by_the_definition(seed, count, colors, outer, ring):
    marks, owners = _crowd(seed, count, colors)
    shape = MarkShape(outer, outer - 1.5 if ring else -1.0)
    kept = []
    for at in range(count):
        order = [*kept, at]
        if _defined([marks[one] for one in order], [owners[one] for one in order], shape, _SIZE):
            kept = order
    assert readable_ones(marks, owners, shape, _SIZE) == kept


def test_distances_by_hand():
    apart = distances(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]))
    assert apart.tolist() == [[math.inf, 5, 3], [5, math.inf, 4], [3, 4, math.inf]]


@pytest.mark.parametrize(("x", "expected"), [(0.0, True), (-0.4, True), (50.0, True), (99.5, True), (110.0, False)])
def test_a_mark_cut_off_by_the_right_or_left_edge(x, expected):
    # half a disc of radius 10 leaves 24 of 48 points, worth 12 * 2 pi 10 / 48 = 15.7 of the 6.5 that are needed
    assert can_be_read([(x, 50.0)], [0], MarkShape(10.0), (100, 100)) is expected
    assert readable_ones([(x, 50.0)], [0], MarkShape(10.0), (100, 100)) == [0] * expected
