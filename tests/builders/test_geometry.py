"""Sizing: pictures, maps, points and boxes move together, and each way of resizing does what it says."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import Geometry, fit, hull
from taskpaint.manifests.errors import BadItem
from taskpaint.manifests.recipe import Sizing

sides = st.integers(1, 60)


def _fit(source_wh, subject=None, window=None, seed=0, **sizing):
    return fit(Sizing(**sizing), source_wh, subject, random.Random(seed), window)


@pytest.mark.parametrize(
    ("sizing", "source_wh", "crop", "resized", "offset", "size"),
    [
        ({"resize": "native"}, (640, 480), (0, 0, 640, 480), (640, 480), (0, 0), (640, 480)),
        # 648 = 10 * 64 + 8 and 480 = 7 * 64 + 32: 640x448 needs an aspect of 10:7, so 480 * 648 is trimmed to
        # 648 x round(648 * 7 / 10) = 648 x 454, 13 rows off the top and 13 off the bottom
        ({"resize": "native", "multiple_of": 64}, (648, 480), (0, 13, 648, 467), (640, 448), (0, 0), (640, 448)),
        ({"resize": "shortest", "size": 240}, (640, 480), (0, 0, 640, 480), (320, 240), (0, 0), (320, 240)),
        ({"resize": "shortest", "size": 240}, (480, 640), (0, 0, 480, 640), (240, 320), (0, 0), (240, 320)),
        ({"resize": "longest", "size": 320}, (640, 480), (0, 0, 640, 480), (320, 240), (0, 0), (320, 240)),
        ({"resize": "longest", "size": 320}, (100, 300), (0, 0, 100, 300), (107, 320), (0, 0), (107, 320)),
        ({"resize": "square", "size": 256}, (640, 480), (80, 0, 560, 480), (256, 256), (0, 0), (256, 256)),
        ({"resize": "square", "size": 256}, (301, 500), (0, 99, 301, 400), (256, 256), (0, 0), (256, 256)),
        ({"resize": "stretch", "size": 256}, (640, 480), (0, 0, 640, 480), (256, 256), (0, 0), (256, 256)),
        ({"resize": "pad", "size": 320}, (640, 480), (0, 0, 640, 480), (320, 240), (0, 40), (320, 320)),
        ({"resize": "pad", "size": 320}, (300, 640), (0, 0, 300, 640), (150, 320), (85, 0), (320, 320)),
        # 512 * 480 / 640 = 384 is a multiple of 16 already
        (
            {"resize": "longest", "size": 512, "multiple_of": 16},
            (640, 480),
            (0, 0, 640, 480),
            (512, 384),
            (0, 0),
            (512, 384),
        ),
        # 512 x 341.3 -> 512 x 336, an aspect of 32:21: of 600x400 only round(600 * 21 / 32) = 394 rows stay
        (
            {"resize": "longest", "size": 512, "multiple_of": 16},
            (600, 400),
            (0, 3, 600, 397),
            (512, 336),
            (0, 0),
            (512, 336),
        ),
    ],
)
def test_by_hand(sizing, source_wh, crop, resized, offset, size):
    found = _fit(source_wh, **sizing)
    assert (found.crop_xyxy, found.resized_wh, found.offset_xy, found.size_wh) == (crop, resized, offset, size)


def test_native_hands_pixels_through_untouched():
    pixels = np.zeros((3, 4, 3), np.uint8)
    geometry = _fit((4, 3))
    assert geometry.is_native
    assert geometry.image(pixels) is pixels
    assert geometry == Geometry.native((4, 3))
    assert geometry.point(1.25, 2) == (1.25, 2)
    assert geometry.box((0.5, 0, 4, 2.5)) == (0.5, 0, 4, 2.5)


def test_a_resize_to_the_same_size_is_native_too():
    assert _fit((64, 64), resize="square", size=64).is_native
    assert _fit((64, 32), resize="longest", size=64).is_native
    assert not _fit((64, 32), resize="pad", size=64).is_native


def test_padding_has_its_colour_and_its_label():
    geometry = _fit((4, 2), resize="pad", size=16, pad_rgb=(9, 8, 7))
    assert (geometry.resized_wh, geometry.offset_xy) == ((16, 8), (0, 4))
    out = geometry.image(np.full((2, 4, 3), 200, np.uint8))
    assert (out[:4] == (9, 8, 7)).all()
    assert (out[12:] == (9, 8, 7)).all()
    assert (out[4:12] == 200).all()
    labels = geometry.labels(np.full((2, 4), 5, np.int32), pad=-1)
    assert labels.dtype == np.int32
    assert (labels[4:12] == 5).all()
    assert (labels[:4] == -1).all()
    assert np.array_equal(geometry.inside(), labels == 5)


def test_half_size_averages_areas():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[::2, ::2] = 200
    assert (_fit((32, 32), resize="square", size=16).image(pixels) == 50).all()


def test_labels_shrink_and_grow_by_hand():
    values = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32)
    shrunk = _fit((32, 32), resize="square", size=16).labels(values)
    # an output pixel's centre lies on the corner of four; any of them is nearest
    rows, columns = np.divmod(shrunk, 32)
    assert (rows // 2 == np.arange(16)[:, None]).all()
    assert (columns // 2 == np.arange(16)).all()
    grown = _fit((32, 32), resize="square", size=64).labels(values)
    assert np.array_equal(grown, values.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.bool_, np.uint16, np.int16, np.int32, np.float32, np.int64])
def test_maps_of_every_kind_keep_their_values(kind):
    values = np.array([[0, 1], [1, 0]], kind)
    if kind not in (np.bool_, np.float32):
        values[0, 0] = np.iinfo(kind).max
        values[1, 1] = np.iinfo(kind).min
    moved = _fit((2, 2), resize="square", size=16).labels(values)
    assert moved.dtype == values.dtype
    assert np.array_equal(moved, values.repeat(8, axis=0).repeat(8, axis=1))


@given(sides, sides, st.integers(16, 200), st.sampled_from(["shortest", "longest", "stretch", "square"]))
def test_every_output_pixel_shows_the_nearest_source_pixel(width, height, size, resize):
    assume(max(width, height) / min(width, height) < 8)
    geometry = _fit((width, height), resize=resize, size=size)
    columns = np.broadcast_to(np.arange(width, dtype=np.int32), (height, width))
    found = geometry.labels(np.ascontiguousarray(columns))[0]
    left, _, right, _ = geometry.crop_xyxy
    centres = left + (np.arange(geometry.size_wh[0]) + 0.5) * (right - left) / geometry.size_wh[0]
    assert (np.abs(found + 0.5 - centres) <= 0.5 + 0.02).all()


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 5), st.data())
def test_a_pixel_its_point_its_box_and_its_label_move_together(width, height, factor, data):
    """Grown by a whole factor, a pixel becomes a square whose centre and edges are where point and box say."""
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    left, top = data.draw(st.integers(0, x)), data.draw(st.integers(0, y))
    right, bottom = data.draw(st.integers(x + 1, width)), data.draw(st.integers(y + 1, height))
    resized = ((right - left) * factor, (bottom - top) * factor)
    offset = (data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4)))
    size = (resized[0] + offset[0] + data.draw(st.integers(0, 4)), resized[1] + offset[1])
    geometry = Geometry((width, height), (left, top, right, bottom), resized, offset, size)
    mask = np.zeros((height, width), np.uint8)
    mask[y, x] = 1
    rows, columns = np.nonzero(geometry.labels(mask))
    assert len(rows) == factor**2
    point = geometry.point(x, y)
    assert point == pytest.approx((columns.mean(), rows.mean()))
    box = geometry.box((x, y, x + 1, y + 1))
    assert box == pytest.approx((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    bright = geometry.image(np.repeat(mask[:, :, None] * np.uint8(255), 3, axis=2))
    assert bright.shape == (size[1], size[0], 3)
    brightest = np.argwhere(bright[:, :, 1] == bright.max())
    assert (np.abs(brightest - point[::-1]) <= factor / 2).all()
    assert geometry.inside()[rows, columns].all()


@given(sides, sides, st.sampled_from([16, 33, 64]), st.data())
def test_a_point_and_a_box_agree(width, height, size, data):
    geometry = _fit((width, height), resize=data.draw(st.sampled_from(["shortest", "pad", "stretch"])), size=size)
    x, y = data.draw(st.floats(0, width - 0.5)), data.draw(st.floats(0, height - 0.5))
    box = geometry.box((x, y, width, height))
    # a pixel's centre is half a pixel from its edge, on both sides
    expected = geometry.point(x - 0.5, y - 0.5)
    assert box[:2] == pytest.approx((expected[0] + 0.5, expected[1] + 0.5))
    inside = geometry.inside()
    assert box[2:] == pytest.approx((inside.any(axis=0).nonzero()[0][-1] + 1, inside.any(axis=1).nonzero()[0][-1] + 1))


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_crop_keeps_its_subject_whenever_it_fits(width, height, data):
    side = min(width, height)
    x0 = data.draw(st.floats(0, width - 0.01))
    y0 = data.draw(st.floats(0, height - 0.01))
    x1 = data.draw(st.floats(x0, width))
    y1 = data.draw(st.floats(y0, height))
    geometry = _fit(
        (width, height),
        (x0, y0, x1, y1),
        seed=data.draw(st.integers(0, 9)),
        resize="square",
        size=16,
        crop="subject",
    )
    left, top, right, bottom = geometry.crop_xyxy
    assert (right - left, bottom - top) == (side, side)
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height
    # whole source pixels are kept, so a subject fits when the pixels that it touches do
    if np.ceil(x1) - np.floor(x0) <= side:
        assert left <= x0
        assert x1 <= right
    if np.ceil(y1) - np.floor(y0) <= side:
        assert top <= y0
        assert y1 <= bottom


def test_a_subject_that_is_too_long_is_cut_evenly():
    geometry = _fit((300, 100), (50, 0, 250, 100), resize="square", size=64, crop="subject")
    assert geometry.crop_xyxy == (100, 0, 200, 100)


def test_a_crop_around_a_subject_is_not_always_the_same():
    crops = {
        _fit((300, 100), (140, 0, 160, 100), seed=seed, resize="square", size=64, crop="subject").crop_xyxy[0]
        for seed in range(60)
    }
    assert min(crops) >= 60
    assert max(crops) <= 140
    assert len(crops) > 20


def test_without_a_subject_the_middle_is_cut_out():
    assert _fit((300, 100), None, resize="square", size=64, crop="subject").crop_xyxy == (100, 0, 200, 100)


def test_random_crops_reach_both_ends():
    lefts = {_fit((12, 10), seed=seed, resize="square", size=16, crop="random").crop_xyxy[0] for seed in range(40)}
    assert lefts == {0, 1, 2}


@given(
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.sampled_from([16, 64]),
    st.sampled_from(["native", "shortest", "longest", "square", "stretch"]),
)
def test_both_sides_are_multiples(width, height, multiple, resize):
    assume(max(width, height) / min(width, height) < 100)
    geometry = _fit((width, height), resize=resize, size=512, multiple_of=multiple)
    assert geometry.size_wh[0] % multiple == geometry.size_wh[1] % multiple == 0
    assert min(geometry.size_wh) >= multiple
    left, top, right, bottom = geometry.crop_xyxy
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    if resize != "stretch" and min(width, height) >= 2 * multiple:
        scale_x, scale_y = geometry.scale_xy  # trimmed to whole source pixels, so about equal
        assert scale_x / scale_y == pytest.approx(1, abs=1.5 / min(right - left, bottom - top))


@settings(max_examples=60)
@given(
    st.sampled_from([(1, 1), (1, 2), (2, 1), (1, 4000), (4000, 1), (3, 1000)]),
    st.sampled_from(["native", "shortest", "longest", "square", "stretch", "pad"]),
    st.sampled_from([1, 16]),
)
def test_tiny_and_extreme_pictures(source_wh, resize, multiple):
    geometry = _fit(source_wh, resize=resize, size=16, multiple_of=multiple)
    assert min(geometry.size_wh) >= 1
    width, height = geometry.size_wh
    pixels = np.full((source_wh[1], source_wh[0], 3), 77, np.uint8)
    assert geometry.image(pixels).shape == (height, width, 3)
    assert (geometry.image(pixels)[geometry.inside()] == 77).all()
    labels = geometry.labels(np.full(source_wh[::-1], 3, np.uint8))
    assert labels.shape == (height, width)
    assert (labels[geometry.inside()] == 3).all()


def test_a_thread_of_pixels_does_not_become_a_sea_of_them():
    with pytest.raises(BadItem, match=r"image of 1x4000 would become 512x2048000, over the limit of 120000000 pixels"):
        _fit((1, 4000), resize="shortest", size=512)


def test_a_window_comes_before_the_resize():
    geometry = _fit((100, 80), window=(10.4, 20.6, 49.5, 60.1), resize="longest", size=64)
    assert geometry.crop_xyxy == (10, 20, 50, 61)
    assert geometry.size_wh == (62, 64)


@pytest.mark.parametrize("window", [(200, 0, 300, 50), (10, 10, 10, 40), (-30, 0, -10, 9)])
def test_a_window_outside_the_picture_counts_as_none(window):
    assert _fit((100, 80), window=window).crop_xyxy == (0, 0, 100, 80)


def test_a_window_that_leans_out_is_clipped():
    assert _fit((100, 80), window=(-5, 70, 20, 999)).crop_xyxy == (0, 70, 20, 80)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 100, 100), (0, 0, 20, 40)),
        ((10, 20, 15, 30), (0, 0, 10, 20)),
        ((15, 30, 17, 35), (10, 20, 14, 30)),
        ((20, 20, 30, 30), None),
        ((0, 0, 10, 100), None),
        ((12, 25, 12, 30), None),
    ],
)
def test_boxes_are_clipped_to_what_is_shown(box, expected):
    geometry = Geometry((100, 100), (10, 20, 20, 40), (20, 40), (0, 0), (20, 40))
    assert geometry.box(box) == expected


@settings(max_examples=80, deadline=None)
@given(sides, sides, st.sampled_from(["square", "pad", "stretch", "shortest"]), st.integers(16, 50))
def test_the_grid_says_which_columns_and_rows_are_shown(width, height, resize, size):
    geometry = _fit((width, height), resize=resize, size=size)
    values = np.arange(1, width * height + 1, dtype=np.int32).reshape(height, width)
    (left, across), (top, down) = geometry.grid()
    shown = np.zeros(geometry.size_wh[::-1], np.int32)
    shown[top : top + len(down), left : left + len(across)] = values[np.ix_(down, across)]
    assert np.array_equal(shown, geometry.labels(values))


def test_hull_by_hand():
    assert hull([(3, 4, 5, 6), None, (1.5, 5, 4, 9)]) == (1.5, 4, 5, 9)
    assert hull([(3, 4, 5, 6)]) == (3, 4, 5, 6)
