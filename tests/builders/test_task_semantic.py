"""Semantic segmentation: a flat map in the colours of a legend that differs in every sample."""

from __future__ import annotations

import json
import random

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.sample import (
    Category,
    FileBytes,
    Instance,
    LabelMap,
    Sample,
    Segment,
    SegmentMap,
)
from taskpaint.builders.sources.cityscapes import Cityscapes
from taskpaint.builders.tasks.semantic import Semantic
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Legend, Noun
from taskpaint.manifests.target import FlatTarget, PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Semantic, {"absent": 0.0}


def _sample(values=None, **known):
    if values is None:
        values = np.zeros((60, 100), np.uint8)
        values[:20], values[20:40, :50], values[40:], values[20:30, 60:65] = 1, 2, 3, 4
    label_map = LabelMap({1: "sky", 2: "car", 3: "road", 4: "lamp", 5: "dog", 6: "cat"}, lambda: values)
    data = encode_png(np.full((*values.shape, 3), 90, np.uint8))
    return Sample("1", FileBytes(None, data), values.shape[1], values.shape[0], **{"label_map": label_map, **known})


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


def test_a_map_by_hand():
    rendered = _render(_sample(), count=(3, 3))
    assert isinstance(rendered.target, FlatTarget)
    pixels = rendered.target.pixels()
    colors = {one["name"]: one["rgb"] for one in rendered.params["targets"]}
    assert set(colors) == {"sky", "car", "road"}  # the lamp's 50 pixels are too few
    assert (pixels[:20] == colors["sky"]).all()
    assert (pixels[20:40, :50] == colors["car"]).all()
    assert (pixels[40:] == colors["road"]).all()
    assert (pixels[20:40, 50:] == 0).all()
    assert {one["name"]: one["area"] for one in rendered.annotation["regions"]} == {
        "sky": 2000, "car": 1000, "road": 2000,
    }  # fmt: skip
    assert _figures(_sample(), rendered) == {"mean_iou": 1, "min_iou": 1, "accuracy": 1}


def test_the_legend_differs_from_sample_to_sample():
    colors = {tuple(one["rgb"]) for s in range(20) for one in _render(_sample(), s).params["targets"]}
    assert len(colors) >= 8
    many = {tuple(one["rgb"]) for s in range(20) for one in _render(_sample(), s, notation="hex").params["targets"]}
    assert len(many) >= 35


@pytest.mark.parametrize(("notation", "pattern"), [("hex", "#{:02X}{:02X}{:02X}"), ("rgb", "({}, {}, {})")])
def test_colors_are_written_as_they_are(notation, pattern):
    rendered = _render(_sample(), notation=notation, count=(3, 3))
    legend = rendered.slots["legend"]
    assert isinstance(legend, Legend)
    for (noun, text), asked in zip(legend.parts, rendered.params["targets"], strict=True):
        assert text == asked["color"] == pattern.format(*asked["rgb"])
        assert noun == Noun(asked["name"])
        assert text in _instruction(rendered)


def test_mixed_notation_is_drawn_for_each_sample():
    found = {_render(_sample(), seed, notation="mixed").params["notation"] for seed in range(30)}
    assert found == {"names", "hex", "rgb"}


def test_the_legend_is_as_long_as_the_options_say():
    values = np.repeat(np.arange(1, 21), 5)[None].repeat(60, axis=0).astype(np.uint8)
    names = LabelMap({n: f"thing {n}" for n in range(1, 21)}, lambda: values)
    sample = _sample(values, label_map=names)

    def lengths(**options):
        return {len(_render(sample, seed, **options).params["targets"]) for seed in range(60)}

    assert lengths() == {2, 3, 4, 5, 6}
    assert lengths(notation="hex") == {2, 3, 4}
    assert lengths(notation="rgb") == {2, 3}
    assert lengths(max_legend=8) == {2, 3, 4, 5, 6, 7, 8}
    assert lengths(notation="hex", count=(15, 18), max_legend=20) == {15, 16, 17, 18}
    with pytest.raises(NotApplicable, match="more than the 10 named colors"):
        _render(sample, count=(12, 12), max_legend=12)


