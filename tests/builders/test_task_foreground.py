"""Foreground: the main subject as a mask or a cutout, read back."""

from __future__ import annotations

import json
import random

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.marks.palette import PALETTES
from taskpaint.builders.sample import (
    Category,
    FileBytes,
    Instance,
    LabelMap,
    Sample,
)
from taskpaint.builders.sources.oxford_pets import OxfordPets
from taskpaint.builders.tasks.foreground import Foreground
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Foreground, {}
DOG, CAT = Category(1, "dog"), Category(2, "cat")


def _box(category, x0, y0, x1, y1, crowd=False):
    return Instance(category, (x0, y0, x1, y1), [[x0, y0, x1, y0, x1, y1, x0, y1]], crowd)


def _sample(*instances, pixels=None, **known):
    pixels = np.full((60, 100, 3), 90, np.uint8) if pixels is None else pixels
    return Sample("1", FileBytes(None, encode_png(pixels)), 100, 60, instances, **known)


def _trimap():
    values = np.full((60, 100), 2, np.uint8)
    values[10:50, 20:60] = 1
    return LabelMap({1: "dog"}, lambda: values)


def _view(sample, sizing=None):
    data = sample.image.read()
    header = read_header(data)
    geometry = fit(sizing or Sizing(), (header.width, header.height), None, random.Random(0))
    return View(sample, data, header, geometry)


def _render(sample, seed=0, sizing=None, **options):
    task, draw = TASK(TASK.options_type(**{**USUAL, **options})), random.Random(seed)
    return task.render(_view(sample, sizing), task.choose(sample, draw), draw)


def _figures(sample, rendered, sizing=None):
    """What decoding the written target says, source and params as a reader of the dataset has them."""
    view, data = _view(sample, sizing), sample.image.read()
    if not view.geometry.is_native:
        exact = isinstance(rendered.target, PhotoTarget) and rendered.target.lossless
        data = encode_source(view.rgb, Output(), lossless=exact)
    target = decode_rgb(encode_target(rendered.target, data, Output()))
    params = json.loads(json.dumps(rendered.params))
    annotation = json.loads(json.dumps(rendered.annotation))
    figures = TASK.compare(TASK.decode(target, decode_rgb(data), params), annotation, params)
    assert all(limit.holds(figures[limit.metric]) for limit in TASK.limits)
    return figures


def _instruction(rendered, seed=0):
    return word(section(load_bank(TASK.name), rendered.section), rendered.slots, random.Random(seed))[0]


def test_a_mask_from_a_trimap():
    sample = _sample(label_map=_trimap())
    rendered = _render(sample)
    expected = np.zeros((60, 100, 3))
    expected[10:50, 20:60] = 255
    assert np.array_equal(rendered.target.pixels(), expected)
    assert rendered.slots == {}
    assert rendered.annotation["area"] == 1600
    assert _figures(sample, rendered) == {"iou": 1}
    assert _instruction(rendered)


def test_a_cutout_keeps_the_subject_and_nothing_else():
    pixels = np.random.default_rng(0).integers(0, 120, (60, 100, 3)).astype(np.uint8)
    sample = _sample(label_map=_trimap(), pixels=pixels)
    rendered = _render(sample, style="cutout")
    target = rendered.target.pixels()
    assert np.array_equal(target[10:50, 20:60], pixels[10:50, 20:60])
    outside = np.ones((60, 100), bool)
    outside[10:50, 20:60] = False
    assert (target[outside] == rendered.params["background"]["rgb"]).all()
    assert rendered.slots["background"] == rendered.params["background"]["color"]
    assert _figures(sample, rendered)["iou"] >= 0.99


def test_the_dominant_object():
    rendered = _render(_sample(_box(CAT, 70, 0, 80, 20), _box(DOG, 10, 10, 60, 50), _box(CAT, 70, 30, 80, 50)))
    assert rendered.annotation["area"] == 2000
    assert _render(_sample(_box(DOG, 0, 0, 40, 40))).annotation["area"] == 1600


@pytest.mark.parametrize(
    ("instances", "options", "reason"),
    [
        ((_box(DOG, 0, 0, 40, 40), _box(CAT, 50, 0, 80, 40)), {}, "no object is the main subject"),
        ((_box(DOG, 0, 0, 40, 40, crowd=True),), {}, "no object is the main subject"),
        ((_box(DOG, 0, 0, 10, 10),), {}, "covers 2% of the picture"),
        ((_box(DOG, 0, 0, 100, 60),), {}, "covers 100% of the picture"),
        ((Instance(DOG, (0, 0, 40, 40)),), {}, "neither a map of a single class nor objects"),
    ],
)
def test_no_main_subject(instances, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(*instances), **options)


def test_a_label_map_of_many_classes_names_no_subject():
    labels = LabelMap({1: "dog", 2: "grass"}, _trimap().load)
    with pytest.raises(NotApplicable, match="single class"):
        _render(_sample(label_map=labels))
    assert _render(_sample(_box(DOG, 0, 0, 40, 40), label_map=labels)).annotation["area"] == 1600


def test_a_trimap_without_its_class():
    empty = LabelMap({1: "dog"}, lambda: np.full((60, 100), 2, np.uint8))
    with pytest.raises(NotApplicable, match="covers 0% of the picture"):
        _render(_sample(label_map=empty))


def test_a_background_in_every_color():
    colors = np.array([color.rgb for color in PALETTES["vivid"]], np.uint8)
    pixels = colors[np.arange(6000).reshape(60, 100) % len(colors)]
    with pytest.raises(NotApplicable, match="the color of every plain background"):
        _render(_sample(label_map=_trimap(), pixels=pixels), style="cutout")


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), style=st.sampled_from(["mask", "cutout"]), size=st.sampled_from([None, 80, 140]))
def test_the_subject_is_read_back(seed, style, size):
    noise = np.random.default_rng(seed).integers(0, 256, (15, 25, 3)).astype(np.uint8)
    sample = _sample(label_map=_trimap(), pixels=noise.repeat(4, axis=0).repeat(4, axis=1))
    sizing = Sizing(resize="longest", size=size) if size else None
    try:
        rendered = _render(sample, seed, sizing, style=style)
    except NotApplicable:
        assert style == "cutout"
        return
    _figures(sample, rendered, sizing)


def test_figures_by_hand():
    rendered = _render(_sample(label_map=_trimap()))
    wrong = rendered.target.pixels().copy()
    wrong[10:50, 20:30] = 100  # a quarter, nearer to black
    figures = Foreground.compare(Foreground.decode(wrong, wrong, rendered.params), rendered.annotation, rendered.params)
    assert figures["iou"] == pytest.approx(0.75)


@pytest.mark.parametrize("style", ["mask", "cutout"])
def test_real_pets(shared_data, style):
    source = OxfordPets(shared_data / "oxford_pets", "trainval")
    entries = list(source.scan(lambda *_: None))
    assert len(entries) >= 10
    for entry in entries[:6]:
        sample = source.sample(entry.id, entry.record)
        _figures(sample, _render(sample, style=style))


@pytest.mark.parametrize("bad", [{"style": "blur"}, {"dominance": 0.5}, {"min_area": 1}, {"x": 1}])
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Foreground.options_type(**bad)
