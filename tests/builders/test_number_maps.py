"""Maps of numbers, run by run, against numpy's own sorting of every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.builders.number_maps import Runs, counts_in, packed, packed_with

DTYPES = (np.uint8, np.uint16, np.int32, np.int64)


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 10_000), height=st.integers(0, 9), width=st.integers(0, 9), kinds=st.integers(1, 5))
def test_counts_and_maps_equal_numpy(dtype: type, seed: int, height: int, width: int, kinds: int):
    values = np.random.default_rng(seed).integers(0, kinds, (height, width)).astype(dtype) * 40
    numbers, counts = np.unique(values, return_counts=True)
    assert counts_in(values) == dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    assert list(counts_in(values)) == numbers.tolist()
    runs = Runs.of(values)
    assert runs.lengths.sum() == values.size
    again = runs.spread(runs.numbers)
    assert again.dtype == dtype and np.array_equal(again, values)


def test_runs_by_hand():
    runs = Runs.of(np.array([[5, 5, 7], [7, 7, 5]], np.uint8))
    assert runs.numbers.tolist() == [5, 7, 5] and runs.lengths.tolist() == [2, 3, 1]
    assert runs.spread(np.array([1.5, 0.0, 2.0])).tolist() == [[1.5, 1.5, 0], [0, 0, 2]]


def test_numbers_spread_over_channels():
    rgb = np.array([[[1, 2, 3], [255, 254, 253]]], np.uint8)
    assert packed(rgb, low="red").tolist() == [[1 + 2 * 256 + 3 * 65536, 255 + 254 * 256 + 253 * 65536]]
    assert packed(rgb).tolist() == [[3 + 2 * 256 + 1 * 65536, 253 + 254 * 256 + 255 * 65536]]
    tenths = (np.arange(256) // 10).astype(np.uint8)
    assert packed_with(rgb, tenths).tolist() == [[3 + 2 * 256 + 0 * 65536, 253 + 254 * 256 + 25 * 65536]]
