"""Maps of numbers, run by run, against numpy's own sorting of every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import measure
from taskpaint.builders.number_maps import Runs, counts_in, packed, packed_runs, pixels_shared, region_of_each

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


@pytest.mark.parametrize("low", ["red", "blue"])
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_runs_of_colors_are_those_of_their_numbers(low: str, order: str):
    rgb = np.random.default_rng(3).integers(0, 2, (7, 9, 3)).astype(np.uint8) * 255
    shown = rgb if order == "RGB" else np.ascontiguousarray(rgb[..., ::-1])
    red, green, blue = rgb.astype(int).transpose(2, 0, 1)
    numbers = 256 * green + (red + 65536 * blue if low == "red" else blue + 65536 * red)
    assert np.array_equal(packed(shown, low, order), numbers)
    runs = packed_runs(shown, low, order)
    assert np.array_equal(runs.spread(runs.numbers), numbers) and (runs.numbers[1:] != runs.numbers[:-1]).all()


def test_other_numbers_for_the_same_runs():
    runs = Runs.of(np.array([[5, 5, 7], [9, 9, 5]], np.uint8))
    found = runs.renumbered(np.array([1, 2, 2, 1]))
    assert found.numbers.tolist() == [1, 2, 1] and found.lengths.tolist() == [2, 3, 1] and found.shape == (2, 3)
    empty = Runs.of(np.zeros((0, 3), np.uint8))
    assert empty.renumbered(empty.numbers).lengths.tolist() == []


@given(seed=st.integers(0, 10_000), height=st.integers(1, 9), width=st.integers(1, 9))
def test_shared_pixels_equal_counting(seed: int, height: int, width: int):
    noise = np.random.default_rng(seed)
    first, second = (noise.integers(0, kinds, (height, width)) for kinds in (3, 4))
    expected = [[np.count_nonzero((first == one) & (second == other)) for other in range(5)] for one in range(3)]
    assert pixels_shared(Runs.of(first), Runs.of(second), (3, 5)).tolist() == expected


@given(seed=st.integers(0, 10_000), height=st.integers(0, 6), width=st.integers(1, 6))
def test_runs_that_end_with_their_row(seed: int, height: int, width: int):
    values = np.random.default_rng(seed).integers(0, 2, (height, width))
    cut = Runs.of(values).cut_at_rows()
    by_row = [Runs.of(row[None]) for row in values]
    assert cut.lengths.tolist() == [length for runs in by_row for length in runs.lengths.tolist()]
    assert cut.numbers.tolist() == [number for runs in by_row for number in runs.numbers.tolist()]
    assert np.array_equal(cut.spread(cut.numbers), values)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), height=st.integers(0, 12), width=st.integers(1, 12), kinds=st.integers(1, 3))
def test_regions_of_runs_equal_skimage(seed: int, height: int, width: int, kinds: int):
    values = np.random.default_rng(seed).integers(0, kinds, (height, width))
    runs = Runs.of(values).cut_at_rows()
    found = runs.spread(region_of_each(runs)) if height else values
    expected = measure.label(values, connectivity=1, background=-1) if height else values
    pairs = {(int(one), int(other)) for one, other in zip(found.ravel(), expected.ravel(), strict=True)}
    assert len(pairs) == len(np.unique(found)) == len(np.unique(expected))
    if height:
        starts = np.cumsum(runs.lengths) - runs.lengths
        first_pixels = [int(np.flatnonzero(found.ravel() == owner)[0]) for owner in np.unique(found)]
        assert first_pixels == starts[np.unique(found)].tolist()


def test_a_region_that_winds():
    values = np.array([[1, 0, 1, 0, 1], [1, 0, 1, 0, 1], [1, 1, 1, 1, 1]])
    runs = Runs.of(values).cut_at_rows()
    assert region_of_each(runs).tolist() == [0, 1, 0, 3, 0, 0, 1, 0, 3, 0, 0]
