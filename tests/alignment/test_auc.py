"""The area under the ROC curve, against its definition and against the trapezoids under the curve itself."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.alignment.auc import auc_within, won_pairs


def under_the_curve(numbers: list[float], chosen: list[bool]) -> float:
    """Trapezoids under the points (false positive rate, true positive rate) of every threshold."""
    points = [(0.0, 0.0)]
    for threshold in sorted(set(numbers), reverse=True):
        hit = [one >= threshold for one in numbers]
        right = sum(h and c for h, c in zip(hit, chosen, strict=True)) / sum(chosen)
        wrong = sum(h and not c for h, c in zip(hit, chosen, strict=True)) / (len(chosen) - sum(chosen))
        points.append((wrong, right))
    return sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in itertools.pairwise(points))


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=20))
def test_it_is_the_area_under_the_curve(answers: list[tuple[int, bool]]) -> None:
    numbers, chosen = [float(n) for n, _ in answers], [c for _, c in answers]
    won, pairs = won_pairs(np.array(numbers), np.array(chosen))
    if pairs:
        assert won / pairs == pytest.approx(under_the_curve(numbers, chosen))
    else:
        assert all(chosen) or not any(chosen)


def test_by_hand_with_a_tie_and_a_missing_number() -> None:
    won, pairs = won_pairs(np.array([5.0, 3.0, 3.0, 9.0, math.nan]), np.array([True, True, False, False, False]))
    # 5 beats 3 and loses to 9; 3 ties with 3 and loses to 9
    assert (won, pairs) == (1.5, 4)


def test_items_are_compared_within_themselves() -> None:
    # In each item the chosen one is the higher; across items it would lose, 2 against 10.
    first = won_pairs(np.array([2.0, 1.0]), np.array([True, False]))
    second = won_pairs(np.array([11.0, 10.0]), np.array([True, False]))
    found = auc_within([first[0], second[0]], [first[1], second[1]])
    assert (found.value, found.low, found.high, found.pairs, found.items) == (1.0, 1.0, 1.0, 2, 2)


def test_the_interval_holds_the_value_and_narrows_with_items() -> None:
    draw = np.random.default_rng(3)
    won = draw.binomial(10, 0.7, 400).astype(float)
    few, many = auc_within(won[:20], [10] * 20), auc_within(won, [10] * 400)
    assert few.low < few.value < few.high
    # A mean of 400 items of standard deviation sqrt(.21 / 10): 1.96 * 0.145 / 20 on either side.
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.145 / 20, rel=0.15)
    assert few.high - few.low > many.high - many.low


def test_nothing_to_compare() -> None:
    assert math.isnan(auc_within([0.0], [0]).value)
