"""A sample seen through a geometry: its picture, its maps, and what is decoded for them."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from PIL import Image
from taskpaint.builders import view as view_module
from taskpaint.builders.geometry import fit
from taskpaint.builders.masks.painting import Layer
from taskpaint.builders.masks.regions import encode
from taskpaint.builders.sample import FileBytes, LabelMap, Sample
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Sizing
from taskpaint.writers.codecs import encode_png

PICTURE = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def _view(data: bytes, sizing: Sizing | None = None, **known) -> View:
    sample = Sample("1", FileBytes(None, data), 8, 6, **known)
    return View(sample, data, read_header(data), fit(sizing or Sizing(), (8, 6), None, None))


def _webp(tmp_path) -> bytes:
    Image.fromarray(PICTURE).save(tmp_path / "picture.webp", lossless=True)
    return (tmp_path / "picture.webp").read_bytes()


@pytest.mark.parametrize("sizing", [Sizing(), Sizing(resize="square", size=16)])
@pytest.mark.parametrize("kind", ["png", "webp"])
def test_painting_on_the_canvas_leaves_the_picture_as_it_was(tmp_path, kind, sizing):
    data = encode_png(PICTURE) if kind == "png" else _webp(tmp_path)
    view = _view(data, sizing)
    before = view.rgb.copy()
    canvas = view.canvas()
    assert np.array_equal(canvas, before)
    canvas[:] = 7
    assert np.array_equal(view.rgb, before)


def test_a_picture_that_was_painted_on_is_not_decoded_again_to_be_checked():
    view = _view(encode_png(PICTURE))
    with mock.patch.object(view_module, "decode_rgb", side_effect=decode_rgb) as decoding:
        view.canvas()
        view.check_pixels()
    assert decoding.call_count == 1
    unseen = _view(encode_png(PICTURE))
    with mock.patch.object(view_module, "decode_rgb", side_effect=BadItem("broken")), pytest.raises(BadItem):
        unseen.check_pixels()


def test_classes_in_padding_are_none():
    values = np.arange(48, dtype=np.uint8).reshape(6, 8)
    sizing = Sizing(resize="pad", size=16)
    moved = _view(encode_png(PICTURE), sizing, label_map=LabelMap({}, lambda: values)).label_map()
    assert (moved[:2] == -1).all() and (moved[-2:] == -1).all()
    assert np.array_equal(moved[2:14:2, ::2], values)  # twice as large, 2 rows of padding above and below


def test_pixels_of_each_class():
    label_map = LabelMap({}, lambda: np.array([[3, 3, 200], [0, 3, 200]], np.uint8))
    assert label_map.counts() == {0: 1, 3: 3, 200: 2}
    negative = LabelMap({}, lambda: np.array([[-1, 5], [5, -1]], np.int32))
    assert list(negative.counts().items()) == [(-1, 2), (5, 2)]


def test_a_layer_by_hand():
    labels = np.array([[0, 2, 0], [0, 2, 1]], np.uint8)
    layer = Layer("dog", labels, 2, encode((labels == 2).view(np.uint8)))
    assert layer.mask.tolist() == [[0, 1, 0], [0, 1, 0]] and layer.area == 2 and layer.box == (1, 0, 2, 2)
