"""The adaptation task: marks by hand, words that fit them, samples without objects."""

from __future__ import annotations

import json
import random

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.marks.overlay import blend_table
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Category, FileBytes, Instance, Joint, Sample, Skeleton
from taskpaint.builders.tasks.adaptation import Adaptation, AdaptationOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import read_header
from taskpaint.manifests.recipe import Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png

DOG, PERSON = Category(1, "dog"), Category(2, "person")
LEVEL = 90
SKELETON = Skeleton("person", ("left knee", "right knee"))


def _object(category=DOG, box=(40.0, 30.0, 80.0, 60.0), **known):
    left, top, right, bottom = box
    return Instance(category, box, [[left, top, right, top, right, bottom, left, bottom]], **known)


def _sample(*objects, captions=("A dog sits on grass.",), width=200, height=150):
    photo = np.full((height, width, 3), LEVEL, np.uint8)
    return Sample("1", FileBytes(None, encode_png(photo)), width, height, instances=objects, captions=captions)


def _render(sample, seed=0, sizing=None, **options):
    task, draw = Adaptation(AdaptationOptions(**options)), random.Random(seed)
    data, size = sample.image.read(), (sample.width, sample.height)
    geometry = fit(sizing, size, None, random.Random(0)) if sizing else Geometry.native(size)
    view = View(sample, data, read_header(data), geometry)
    rendered = task.render(view, task.choose(sample, draw), draw)
    assert (view.rgb == LEVEL).all()  # marks go on a copy
    return rendered


def _changed(rendered):
    return (rendered.target.rgb != LEVEL).any(axis=2)


@given(
    st.sampled_from(["patches", "circle", "tint"]),
    st.integers(0, 2**32),
    st.sampled_from([None, Sizing(resize="square", size=96), Sizing(resize="stretch", size=128)]),
)
@settings(max_examples=60, deadline=None)
def test_every_mark_shows_and_is_told(kind, seed, sizing):
    rendered = _render(_sample(_object()), seed, sizing, kinds=[kind])
    params, annotation = json.loads(json.dumps([rendered.params, rendered.annotation]))
    assert params == {"kind": kind, "caption": "A dog sits on grass", "text_to_image": True}
    assert annotation["kind"] == kind
    assert _changed(rendered).any()
    assert (rendered.source.pixels() == 128).all()
    assert rendered.source.pixels().shape == rendered.target.rgb.shape
    assert set(rendered.slots) == set(Adaptation.sections[rendered.section])
    text, _ = word(section(load_bank("adaptation"), rendered.section), rendered.slots, random.Random(seed))
    assert "dog sits on grass" in text
    if kind != "patches":
        assert annotation["color"] in text
    assert Adaptation.compare(Adaptation.decode(rendered.target.rgb, None, params), annotation, params) == {}


def test_patches_by_hand():
    rendered = _render(_sample(), kinds=["patches"], patches=(5, 5))
    patches = rendered.annotation["patches"]
    assert len(patches) == 5
    covered = np.zeros((150, 200), bool)
    for patch in patches:
        left, top, right, bottom = patch["xyxy"]
        assert 0 <= left < right <= 200
        assert 0 <= top < bottom <= 150
        covered[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = True
    assert not (_changed(rendered) & ~covered).any()
    last = patches[-1]
    x, y = (last["xyxy"][0] + last["xyxy"][2]) // 2, (last["xyxy"][1] + last["xyxy"][3]) // 2
    assert rendered.target.rgb[y, x].tolist() == last["rgb"]


def test_a_circle_by_hand():
    rendered = _render(_sample(_object()), kinds=["circle"])
    rows, columns = np.nonzero(_changed(rendered))
    radii = np.hypot(columns - 59.5, rows - 44.5)  # the box's centre, in pixel centres
    # half the diagonal of 40 x 30 is 25
    assert radii.min() + 2 >= 25
    assert radii.max() == pytest.approx(1.05 * 25, abs=0.5)
    assert rendered.slots["object"] == Noun("dog", form="indefinite")
    assert rendered.annotation["center"] == [59.5, 44.5]
    assert (rendered.target.rgb[_changed(rendered)] == rendered.annotation["rgb"]).all()


def test_a_joint_by_hand():
    joints = (Joint(100, 70, 2), Joint(50, 40, 1))  # the right knee is hidden
    person = _object(PERSON, (5.0, 5.0, 195.0, 145.0), joints=joints, skeleton=SKELETON)  # too large for a circle
    for seed in range(6):
        rendered = _render(_sample(person), seed, kinds=["circle"])
        assert rendered.slots["object"] == "the left knee of one person"
        assert rendered.annotation["center"] == [100, 70]
        assert rendered.annotation["radius_px"] == pytest.approx(0.07 * 150)


def test_a_tint_by_hand():
    rendered = _render(_sample(_object(), _object(box=(100.0, 90.0, 140.0, 120.0))), kinds=["tint"])
    changed = _changed(rendered)
    expected = np.zeros((150, 200), bool)
    expected[30:60, 40:80] = expected[90:120, 100:140] = True
    assert np.array_equal(changed, expected)
    coat = blend_table(tuple(rendered.annotation["rgb"]), 0.5)[LEVEL]
    assert (rendered.target.rgb[changed] == coat).all()
    assert rendered.slots["object"] == Noun("dog", count=2)
    assert np.array_equal(regions.decode(regions.from_json(rendered.annotation["rle"])) != 0, expected)


def test_a_crowd_is_not_counted_nor_circled():
    crowd = _object(crowd=True)
    assert _render(_sample(crowd), kinds=["tint"]).slots["object"] == Noun("dog")
    with pytest.raises(NotApplicable, match="no object to mark with circle"):
        _render(_sample(crowd), kinds=["circle"])


def test_without_objects_there_are_patches():
    assert {_render(_sample(), seed).section for seed in range(12)} == {"patches"}
    with pytest.raises(NotApplicable, match=r"no object to mark with (circle or tint|tint or circle)"):
        _render(_sample(), kinds=["circle", "tint"])


def test_all_kinds_are_drawn():
    sample = _sample(_object())
    assert {_render(sample, seed).section for seed in range(40)} == {"patches", "circle", "tint"}


@pytest.mark.parametrize("captions", [(), ("",), ("word " * 40,)])
def test_no_caption(captions):
    with pytest.raises(NotApplicable, match="no caption, or none short enough"):
        _render(_sample(captions=captions))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": ["stars"]}, "kinds"),
        ({"patches": (5, 2)}, "patches"),
        ({"patches": (0, 2)}, "patches"),
        ({"opacity": 1.0}, "opacity"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        AdaptationOptions(**options)
