"""Colours that nobody named: as many as fit, all apart."""

from __future__ import annotations

import math
import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.masks.free_colors import APART, CAPACITY, pack_colors
from taskpaint.manifests.errors import NotApplicable

BLACK = (0, 0, 0)


def _least_distance(colors):
    return min((math.dist(first, second) for first, second in combinations(colors, 2)), default=math.inf)


@settings(deadline=None, max_examples=30)
@given(count=st.integers(0, 40), seed=st.integers(0, 10**6), taken=st.lists(st.tuples(*[st.integers(0, 255)] * 3)))
def test_colors_keep_their_distance_from_each_other_and_from_those_taken(count, seed, taken):
    taken = taken[:3]
    found = pack_colors(count, random.Random(seed), avoid=taken)
    assert len(found) == len(set(found)) == count
    assert _least_distance(found) >= APART
    assert all(math.dist(color, other) >= APART for color in found for other in taken)
    assert all(0 <= level <= 255 for color in found for level in color)


@pytest.mark.parametrize(("apart", "capacity"), [(48, 145), (64, 68), (96, 27), (128, 11)])
def test_the_capacities_are_those_measured(apart, capacity):
    assert CAPACITY[apart] == capacity
    # Random packing in place of a loop over our own function: candidates in turn, kept when none kept is near.
    sizes = []
    for seed in range(3):
        kept = np.zeros((0, 3))
        for candidate in np.random.default_rng(seed).integers(0, 256, (20_000, 3)):
            if not len(kept) or ((kept - candidate) ** 2).sum(axis=1).min() >= apart**2:
                kept = np.vstack([kept, candidate])
        sizes.append(len(kept))
    assert 0.8 * capacity <= np.mean(sizes) <= 1.1 * capacity
    # What other packings reach, ours reaches too, and a fifth more than the table says never fits.
    assert len(pack_colors(math.floor(np.mean(sizes)), random.Random(1), apart=apart)) == math.floor(np.mean(sizes))
    with pytest.raises(NotApplicable, match="do not fit into RGB"):
        pack_colors(math.ceil(1.3 * capacity), random.Random(1), apart=apart)


def test_the_same_draw_gives_the_same_colors():
    assert pack_colors(20, random.Random(5), avoid=[BLACK]) == pack_colors(20, random.Random(5), avoid=[BLACK])
    assert pack_colors(20, random.Random(5)) != pack_colors(20, random.Random(6))


def test_a_cube_that_is_taken_has_no_room():
    corners = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    with pytest.raises(NotApplicable, match=r"0 do$"):
        pack_colors(1, random.Random(0), apart=230, avoid=[*corners, (128, 128, 128)])
