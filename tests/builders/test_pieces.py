"""Connected pieces by their runs, by hand and against OpenCV's own figures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.pieces import Pieces


def test_pieces_by_hand():
    mask = np.array([[1, 1, 0, 0, 1], [0, 0, 1, 0, 1], [0, 0, 1, 0, 1]], np.uint8)
    found = Pieces.of(mask, 4)
    assert found.areas.tolist() == [2, 3, 2]
    assert found.bounds().tolist() == [[0, 0, 2, 1], [4, 0, 5, 3], [2, 1, 3, 3]]
    assert sorted(found.box(1).corners().tolist()) == [[4, 0], [4, 3], [5, 0], [5, 3]]
    joined = Pieces.of(mask, 8)
    assert joined.areas.tolist() == [4, 3] and joined.bounds()[0].tolist() == [0, 0, 3, 3]


def test_no_pieces():
    for mask in (np.zeros((4, 5), np.uint8), np.zeros((0, 5), np.uint8), np.zeros((4, 0), np.uint8)):
        found = Pieces.of(mask, 8)
        assert not len(found.areas) and found.bounds().shape == (0, 4)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.sampled_from([4, 8]))
def test_pieces_are_opencvs(seed, height, width, share, neighbours):
    mask = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)
    found = Pieces.of(mask, neighbours)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=neighbours)
    order = 1 + np.argsort([np.flatnonzero(labels == label)[0] for label in range(1, len(stats))])
    left, top, wide, high, area = stats[order.astype(int)].T
    assert found.areas.tolist() == area.tolist()
    assert found.bounds().tolist() == np.stack([left, top, left + wide, top + high], axis=1).tolist()
    for at in range(len(found.areas)):
        rows, columns = np.nonzero(labels == order[at])
        corners = np.concatenate([np.stack([columns + i, rows + j], axis=1) for i in (0, 1) for j in (0, 1)])
        box = found.box(at)
        _, (long, short), _ = cv2.minAreaRect(corners.astype(np.float32))
        assert box.width * box.height == pytest.approx(long * short, rel=1e-3, abs=0.02)
        away = corners - (box.x, box.y)
        assert (np.abs(away @ [box.along_x, box.along_y]) <= box.width / 2 + 1e-6).all()
        assert (np.abs(away @ [-box.along_y, box.along_x]) <= box.height / 2 + 1e-6).all()
