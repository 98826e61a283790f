"""Edges: lines along boundaries, of a stated width, read back."""

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
from taskpaint.builders.tasks.edges import Edges, draw_edges
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.manifests.target import PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Edges, {}
DOG, CAT, SKY = Category(1, "dog"), Category(2, "cat"), Category(3, "sky")


def _box(category, x0, y0, x1, y1, crowd=False):
    return Instance(category, (x0, y0, x1, y1), [[x0, y0, x1, y0, x1, y1, x0, y1]], crowd)


def _sample(*instances, **known):
    data = encode_png(np.full((60, 100, 3), 90, np.uint8))
    return Sample("1", FileBytes(None, data), 100, 60, instances, **known)


def _halves():
    values = np.ones((60, 100), np.uint8)
    values[:, 50:] = 2
    return LabelMap({1: "sky", 2: "road"}, lambda: values)


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


@pytest.mark.parametrize(("width", "columns"), [(1, [49]), (2, [49, 50]), (3, [48, 49, 50]), (4, [48, 49, 50, 51])])
def test_a_line_by_hand(width, columns):
    sample = _sample(label_map=_halves())
    rendered = _render(sample, width=(width, width))
    expected = np.zeros((60, 100, 3))
    expected[:, columns] = 255
    assert np.array_equal(rendered.target.pixels(), expected)
    assert rendered.slots["width"] == ("1 pixel" if width == 1 else f"{width} pixels")
    assert rendered.annotation["area"] == 60 * width
    assert _figures(sample, rendered) == {"f1": 1, "precision": 1, "recall": 1}


def test_an_outline_by_hand():
    labels = np.zeros((6, 6), np.int32)
    labels[2:4, 2:4] = 1
    found = draw_edges(labels, 1)
    # On the left and upper side of each change: right of column 1 and 3, below row 1 and 3.
    expected = np.zeros((6, 6), int)
    expected[2:4, 1], expected[2:4, 3], expected[1, 2:4], expected[3, 2:4] = 1, 1, 1, 1
    assert found.tolist() == expected.tolist()
    assert not draw_edges(np.full((4, 4), 7, np.int32), 3).any()


def test_black_on_white_and_mixed():
    rendered = _render(_sample(label_map=_halves()), style="black", width=(1, 1))
    pixels = rendered.target.pixels()
    assert (pixels[:, 49] == 0).all()
    assert (np.delete(pixels, 49, axis=1) == 255).all()
    assert (rendered.slots["lines"], rendered.slots["background"]) == ("black", "white")
    found = {_render(_sample(label_map=_halves()), seed, style="mixed").slots["lines"] for seed in range(20)}
    assert found == {"black", "white"}


def test_the_outlines_of_one_class():
    sample = _sample(_box(DOG, 10, 10, 40, 40), _box(DOG, 50, 10, 80, 40), _box(CAT, 0, 50, 20, 60))
    rendered = _render(sample, classes=("dog",), width=(1, 1))
    assert rendered.section == "objects"
    assert rendered.slots["object"] == Noun("dog", count=2)
    # Four sides of 30 pixels; the right and the lower one share a corner.
    assert rendered.annotation["area"] == 2 * (4 * 30 - 1)
    assert {_render(sample, seed).params["name"] for seed in range(20)} == {"dog", "cat"}


@pytest.mark.parametrize(
    ("sample", "options", "reason"),
    [
        (_sample(), {}, "no class has objects to outline"),
        (_sample(_box(DOG, 0, 0, 40, 40, crowd=True)), {}, "no class has objects"),
        (_sample(_box(DOG, 0, 0, 40, 40)), {"classes": ("cat",)}, "no class has objects"),
        (_sample(_box(DOG, 0, 0, 2, 2)), {}, "too little of class dog is shown"),
        (_sample(_box(DOG, 0, 0, 100, 60)), {}, "single region and no boundary"),
        (_sample(label_map=_halves()), {"edges": "segments"}, "the image has no segments"),
        (_sample(_box(DOG, 0, 0, 40, 40)), {"edges": "classes"}, "the image has no classes"),
    ],
)
def test_nothing_to_draw(sample, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(sample, **options)


def test_segments_come_first():
    values = np.ones((60, 100), np.int32)
    values[30:] = 2
    segments = SegmentMap((Segment(1, DOG), Segment(2, DOG)), lambda: values)
    sample = _sample(_box(DOG, 0, 0, 40, 40), label_map=_halves(), segments=segments)
    assert _render(sample, width=(1, 1)).annotation["area"] == 100
    assert _render(sample, width=(1, 1), edges="classes").annotation["area"] == 60
    assert _render(sample, edges="objects").section == "objects"


def test_figures_by_hand():
    rendered = _render(_sample(label_map=_halves()), width=(1, 1))
    shifted = np.roll(rendered.target.pixels(), 1, axis=1)
    two = np.roll(rendered.target.pixels(), 2, axis=1)
    half = rendered.target.pixels().copy()
    half[30:] = 0

    def figures(picture):
        return Edges.compare(Edges.decode(picture, picture, rendered.params), rendered.annotation, rendered.params)

    assert figures(shifted) == {"f1": 1, "precision": 1, "recall": 1}
    assert figures(two) == {"f1": 0, "precision": 0, "recall": 0}
    assert figures(half)["precision"] == 1
    assert figures(half)["recall"] == pytest.approx(31 / 60)  # the row below the last is within a pixel
    assert figures(np.zeros_like(half))["recall"] == 0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), style=st.sampled_from(["white", "black", "mixed"]), width=st.integers(1, 15))
def test_lines_are_read_back(seed, style, width):
    values = np.random.default_rng(seed).integers(0, 4, (6, 10)).repeat(10, axis=0).repeat(10, axis=1)
    sample = _sample(label_map=LabelMap({1: "a", 2: "b", 3: "c"}, lambda: values.astype(np.uint8)))
    rendered = _render(sample, seed, style=style, width=(width, width))
    assert _figures(sample, rendered)["f1"] == 1
    noise = np.random.default_rng(seed).normal(0, 20, (60, 100, 3))
    noisy = np.clip(rendered.target.pixels() + noise, 0, 255).astype(np.uint8)
    assert Edges.compare(Edges.decode(noisy, noisy, rendered.params), rendered.annotation, rendered.params)["f1"] == 1


@pytest.mark.parametrize("bad", [{"width": (0, 1)}, {"width": (3, 2)}, {"width": (1, 16)}, {"edges": "all"}])
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Edges.options_type(**bad)
