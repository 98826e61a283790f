"""Clusters of colour: exact in a drawn picture, steady against noise and soft borders."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.masks.color_clusters import cluster_colors
from taskpaint.builders.masks.free_colors import pack_colors
from taskpaint.manifests.images import decode_rgb
from taskpaint.writers.codecs import encode_jpeg

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def _cells(count, seed, height=120, width=160):
    """A Voronoi map: (height, width) labels of up to `count` cells."""
    points = np.random.default_rng(seed).random((count, 2)) * [height, width]
    rows, columns = np.mgrid[:height, :width]
    return ((rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2).argmin(axis=2)


def _colored(labels, seed):
    count = int(labels.max()) + 1
    return np.array(pack_colors(count, random.Random(seed)), np.uint8)[labels]


def _noisy(picture, deviation, seed=0):
    noise = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def _agreement(found, labels):
    """Share of pixels that agree when every cluster stands for the label it shares most with."""
    table = np.zeros((labels.max() + 1, found.max() + 1), int)
    np.add.at(table, (labels, found), 1)
    return table.max(axis=0).sum() / labels.size


@settings(deadline=None, max_examples=25)
@given(count=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_a_drawn_picture_is_read_exactly(count, seed):
    labels = _cells(count, seed)
    picture = _colored(labels, seed)
    found = cluster_colors(picture)
    assert len(found.colors) == len(np.unique(labels))
    assert np.array_equal(found.colors[found.labels].astype(np.uint8), picture)


@settings(deadline=None, max_examples=15)
@given(count=st.integers(1, 20), seed=st.integers(0, 10**6))
def test_noise_of_five_levels_changes_next_to_nothing(count, seed):
    labels = _cells(count, seed)
    _, sizes = np.unique(labels, return_counts=True)
    if sizes.min() < 60:
        return
    found = cluster_colors(_noisy(_colored(labels, seed), 5, seed))
    assert len(found.colors) == len(sizes)
    assert _agreement(found.labels, labels) >= 0.995


@pytest.mark.parametrize("seed", range(4))
def test_soft_borders_are_no_colors_of_their_own(seed):
    labels = _cells(12, seed, 240, 320)
    large = cv2.resize(_colored(labels, seed), (1280, 960), interpolation=cv2.INTER_NEAREST)
    soft = cv2.resize(cv2.GaussianBlur(large, (0, 0), 3), (320, 240), interpolation=cv2.INTER_AREA)
    found = cluster_colors(_noisy(soft, 5))
    assert len(found.colors) == len(np.unique(labels))
    assert _agreement(found.labels, labels) >= 0.99


def test_a_picture_of_few_colors_with_one_blend_between_two():
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = (250, 0, 0)
    picture[:, 30] = (125, 0, 0)
    found = cluster_colors(picture)
    assert sorted(found.colors[:, 0].tolist()) == [0, 250]
    assert len(np.unique(found.labels)) == 2


def test_a_thin_line_of_another_color_is_a_color():
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = (250, 0, 0)
    picture[:, 30] = (0, 200, 200)
    found = cluster_colors(picture)
    assert len(found.colors) == 3
    assert (found.labels[:, 30] == found.labels[0, 30]).all()
    assert (found.labels == found.labels[0, 30]).sum() == 40


def test_a_jpeg_is_read_like_its_original():
    labels = _cells(10, 3)
    found = cluster_colors(decode_rgb(encode_jpeg(_colored(labels, 3), 95)))
    assert len(found.colors) == len(np.unique(labels))
    assert _agreement(found.labels, labels) == 1


def test_known_colors_take_what_is_near_them():
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[:, :10] = (20, 15, 10)  # 27 from black
    picture[:, 10:20] = (230, 230, 230)  # 43 from white
    picture[:, 20:] = (0, 0, 255)
    found = cluster_colors(picture, [WHITE, BLACK])
    assert found.known == 2
    assert found.colors[:2].tolist() == [[255, 255, 255], [0, 0, 0]]
    assert (found.labels[:, :10] == 1).all()
    assert (found.labels[:, 10:20] >= 2).all()
    assert len(found.colors) == 4


def test_a_picture_of_one_color_and_a_picture_of_noise():
    assert cluster_colors(np.full((5, 7, 3), 90, np.uint8)).labels.tolist() == [[0] * 7] * 5
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    found = cluster_colors(noise, [BLACK])
    assert found.labels.shape == (40, 40)
    assert found.labels.max() < len(found.colors)
