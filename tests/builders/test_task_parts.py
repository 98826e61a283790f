"""Part segmentation: parts are told by their wholes, painted and read back."""

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
    LabelMap,
    Sample,
    Segment,
    SegmentMap,
)
from taskpaint.builders.sources.ade20k_full import Ade20kFull
from taskpaint.builders.tasks.parts import Parts
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.manifests.target import PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Parts, {}


def _sample(pixels=None, label_map=True):
    """A car (left half) with two wheels and a window, a bicycle (right) with a wheel, a wheel on both, a handle."""
    values, classes = np.zeros((60, 100), np.int32), np.ones((60, 100), np.uint8)
    classes[:, 50:] = 2
    values[40:55, 5:20] = 101
    values[40:55, 25:40] = 102
    values[10:25, 10:40] = 201
    values[30:50, 60:80] = 103
    values[0:10, 45:57] = 104  # 50 of 120 pixels on the car
    values[5:18, 85:98] = 301
    wheel, window, handle = Category(1, "wheel, round"), Category(2, "window"), Category(3, "handle")
    parts = SegmentMap(
        (*(Segment(n, wheel) for n in (101, 102, 103, 104)), Segment(201, window), Segment(301, handle)), lambda: values
    )
    names = {1: "car, auto", 2: "airplane"}
    pixels = np.full((60, 100, 3), 90, np.uint8) if pixels is None else pixels
    labels = LabelMap(names, lambda: classes) if label_map else None
    return Sample("1", FileBytes(None, encode_png(pixels)), 100, 60, parts=parts, label_map=labels)


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


def _areas(rendered):
    return {one["name"]: one["area"] for one in rendered.annotation["regions"]}


def test_parts_are_told_apart_by_what_they_belong_to():
    found = {}
    for seed in range(40):
        found |= _areas(_render(_sample(), seed))
    # The wheel on the border of both is no one's, and left out.
    assert found == {
        "wheel of a car": 450,
        "wheel of an airplane": 400,
        "window of a car": 450,
        "handle of an airplane": 169,
    }


@pytest.mark.parametrize("known", [{"wholes": False}, {"label_map": False}])
def test_without_wholes_all_of_a_name_are_one(known):
    sample = _sample(label_map=known.pop("label_map", True))
    found = {}
    for seed in range(40):
        found |= _areas(_render(sample, seed, **known))
    assert found == {"wheel, round": 450 + 400 + 120, "window": 450, "handle": 169}


def test_the_instruction_names_parts_and_wholes():
    rendered = _render(_sample(), classes=("window",), style="mask")
    assert rendered.slots["part"] == Noun("window of a car")
    assert rendered.section == "mask"
    assert " of a car" in _instruction(rendered)
    pixels = rendered.target.pixels()
    assert (pixels[10:25, 10:40] == rendered.params["targets"][0]["rgb"]).all()
    assert np.count_nonzero(pixels.any(axis=2)) == 450


def test_several_parts():
    rendered = _render(_sample(), count=(4, 4), style="mask")
    assert rendered.section == "mask-many"
    assert len(_areas(rendered)) == 4
    assert _figures(_sample(), rendered) == {"iou": 1, "clean": 1}


def test_too_few_parts():
    with pytest.raises(NotApplicable, match="4 parts are large enough to paint, 5"):
        _render(_sample(), count=(5, 6))
    with pytest.raises(NotApplicable, match="0 parts"):
        _render(_sample(), classes=("roof",))
    with pytest.raises(NotApplicable, match="no parts"):
        _render(Sample("1", FileBytes(None, encode_png(np.zeros((9, 9, 3), np.uint8))), 9, 9))


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10**6), style=st.sampled_from(["overlay", "solid", "mask"]), size=st.sampled_from([None, 80])
)
def test_what_is_painted_is_read_back(seed, style, size):
    noise = np.random.default_rng(seed).integers(0, 256, (15, 25, 3)).astype(np.uint8)
    sample = _sample(noise.repeat(4, axis=0).repeat(4, axis=1))
    sizing = Sizing(resize="longest", size=size) if size else None
    _figures(sample, _render(sample, seed, sizing, style=style, count=(1, 3)), sizing)


def test_real_parts(shared_data):
    source = Ade20kFull(shared_data / "ade20k_full", "training")
    for entry in list(source.scan(lambda *_: None)):
        sample = source.sample(entry.id, entry.record)
        rendered = _render(sample, style="mask", count=(1, 3), min_area=0.0)
        assert all(" of a" in one["name"] for one in rendered.annotation["regions"])
        _figures(sample, rendered)


@pytest.mark.parametrize("bad", [{"count": (0, 1)}, {"style": "blur"}, {"min_area": 2}, {"x": 1}])
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Parts.options_type(**bad)
