"""Referring segmentation: what a sentence means is painted and read back."""

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
    Expression,
    FileBytes,
    Instance,
    Sample,
)
from taskpaint.builders.sources.refcoco import Refcoco
from taskpaint.builders.tasks.referring import Referring
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Legend
from taskpaint.manifests.target import PhotoTarget, SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Referring, {"absent": 0.0}
MAN, DOG = Category(1, "person"), Category(2, "dog")


def _box(category, x0, y0, x1, y1):
    return Instance(category, (x0, y0, x1, y1), [[x0, y0, x1, y0, x1, y1, x0, y1]])


def _sample(*expressions, instances=None, pixels=None):
    if instances is None:
        instances = (_box(MAN, 5, 5, 35, 55), _box(DOG, 50, 10, 90, 50), _box(MAN, 55, 20, 75, 45))
    pixels = np.full((60, 100, 3), 90, np.uint8) if pixels is None else pixels
    return Sample("1", FileBytes(None, encode_png(pixels)), 100, 60, instances, expressions=expressions)


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


def test_an_overlay_by_hand():
    sample = _sample(Expression(("left guy.",), (0,)))
    rendered = _render(sample)
    expected = np.full((60, 100, 3), 90)
    expected[5:55, 5:35] = np.rint((90 + np.array(rendered.params["targets"][0]["rgb"])) / 2)
    assert np.array_equal(rendered.target.pixels(), expected)
    assert rendered.section == "overlay"
    assert rendered.slots["expression"] == "left guy"
    assert rendered.annotation["regions"][0]["area"] == 1500
    assert "left guy" in _instruction(rendered)
    assert _figures(sample, rendered)["iou"] >= 0.99


def test_a_sentence_may_mean_several_objects_and_each_sentence_is_drawn():
    sample = _sample(Expression(("both men", 'the two "guys"'), (0, 2)))
    found = {_render(sample, seed).slots["expression"] for seed in range(20)}
    assert found == {"both men", "the two 'guys'"}
    assert _render(sample).annotation["regions"][0]["area"] == 1500 + 500


def test_several_sentences_share_no_object():
    sample = _sample(Expression(("left guy",), (0,)), Expression(("both men",), (0, 2)), Expression(("dog",), (1,)))
    pairs = set()
    for seed in range(30):
        rendered = _render(sample, seed, style="mask", count=(2, 3))
        assert rendered.section == "mask-many"
        legend = rendered.slots["legend"]
        assert isinstance(legend, Legend)
        pairs.add(frozenset(phrase for phrase, _ in legend.parts))
        assert _figures(sample, rendered) == {"iou": 1, "clean": 1}
    assert pairs == {frozenset({'"left guy"', '"dog"'}), frozenset({'"both men"', '"dog"'})}


def test_one_sentence_said_of_two_objects_keeps_both():
    rendered = _render(_sample(Expression(("that one",), (0,)), Expression(("that one",), (1,))), count=[2, 2])
    assert sorted(region["area"] for region in rendered.annotation["regions"]) == [30 * 50, 40 * 40]
    assert [region["name"] for region in rendered.annotation["regions"]] == ["that one", "that one"]


def test_the_smaller_lies_on_top():
    sample = _sample(Expression(("man",), (2,)), Expression(("dog",), (1,)))
    areas = {one["name"]: one["area"] for one in _render(sample, count=(2, 2)).annotation["regions"]}
    assert areas == {"man": 500, "dog": 1600 - 500}


@pytest.mark.parametrize("style", ["overlay", "solid", "mask"])
def test_a_sentence_that_means_nothing(style):
    sample = _sample(Expression(("pink elephant",), ()), Expression(("left guy",), (0,)))
    rendered = _render(sample, style=style, absent=1.0)
    assert rendered.slots["expression"] == "pink elephant"
    assert rendered.annotation["regions"][0]["area"] == 0
    if style == "mask":
        assert rendered.target.pixels().max() == 0
    else:
        assert isinstance(rendered.target, SameTarget)
    assert _figures(sample, rendered)["clean"] == 1
    shares = [_render(sample, seed, absent=0.3).annotation["regions"][0]["area"] == 0 for seed in range(100)]
    assert 15 <= sum(shares) <= 45


def test_without_a_meaning_there_is_nothing_to_paint():
    with pytest.raises(NotApplicable, match="too few sentences"):
        _render(_sample(Expression(("nothing",), ())))
    with pytest.raises(NotApplicable, match="too few sentences"):
        _render(_sample(Expression(("tiny",), (0,)), instances=(_box(MAN, 0, 0, 9, 9),)))
    with pytest.raises(NotApplicable, match="too few sentences"):
        _render(_sample(Expression(("unmasked",), (0,)), instances=(Instance(MAN, (0, 0, 50, 50)),)))
    with pytest.raises(NotApplicable, match="has no words"):
        _render(_sample(Expression(("...",), (0,))))


def test_a_crop_that_leaves_too_little():
    # The square in the middle shows columns 20 to 79: 15 of the man's 30, none of the other's 15.
    half = _sample(Expression(("guy",), (0,)))
    assert _render(half, sizing=Sizing(resize="square", size=60)).annotation["regions"][0]["area"] == 750
    gone = _sample(Expression(("guy",), (0,)), instances=(_box(MAN, 0, 5, 30, 55),))
    with pytest.raises(NotApplicable, match="too little is shown"):
        _render(gone, sizing=Sizing(resize="square", size=60))


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    style=st.sampled_from(["overlay", "solid", "mask"]),
    opacity=st.floats(0.3, 0.9),
    size=st.sampled_from([None, 64, 90]),
)
def test_what_is_painted_is_read_back(seed, style, opacity, size):
    noise = np.random.default_rng(seed).integers(0, 256, (15, 25, 3)).astype(np.uint8)
    sample = _sample(
        Expression(("a",), (0,)), Expression(("b",), (1,)), Expression(("c",), (2,)),
        pixels=noise.repeat(4, axis=0).repeat(4, axis=1),
    )  # fmt: skip
    sizing = Sizing(resize="longest", size=size) if size else None
    rendered = _render(sample, seed, sizing, style=style, opacity=opacity, count=(1, 3))
    _figures(sample, rendered, sizing)


def test_real_sentences(shared_data):
    source = Refcoco(shared_data / "refcocog", "val")
    entries = list(source.scan(lambda *_: None))
    assert len(entries) == 3
    for entry in entries:
        sample = source.sample(entry.id, entry.record)
        rendered = _render(sample, style="mask")
        assert rendered.annotation["regions"][0]["name"] in {s for e in sample.expressions for s in e.sentences}
        _figures(sample, rendered)


@pytest.mark.parametrize("bad", [{"count": (0, 1)}, {"count": (2, 1)}, {"count": (1, 7)}, {"opacity": 0.1}, {"x": 1}])
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Referring.options_type(**bad)
