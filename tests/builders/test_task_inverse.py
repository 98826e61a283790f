"""The inverse task: pictures of every kind read back after the codec, captions, samples that lack things."""

from __future__ import annotations

import json
import random

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.index import SourceIndex
from taskpaint.builders.sample import Category, DepthMap, Feature, FileBytes, Instance, LabelMap, Sample
from taskpaint.builders.subjects.captions import draw_caption, usable_captions
from taskpaint.builders.subjects.conditions import CONDITION_KINDS, features_for
from taskpaint.builders.tasks.inverse import Inverse, InverseOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Legend, slots_from_json, slots_to_json
from taskpaint.manifests.target import FlatTarget, SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_target

DOG, CAT = Category(1, "dog"), Category(2, "cat")


def _box(category, left, top, right, bottom):
    polygon = [left, top, right, top, right, bottom, left, bottom]
    return Instance(category, (left, top, right, bottom), [[float(value) for value in polygon]])


def _photo(width=120, height=90, seed=0):
    tiles = np.random.default_rng(seed).integers(20, 236, (height // 15, width // 15, 3))
    return np.kron(tiles, np.ones((15, 15, 1)))[:height, :width].astype(np.uint8)


def _sample(captions=("A dog and a cat.",), photo=None, depth=None, **known):
    photo = _photo() if photo is None else photo
    height, width = photo.shape[:2]
    depth_map = None if depth is None else DepthMap(lambda: depth)
    return Sample("1", FileBytes(None, encode_png(photo)), width, height, captions=captions, depth=depth_map, **known)


def _full():
    """A dog, two cats, and depth with a hole."""
    depth = np.linspace(1, 9, 90, dtype=np.float32)[:, None] * np.ones((1, 120), np.float32)
    depth[20:40, 30:60] = 0
    objects = (_box(DOG, 10, 10, 50, 60), _box(CAT, 60, 5, 90, 40), _box(CAT, 70, 50, 115, 85))
    return _sample(instances=objects, depth=depth)


def _view(sample, sizing=None):
    data, size = sample.image.read(), (sample.width, sample.height)
    geometry = fit(sizing, size, None, random.Random(0)) if sizing else Geometry.native(size)
    return View(sample, data, read_header(data), geometry)


def _render(sample, seed=0, sizing=None, **options):
    task, draw = Inverse(InverseOptions(**options)), random.Random(seed)
    return task.render(_view(sample, sizing), task.choose(sample, draw), draw)


def _figures(rendered, noise=0.0):
    source = decode_rgb(encode_target(rendered.source, b"", Output()))
    wobble = np.random.default_rng(0).normal(0, noise, source.shape)
    source = np.clip(np.rint(source + wobble), 0, 255).astype(np.uint8)
    params, annotation = json.loads(json.dumps([rendered.params, rendered.annotation]))
    return Inverse.compare(Inverse.decode(np.zeros_like(source), source, params), annotation, params)


@given(
    st.sampled_from(CONDITION_KINDS),
    st.integers(0, 2**32),
    st.sampled_from([None, Sizing(resize="square", size=64), Sizing(resize="pad", size=80)]),
)
@settings(max_examples=80, deadline=None)
def test_pictures_come_back(kind, seed, sizing):
    rendered = _render(_full(), seed, sizing, kinds=[kind])
    assert isinstance(rendered.target, SameTarget)
    assert isinstance(rendered.source, FlatTarget)  # lossless
    figures = _figures(rendered)
    assert figures["readable"] == 1, figures
    assert rendered.params["kind"] == kind
    assert set(rendered.slots) == set(Inverse.sections[rendered.section])


@pytest.mark.parametrize("kind", ["mask", "boxes", "edges"])
def test_a_noisy_picture_is_still_read(kind):
    assert _figures(_render(_full(), kinds=[kind]), noise=8)["readable"] == 1


@pytest.mark.parametrize("kind", CONDITION_KINDS)
def test_another_picture_is_not_readable(kind):
    rendered = _render(_full(), kinds=[kind])
    height, width = rendered.source.index.shape
    wrong = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    decoded = Inverse.decode(wrong, wrong, rendered.params)
    assert Inverse.compare(decoded, rendered.annotation, rendered.params)["readable"] == 0


def test_a_mask_by_hand():
    rendered = _render(_full(), kinds=["mask"], captions=0)
    by_name = {asked["name"]: asked["rgb"] for asked in rendered.params["condition"]["targets"]}
    pixels = rendered.source.pixels()
    assert set(by_name) == {"dog", "cat"}
    assert (pixels[10:60, 10:50] == by_name["dog"]).all()
    assert (pixels[5:40, 60:90] == by_name["cat"]).all()
    assert (pixels[50:85, 70:115] == by_name["cat"]).all()
    assert (pixels[88] == 0).all()
    areas = {region["name"]: region["area"] for region in rendered.annotation["regions"]}
    assert areas == {"dog": 40 * 50, "cat": 30 * 35 + 45 * 35}


def test_boxes_by_hand():
    rendered = _render(_full(), kinds=["boxes"], box_classes=(2, 2), captions=0)
    by_name = {asked["name"]: asked["rgb"] for asked in rendered.params["condition"]["targets"]}
    pixels = rendered.source.pixels()
    assert (pixels[10, 10:50] == by_name["dog"]).all()
    assert (pixels[10:60, 49] == by_name["dog"]).all()
    assert (pixels[84, 70:115] == by_name["cat"]).all()
    assert (pixels[20:30, 20:40] == 0).all()
    assert isinstance(rendered.slots["legend"], Legend)
    assert len(rendered.slots["legend"].parts) == 2


def test_one_class_of_boxes_is_a_legend_too():
    rendered = _render(_full(), kinds=["boxes"], box_classes=(1, 1))
    assert len(rendered.slots["legend"].parts) == 1


def test_depth_has_no_holes_and_names_its_ends():
    for seed in range(12):
        rendered = _render(_full(), seed, kinds=["depth"])
        pixels = rendered.source.pixels()
        turbo = not (pixels[..., 0] == pixels[..., 2]).all()
        assert ("turbo" in rendered.slots["range"]) == turbo
        assert "magenta" not in rendered.slots["range"]
        if not turbo:
            ends = pixels[0, 0, 0], pixels[-1, 0, 0]
            assert ends == ((0, 255) if rendered.params["condition"]["near_is"] == "dark" else (255, 0))


def test_edges_by_hand():
    photo = np.full((60, 80, 3), 60, np.uint8)
    photo[:, 40:] = 180
    rendered = _render(_sample((), photo), kinds=["edges"])
    lines = rendered.source.index
    columns = np.unique(np.nonzero(lines)[1])
    assert len(columns) == 1
    assert columns[0] in (39, 40)
    assert rendered.annotation == {"size": [60, 80], "area": int(lines.sum())}
    assert rendered.section == "edges"


def test_a_plain_photo_has_no_edges():
    with pytest.raises(NotApplicable, match="edges: the photo has next to no edges"):
        _render(_sample((), np.full((60, 80, 3), 60, np.uint8)))


def test_another_kind_stands_in():
    maps = LabelMap({1: "sky"}, lambda: np.ones((90, 120), np.int32))
    sample = _sample(label_map=maps)
    # one class is too few for a map, and the sample has neither boxes nor depth
    assert {_render(sample, seed).params["kind"] for seed in range(20)} == {"edges"}
    with pytest.raises(NotApplicable, match="mask: 1 classes are large enough"):
        _render(sample, kinds=["mask"])
    with pytest.raises(NotApplicable, match=r"nothing for boxes, depth|nothing for depth, boxes"):
        _render(sample, kinds=["boxes", "depth"])


def test_all_kinds_are_drawn():
    sample = _full()
    assert {_render(sample, seed).params["kind"] for seed in range(60)} == set(CONDITION_KINDS)


def test_captions():
    sample = _full()
    for seed in range(10):
        rendered = _render(sample, seed, captions=1)
        assert rendered.section.endswith("-caption")
        assert rendered.slots["caption"] == rendered.params["caption"] == "A dog and a cat"
        rendered = _render(sample, seed, captions=0)
        assert "caption" not in rendered.slots
        assert rendered.params["caption"] is None
    assert not _render(_sample(()), captions=1, kinds=["edges"]).section.endswith("-caption")


def test_captions_beside_a_legend_are_shorter():
    long = " ".join(["word"] * 20)
    objects = (_box(DOG, 10, 10, 50, 60), _box(CAT, 60, 5, 90, 40))
    sample = _sample((long,), instances=objects)
    assert _render(sample, kinds=["boxes"], captions=1).params["caption"] is None
    assert _render(sample, kinds=["edges"], captions=1).params["caption"] == long


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("A dog runs.", ["A dog runs"]),
        ('  A "big"   dog\n runs!? ', ["A 'big' dog runs"]),
        ("“Hi” ...", ["'Hi'"]),
        (" . ", []),
        ("", []),
        ("word " * 27, []),
        ("word " * 26, [" ".join(["word"] * 26)]),
    ],
)
def test_usable_captions(given_text, expected):
    assert usable_captions(_sample((given_text,))) == expected