def test_a_class_that_is_not_there_has_a_color_and_no_pixel():
    places = set()
    for seed in range(40):
        rendered = _render(_sample(), seed, absent=1.0, count=(2, 3))
        areas = [one["area"] for one in rendered.annotation["regions"]]
        names = [one["name"] for one in rendered.annotation["regions"]]
        assert areas.count(0) == 1
        places.add(areas.index(0))
        assert names[areas.index(0)] in {"dog", "cat"}
        assert names == [one["name"] for one in rendered.params["targets"]]
        assert _figures(_sample(), rendered)["accuracy"] == 1
    assert places == {0, 1, 2}


def test_classes_of_segments_and_of_instances():
    dog = Category(5, "dog")
    boxes = [[0, 0, 40, 0, 40, 40, 0, 40]], [[60, 0, 90, 0, 90, 40, 60, 40]]
    dogs = tuple(Instance(dog, None, box, crowd) for box, crowd in zip(boxes, (False, True), strict=True))
    rendered = _render(_sample(label_map=None, instances=dogs), count=(1, 2))
    assert rendered.annotation["regions"][0]["area"] == 1600 + 1200
    values = np.zeros((60, 100), np.int32)
    values[:30], values[30:, :50], values[30:, 60:] = 1, 2, 3
    segments = SegmentMap((Segment(1, Category(1, "sky"), False), Segment(2, dog), Segment(3, dog)), lambda: values)
    rendered = _render(_sample(label_map=None, segments=segments))
    assert {one["name"]: one["area"] for one in rendered.annotation["regions"]} == {"sky": 3000, "dog": 2700}


def test_figures_by_hand():
    rendered = _render(_sample(), count=(3, 3))
    wrong = rendered.target.pixels().copy()
    colors = {one["name"]: one["rgb"] for one in rendered.params["targets"]}
    wrong[20:40, :25] = colors["sky"]  # half of the car
    wrong[20:40, 90:] = colors["road"]  # 200 pixels of the background
    figures = Semantic.compare(Semantic.decode(wrong, wrong, rendered.params), rendered.annotation, rendered.params)
    assert figures["accuracy"] == pytest.approx(1 - 700 / 6000)
    assert figures["min_iou"] == pytest.approx(0.5)
    assert figures["mean_iou"] == pytest.approx((0.5 + 2000 / 2500 + 2000 / 2200) / 3)


def test_too_few_classes():
    with pytest.raises(NotApplicable, match="3 classes are large enough for the legend, 4"):
        _render(_sample(), count=(4, 5))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    notation=st.sampled_from(["names", "hex", "rgb", "mixed"]),
    background=st.sampled_from(["black", "white", "any"]),
    absent=st.sampled_from([0.0, 1.0]),
)
def test_every_map_is_read_back_and_survives_noise(seed, notation, background, absent):
    random_map = np.random.default_rng(seed).integers(0, 5, (6, 10)).astype(np.uint8)
    sample = _sample(random_map.repeat(10, axis=0).repeat(10, axis=1))
    rendered = _render(sample, seed, notation=notation, background=background, absent=absent, count=(1, 6))
    assert _figures(sample, rendered)["accuracy"] == 1
    noise = np.random.default_rng(seed).normal(0, 10, rendered.target.pixels().shape)
    noisy = np.clip(rendered.target.pixels() + noise, 0, 255).astype(np.uint8)
    figures = Semantic.compare(Semantic.decode(noisy, noisy, rendered.params), rendered.annotation, rendered.params)
    assert figures["accuracy"] >= 0.98  # half of 64 is 3.2 standard deviations; a color has a few neighbors


@pytest.mark.parametrize("notation", ["names", "hex", "rgb"])
def test_instructions_are_well_formed(notation):
    rendered = _render(_sample(), notation=notation, background="white")
    for seed in range(60):
        sentence = _instruction(rendered, seed)
        assert sentence[0].isalpha()
        assert sentence[-1] in ".?" or sentence[-1].isalpha()
        assert len(sentence.split()) <= 50


def test_real_maps(shared_data):
    source = Cityscapes(shared_data / "cityscapes", "train")
    for entry in list(source.scan(lambda *_: None)):
        sample = source.sample(entry.id, entry.record)
        sizing = Sizing(resize="shortest", size=256)
        _figures(sample, _render(sample, sizing=sizing), sizing)


@pytest.mark.parametrize(
    "bad", [{"count": (0, 2)}, {"count": (3, 2)}, {"max_legend": 1}, {"notation": "hsv"}, {"count": (2, 61)}]
)
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Semantic.options_type(**bad)
