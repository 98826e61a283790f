"""Fleiss' kappa against published tables, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from taskpaint.alignment.agreement import fleiss_kappa

# Fleiss (1971), table 1: thirty patients, six psychiatrists each, into depression, personality disorder,
# schizophrenia, neurosis and other.
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""


def test_the_table_of_fleiss_1971() -> None:
    counts = np.array([[int(digit) for digit in row] for row in FLEISS_1971.split()])
    assert counts.sum(axis=0).tolist() == [26, 26, 30, 55, 43]
    assert (counts.sum(axis=1) == 6).all()
    assert fleiss_kappa(counts) == pytest.approx(0.430, abs=0.0005)


def test_the_worked_example_of_ten_subjects_and_fourteen_raters() -> None:
    rows = "0 0 0 0 14|0 2 6 4 2|0 0 3 5 6|0 3 9 2 0|2 2 8 1 1|7 7 0 0 0|3 2 6 3 0|2 5 3 2 2|6 5 2 1 0|0 2 2 3 7"
    counts = np.array([[int(cell) for cell in row.split()] for row in rows.split("|")])
    assert fleiss_kappa(counts) == pytest.approx(0.210, abs=0.0005)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[2, 0], [0, 2]], 1.0),
        ([[1, 1], [1, 1]], -1.0),  # never agree: (0 - 1/2) / (1 - 1/2)
        ([[2, 0], [1, 1], [0, 2], [1, 1]], 0.0),  # agree half the time, as chance would
        ([[3, 0], [0, 2]], 1.0),  # other numbers of people
        ([[2, 0], [0, 2], [1, 0]], 1.0),  # one person alone says nothing
    ],
)
def test_by_hand(counts: list[list[int]], expected: float) -> None:
    assert fleiss_kappa(np.array(counts)) == pytest.approx(expected)


@pytest.mark.parametrize("counts", [np.zeros((0, 2), np.int64), np.array([[1, 0]]), np.array([[2, 0], [3, 0]])])
def test_nothing_to_compare(counts: np.ndarray) -> None:
    assert math.isnan(fleiss_kappa(counts))