def test_captions_are_drawn_once_each():
    sample = _sample(("One.", "One", "Two"))
    assert usable_captions(sample) == ["One", "Two"]
    assert {draw_caption(sample, random.Random(seed)) for seed in range(20)} == {"One", "Two"}


@pytest.mark.parametrize("kind", CONDITION_KINDS)
@pytest.mark.parametrize("captions", [0, 1])
def test_the_instruction_can_be_worded(kind, captions):
    rendered = _render(_full(), kinds=[kind], captions=captions)
    stored = slots_from_json(json.loads(json.dumps(slots_to_json(rendered.slots))))
    text, _ = word(section(load_bank("inverse"), rendered.section), stored, random.Random(2))
    assert text[0].isupper()
    assert ("dog and a cat" in text) == bool(captions)


class _Index(SourceIndex):
    def __init__(self):
        """Four rows: depth, boxes, a label map, nothing."""

    def features(self):
        return np.array([Feature.DEPTH, Feature.BOXES, Feature.SEMANTIC, 0], np.uint32)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["depth"], [1, 0, 0, 0]),
        (["boxes", "depth"], [1, 1, 0, 0]),
        (["mask"], [0, 0, 1, 0]),
        (["edges"], [1, 1, 1, 1]),
    ],
)
def test_eligible(kinds, expected):
    assert Inverse(InverseOptions(kinds=kinds)).eligible(_Index()).tolist() == [bool(value) for value in expected]
    assert all(features_for(kind) for kind in kinds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": ["sound"]}, "kinds"),
        ({"captions": 1.5}, "captions"),
        ({"depth_style": "jet"}, "depth_style"),
        ({"classes": (5, 2)}, "classes"),
        ({"classes": (0, 2)}, "classes"),
        ({"box_classes": (1, 9)}, "box_classes"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        InverseOptions(**options)
