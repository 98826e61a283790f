"""Instance segmentation: objects in colours of their own, found again as clusters."""

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
    Sample,
    Segment,
    SegmentMap,
)
from taskpaint.builders.sources.coco import Coco
from taskpaint.builders.tasks.instances import Instances
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.manifests.target import PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Instances, {"absent": 0.0}
DOG, CAT, SKY = Category(1, "dog"), Category(2, "cat"), Category(3, "sky")


def _box(category, x0, y0, x1, y1, crowd=False):
    return Instance(category, (x0, y0, x1, y1), [[x0, y0, x1, y0, x1, y1, x0, y1]], crowd)


DOGS = (_box(DOG, 5, 5, 25, 25), _box(DOG, 20, 10, 60, 50), _box(DOG, 70, 5, 95, 30))


def _sample(*instances, **known):
    data = encode_png(np.full((60, 100, 3), 90, np.uint8))
    return Sample("1", FileBytes(None, data), 100, 60, instances or DOGS, **known)


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


def test_every_object_has_a_color_of_its_own():
    rendered = _render(_sample())
    pixels = rendered.target.pixels().astype(int)
    # The smaller dog lies on the larger: 20 x 20; 40 x 40 - 5 x 15; 25 x 25.
    assert [one["area"] for one in rendered.annotation["segments"]] == [400, 1525, 625]
    colors = [tuple(pixels[y, x]) for y, x in ((22, 22), (40, 40), (10, 80))]
    for position, color in enumerate(colors):
        for other in [*colors[:position], (0, 0, 0)]:
            assert np.linalg.norm(np.subtract(color, other)) >= 64
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 4
    assert pixels[55, 5].tolist() == [0, 0, 0]
    assert _figures(_sample(), rendered) == {"pq": 1, "min_iou": 1, "missed": 0, "extra": 0}


def test_the_colors_are_the_painters_own():
    rendered = _render(_sample(), background="white")
    assert rendered.params == {
        "background": {"color": "white", "rgb": [255, 255, 255]}, "legend": [], "name": "dog", "split": False,
    }  # fmt: skip
    assert rendered.slots["background"] == "white"
    assert rendered.target.pixels()[55, 5].tolist() == [255, 255, 255]


def test_numbers_are_true_and_not_always_given():
    assert {_render(_sample(), seed).slots["object"] for seed in range(40)} == {Noun("dog"), Noun("dog", count=3)}


def test_a_class_is_asked_for_as_a_whole_or_not_at_all():
    cats = (_box(CAT, 0, 0, 20, 20), _box(CAT, 40, 0, 60, 20))
    for seed in range(10):
        assert _render(_sample(*DOGS, _box(DOG, 60, 40, 90, 60, crowd=True), *cats), seed).params["name"] == "cat"
        assert _render(_sample(*cats, *DOGS, _box(DOG, 60, 50, 61, 51)), seed, min_object=0.01).params["name"] == "cat"
        assert _render(_sample(*cats, *DOGS), seed, count=(3, 9)).params["name"] == "dog"
        assert _render(_sample(*cats, *DOGS), seed, classes=("cat",)).params["name"] == "cat"


@pytest.mark.parametrize(
    ("instances", "options", "reason"),
    [
        (DOGS[:1], {}, "no class has 2 to 40 objects"),
        (DOGS, {"count": (1, 2)}, "no class has 1 to 2 objects"),
        ((*DOGS, _box(DOG, 0, 0, 3, 3)), {}, "too small to paint"),
        ((Instance(DOG, (0, 0, 9, 9)),) * 2, {}, "no class has"),
    ],
)
def test_what_cannot_be_asked_for(instances, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(*instances), **options)


def test_a_class_that_is_not_there():
    rendered = _render(_sample(absent=("horse",)), absent=1.0)
    assert rendered.target.pixels().max() == 0
    assert rendered.slots["object"] == Noun("horse")
    assert rendered.annotation["segments"] == []
    assert _figures(_sample(), rendered)["extra"] == 0
    painted = _render(_sample()).target.pixels()
    figures = Instances.compare(
        Instances.decode(painted, painted, rendered.params), rendered.annotation, rendered.params
    )
    assert figures["extra"] == 3


