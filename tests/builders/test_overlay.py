"""Coats of colour: how they are laid, and how they are found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.overlay import (
    blend_table,
    classify,
    nearest_color,
    paint,
    sample_pixels,
    squared_distance,
)
from taskpaint.builders.masks.regions import bounds

colors = st.tuples(*[st.integers(0, 255)] * 3)
opacities = st.floats(0.05, 1.0)


def _noise(seed, height=17, width=23):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(colors, opacities)
def test_the_table_is_the_formula_rounded(rgb, opacity):
    table = blend_table(rgb, opacity)
    assert (table.shape, table.dtype) == ((256, 3), np.uint8)
    exact = (1 - opacity) * np.arange(256)[:, None] + opacity * np.array(rgb)
    assert np.abs(table - exact).max() <= 0.5 + 1e-9


def test_the_table_by_hand():
    table = blend_table((255, 0, 100), 0.5)
    assert table[0].tolist() == [128, 0, 50]  # 127.5 goes to the even neighbour
    assert table[255].tolist() == [255, 128, 178]  # 127.5 and 177.5 too
    assert (blend_table((1, 2, 3), 1.0) == (1, 2, 3)).all()


@given(st.integers(0, 1000), colors, opacities, st.data())
def test_paint_stays_inside_its_mask(seed, rgb, opacity, data):
    image = _noise(seed)
    left, top = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 14))
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[top : top + data.draw(st.integers(1, 9)), left : left + data.draw(st.integers(1, 9))] = data.draw(
        st.sampled_from([1, 255])
    )
    mask[np.random.default_rng(seed).random(mask.shape) < 0.5] = 0
    box = bounds(mask) or (0, 0, 1, 1)
    painted = image.copy()
    paint(painted, mask, box, rgb, opacity)
    inside = mask != 0
    assert np.array_equal(painted[~inside], image[~inside])
    exact = (1 - opacity) * image[inside] + opacity * np.array(rgb)
    assert (np.abs(painted[inside] - exact) <= 0.5 + 1e-9).all()


def test_paint_of_another_region_does_not_depend_on_the_box():
    image, mask = _noise(1), (_noise(2)[:, :, 0] > 200).astype(np.uint8)
    tight, whole = image.copy(), image.copy()
    paint(tight, mask, bounds(mask), (255, 0, 0), 0.5)
    paint(whole, mask, (0, 0, 23, 17), (255, 0, 0), 0.5)
    assert np.array_equal(tight, whole)


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 1))
def test_samples_are_pixels_under_the_mask(seed, height, width, share):
    image = np.zeros((height, width, 3), np.uint8)
    mask = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)
    mask[height // 2, width // 2] = 1
    image[mask != 0] = _noise(seed, height, width)[mask != 0] | 1  # odd under the mask, 0 elsewhere
    pixels = sample_pixels(image, mask, bounds(mask))
    assert 1 <= len(pixels) <= mask.sum()
    assert pixels.all()


@pytest.mark.parametrize("shape", [(100, 400), (400, 100), (40_000, 1), (300, 300)])
def test_a_large_mask_gives_about_a_thousand_samples_from_all_over(shape):
    rows, columns = np.indices(shape)
    image = np.stack([rows * 4 // shape[0], columns * 4 // shape[1], rows * 0], axis=2).astype(np.uint8)
    pixels = sample_pixels(image, np.ones(shape, np.uint8), (0, 0, shape[1], shape[0]))
    assert 500 <= len(pixels) <= 2100
    seen = {tuple(pixel) for pixel in pixels.tolist()}
    assert seen == {tuple(pixel) for pixel in np.unique(image.reshape(-1, 3), axis=0).tolist()}


@given(st.integers(0, 1000), st.lists(colors, min_size=1, max_size=5))
def test_nearest_color_by_brute_force(seed, asked):
    picture = _noise(seed)
    distances = ((picture[:, :, None].astype(int) - np.array(asked)) ** 2).sum(axis=3)
    assert np.array_equal(nearest_color(picture, asked), distances.argmin(axis=2))


@settings(deadline=None)
@given(st.integers(0, 1000), st.lists(colors, min_size=1, max_size=4), opacities, st.booleans())
def test_classify_by_brute_force(seed, asked, opacity, lossless):
    source, target = _noise(seed), _noise(seed + 1)
    expected = [source.astype(int)]
    for rgb in asked:
        expected.append(np.rint(source + opacity * (np.array(rgb, float) - source)).astype(int))
    distances = np.stack([((target - one) ** 2).sum(axis=2) for one in expected])
    distances[0] -= 0 if lossless else 512  # a coat must win clearly, unless nothing was lost
    assert np.array_equal(classify(target, source, asked, opacity, lossless=lossless), distances.argmin(axis=0))


def test_a_coat_of_white_on_white_is_not_seen():
    white = np.full((4, 4, 3), 255, np.uint8)
    assert (classify(white, white, [(255, 255, 255)], 0.5) == 0).all()
    assert (classify(white, white, [(255, 255, 255)], 0.5, lossless=True) == 0).all()


def test_the_least_difference_counts_when_nothing_was_lost():
    source = np.full((1, 2, 3), 250, np.uint8)
    target = source.copy()
    paint(target, np.array([[0, 1]], np.uint8), (0, 0, 2, 1), (255, 255, 255), 0.5)
    assert classify(target, source, [(255, 255, 255)], 0.5).tolist() == [[0, 0]]
    assert classify(target, source, [(255, 255, 255)], 0.5, lossless=True).tolist() == [[0, 1]]


@given(st.integers(0, 1000))
def test_squared_distance_by_brute_force(seed):
    first, second = _noise(seed), _noise(seed + 1)
    assert np.array_equal(squared_distance(first, second), ((first.astype(int) - second) ** 2).sum(axis=2))
    assert squared_distance(first[::2, ::2], second[::2, ::2]).shape == (9, 12)
