"""Masks laid over each other, against painting whole masks with numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.masks.run_lengths import columns_of
from taskpaint.builders.masks.stacking import stack
from taskpaint.builders.warp import Warp, warp_to
from taskpaint.manifests.recipe import Sizing

SIZINGS = (Sizing(), Sizing(resize="square", size=16), Sizing(resize="pad", size=24), Sizing(resize="stretch", size=40))


def _rle(mask: np.ndarray) -> dict:
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))


def _masks(noise: np.random.Generator, count: int, height: int, width: int) -> list[np.ndarray]:
    found = []
    for _ in range(count):
        top, left = noise.integers(0, height), noise.integers(0, width)
        mask = np.zeros((height, width), bool)
        mask[top : top + noise.integers(0, height), left : left + noise.integers(0, width)] = True
        found.append(mask & (noise.random((height, width)) < 0.8))
    return found


def _expected(masks: list[np.ndarray], geometry: Geometry) -> tuple[np.ndarray, list[int], list[int]]:
    moved = [geometry.labels(mask.astype(np.uint8)) for mask in masks]
    areas = [int(mask.sum()) for mask in moved]
    order = sorted(range(len(moved)), key=lambda position: -areas[position])
    labels = np.zeros(geometry.size_wh[::-1], int)
    for rank, position in enumerate(order, start=1):
        labels[moved[position] != 0] = rank
    return labels, order, areas


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(1, 30), st.integers(1, 30), st.sampled_from(SIZINGS))
def test_the_smaller_lies_on_top(seed: int, count: int, height: int, width: int, sizing: Sizing):
    masks = _masks(np.random.default_rng(seed), count, height, width)
    geometry = fit(sizing, (width, height), None, None)
    found = stack([_rle(mask) for mask in masks], geometry)
    labels, order, areas = _expected(masks, geometry)
    assert np.array_equal(found.labels, labels) and found.labels.dtype == np.uint8
    assert (found.order, found.areas) == (order, areas)


def test_a_turned_window():
    masks = _masks(np.random.default_rng(5), 4, 30, 40)
    geometry = warp_to(Sizing(resize="square", size=32), (40, 30), Warp((20, 15), 25, degrees=20))
    found = stack([_rle(mask) for mask in masks], geometry)
    assert np.array_equal(found.labels, _expected(masks, geometry)[0])


def test_more_masks_than_a_byte_counts():
    masks = [np.arange(300).reshape(15, 20) == number for number in range(300)]
    found = stack([_rle(mask) for mask in masks], Geometry.native((20, 15)))
    assert found.labels.dtype == np.int32 and np.array_equal(found.labels.ravel(), np.arange(300) + 1)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.0, 0.05, 0.5, 1.0]))
def test_columns_that_have_pixels(seed: int, height: int, width: int, share: float):
    mask = np.random.default_rng(seed).random((height, width)) < share
    first, part = columns_of(_rle(mask)["counts"], height, width)
    filled = np.flatnonzero(mask.any(axis=0))
    if len(filled):
        assert first == filled[0] and np.array_equal(part, mask[:, filled[0] : filled[-1] + 1].T)
    else:
        assert part.shape == (0, height)


def test_columns_by_hand():
    # 5 background, 0 set, 1 background, 2 set, 4 background; the fourth and fifth as differences: 2 - 0 and 4 - 1
    first, part = columns_of(b"50123", 3, 4)
    assert first == 2 and part.tolist() == [[1, 1, 0]]


def test_columns_of_another_size_are_refused():
    with pytest.raises(ValueError, match="cover 12 pixels, the image has 15"):
        columns_of(b"50123", 3, 5)