def test_things_of_a_panoptic_map():
    values = np.zeros((60, 100), np.int32)
    values[:30, :30], values[:30, 40:70], values[40:] = 1, 2, 3
    segments = SegmentMap((Segment(1, DOG), Segment(2, DOG), Segment(3, SKY, thing=False)), lambda: values)
    boxes = (Instance(DOG, (0, 0, 30, 30)), Instance(DOG, (40, 0, 70, 30)))
    rendered = _render(_sample(*boxes, segments=segments))
    assert [one["area"] for one in rendered.annotation["segments"]] == [900, 900]
    with pytest.raises(NotApplicable):
        _render(_sample(*boxes, segments=segments), classes=("sky",))


def test_parts_that_do_not_touch_are_split_only_when_asked():
    rendered = _render(_sample(), split=True)
    painted = rendered.target.pixels()
    same = painted.copy()
    same[(painted == painted[10, 80]).all(axis=2)] = painted[22, 22]  # two dogs in one color
    whole = {**rendered.params, "split": False}
    figures = [
        Instances.compare(Instances.decode(same, same, p), rendered.annotation, p) for p in (rendered.params, whole)
    ]
    assert figures[0] == {"pq": 1, "min_iou": 1, "missed": 0, "extra": 0}
    # As one: 1025 pixels that overlap the larger dog's 625 by 61 %, and the other dog is missed.
    assert figures[1] == {"pq": pytest.approx((1 + 625 / 1025) / 2.5), "min_iou": 0, "missed": 1, "extra": 0}
    halves = Instance(DOG, (0, 0, 90, 9), [[0, 40, 30, 40, 30, 50, 0, 50], [50, 40, 90, 40, 90, 50, 50, 50]])
    with pytest.raises(NotApplicable, match="in several pieces"):
        _render(_sample(*DOGS, halves), split=True)
    assert len(_render(_sample(*DOGS, halves)).annotation["segments"]) == 4


def test_decoding_bears_noise_and_a_wrong_background():
    rendered = _render(_sample())
    noise = np.random.default_rng(1).normal(0, 5, (60, 100, 3)) + 8
    noisy = np.clip(rendered.target.pixels() + noise, 0, 255).astype(np.uint8)
    figures = Instances.compare(Instances.decode(noisy, noisy, rendered.params), rendered.annotation, rendered.params)
    assert figures["missed"] == figures["extra"] == 0
    assert figures["min_iou"] >= 0.97


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    boxes=st.lists(
        st.tuples(st.integers(0, 80), st.integers(0, 45), st.integers(4, 40), st.integers(4, 30)),
        min_size=2,
        max_size=20,
    ),
    background=st.sampled_from(["black", "white", "any"]),
    size=st.sampled_from([None, 150]),
)
def test_every_map_is_read_back(seed, boxes, background, size):
    dogs = [_box(DOG, x, y, min(x + w, 100), min(y + h, 60)) for x, y, w, h in boxes]
    sizing = Sizing(resize="longest", size=size) if size else None
    try:
        rendered = _render(_sample(*dogs), seed, sizing, background=background)
    except NotApplicable:
        return  # an object is covered by others
    assert _figures(_sample(*dogs), rendered, sizing)["min_iou"] == 1


def test_real_objects(shared_data):
    source = Coco(shared_data / "coco", "val2017")
    painted = 0
    for entry in list(source.scan(lambda *_: None)):
        sample = source.sample(entry.id, entry.record)
        try:
            rendered = _render(sample)
        except NotApplicable:
            continue
        painted += 1
        assert _figures(sample, rendered)["pq"] == 1
    assert painted >= 8


@pytest.mark.parametrize("bad", [{"count": (0, 2)}, {"count": (3, 2)}, {"count": (2, 61)}, {"background": "red"}])
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Instances.options_type(**bad)
