"""Pairing: against every permutation."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from taskpaint.builders.marks.matching import assign, assign_within

_COSTS = arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 20).map(float))


@settings(max_examples=150, deadline=None)
@given(_COSTS)
def test_no_permutation_is_cheaper(costs):
    pairs = assign(costs)
    rows, columns = costs.shape
    short, long = sorted(costs.shape)
    table = costs if rows <= columns else costs.T
    best = min(
        sum(table[row, column] for row, column in enumerate(order))
        for order in itertools.permutations(range(long), short)
    )
    assert len(pairs) == short
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == short
    assert sum(costs[pair] for pair in pairs) == best


def test_by_hand():
    assert assign(np.zeros((0, 3))) == []
    assert assign(np.zeros((2, 0))) == []
    # taking the cheapest first (0, 0) would force the 9
    assert assign(np.array([[1.0, 2.0], [2.0, 9.0]])) == [(0, 1), (1, 0)]


def test_far_pairs_stay_apart():
    # the far point (row 1) may not push the near one (row 0) to a worse partner
    assert assign_within(np.array([[0.5, 3.0], [40.0, 80.0]]), 5) == [(0, 0)]
    assert assign_within(np.array([[9.0]]), 5) == []
