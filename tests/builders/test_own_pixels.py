"""Pixels as stretches: against masks painted in full, and by hand."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.marks.own_pixels import own_pixels, shown_pixels
from taskpaint.builders.warp import Warp, warp_to
from taskpaint.manifests.recipe import Sizing

_SIZINGS = {
    "native": {},
    "square": {"resize": "square", "size": 40},
    "larger": {"resize": "square", "size": 150},
    "stretch": {"resize": "stretch", "size": 61},
    "pad": {"resize": "pad", "size": 48},
}


def _rle(mask):
    return coco_mask.encode(np.asfortranarray(mask))


def _painted(stretches, width):
    flat = np.zeros(width * stretches.height, int)
    for start, stop in zip(stretches.starts.tolist(), stretches.stops.tolist(), strict=True):
        assert start < stop
        flat[start:stop] += 1
    return flat.reshape(width, stretches.height).T


def _blobs(seed, width, height):
    """Ellipses, frames and dust, some at the edges, some overlapping, some empty."""
    draw, masks = random.Random(seed), []
    for _ in range(draw.randint(1, 5)):
        mask = np.zeros((height, width), np.uint8)
        x, y = draw.randrange(-5, width + 5), draw.randrange(-5, height + 5)
        kind = draw.randrange(4)
        if kind == 0:
            cv2.ellipse(mask, (x, y), (draw.randint(0, 25), draw.randint(0, 25)), draw.randint(0, 90), 0, 360, 1, -1)
        elif kind == 1:
            cv2.rectangle(mask, (x, y), (x + draw.randint(0, 40), y + draw.randint(0, 40)), 1, draw.choice([-1, 1, 3]))
        elif kind == 2:
            mask[np.random.default_rng(seed).random(mask.shape) < draw.choice([0.02, 0.4, 0.9])] = 1
        else:
            mask[y : y + draw.randint(0, height), :] = 1
        masks.append(mask)
    return masks


def _by_pixels(mask):
    """Middle and deepest pixel, from the whole picture."""
    rows, columns = np.nonzero(mask)
    distance = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = divmod(int(distance.argmax()), mask.shape[1])
    return (round(float(columns.mean()), 2), round(float(rows.mean()), 2)), (float(x), float(y))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(_SIZINGS)), st.integers(20, 90), st.integers(20, 90))
def test_against_painted_masks(seed, sizing, width, height):
    masks = _blobs(seed, width, height)
    geometry = fit(Sizing(**_SIZINGS[sizing]), (width, height), None, random.Random(seed))
    shown = [geometry.labels(mask) for mask in masks]
    objects = shown_pixels([_rle(mask) for mask in masks], geometry)
    for one, mask in zip(objects, shown, strict=True):
        assert np.array_equal(_painted(one, geometry.size_wh[0]), mask)
        assert one.area == mask.sum()
    layers = np.sum(shown, axis=0)
    for one, mask in zip(own_pixels(objects), shown, strict=True):
        own = mask * (layers == 1).astype(np.uint8)
        own = own if own.any() else mask
        assert np.array_equal(_painted(one, geometry.size_wh[0]), own)
        if own.any():
            middle, deepest = _by_pixels(own)
            assert one.middle() == middle
            assert one.deepest() == deepest
            assert one.holds(middle) == bool(own[round(middle[1]), round(middle[0])])


def test_in_a_turned_window():
    mask = np.zeros((60, 80), np.uint8)
    mask[10:40, 15:60] = 1
    geometry = warp_to(Sizing(resize="square", size=50), (80, 60), Warp((35.0, 25.0), 70.0, degrees=30.0))
    assert np.array_equal(_painted(shown_pixels([_rle(mask)], geometry)[0], 50), geometry.labels(mask))


def test_an_l_by_hand():
    # columns 0 to 3 and rows 0 to 3 of a picture of 5 by 6, without the square from (1, 0) to (3, 2)
    mask = np.zeros((6, 5), np.uint8)
    mask[0:4, 0] = mask[3, 0:4] = 1
    (ell,) = shown_pixels([_rle(mask)], Geometry.native((5, 6)))
    assert [ell.starts.tolist(), ell.stops.tolist()] == [[0, 9, 15, 21], [4, 10, 16, 22]]
    assert ell.area == 7
    assert ell.middle() == (round(6 / 7, 2), round(15 / 7, 2))  # x: 0 0 0 0 1 2 3, y: 0 1 2 3 3 3 3
    assert not ell.holds(ell.middle())
    assert ell.holds((2.4, 2.6))


def test_the_deepest_keeps_from_the_pictures_edges():
    whole = np.ones((9, 7), np.uint8)
    # the middle column is 4 from beyond either side, rows 3 to 5 are as far from top and bottom; the first wins
    assert shown_pixels([_rle(whole)], Geometry.native((7, 9)))[0].deepest() == (3.0, 3.0)


def test_what_is_wholly_covered_keeps_all_it_has():
    small, large = np.zeros((2, 8, 8), np.uint8)
    small[2:4, 2:4] = 1
    large[1:6, 1:6] = 1
    stretches = shown_pixels([_rle(mask) for mask in (small, large)], Geometry.native((8, 8)))
    own = own_pixels(stretches)
    assert [one.area for one in own] == [4, 21]
    assert own[0].middle() == (2.5, 2.5)


@pytest.mark.parametrize("counts", [b"", b"\x10", b"P"])
def test_broken_run_lengths(counts):
    with pytest.raises(ValueError, match="run lengths"):
        shown_pixels([{"size": [4, 4], "counts": counts}], Geometry.native((4, 4)))
