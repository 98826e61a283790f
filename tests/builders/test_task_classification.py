"""The classification task: who is asked about, the answer back through the codec, crops that lose the object."""

from __future__ import annotations

import json
import random

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.marks.palette import PALETTES
from taskpaint.builders.sample import Category, FileBytes, Instance, LabelMap, LabelSet, Sample
from taskpaint.builders.tasks.classification import Classification, ClassificationOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.manifests.target import FlatTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_jpeg, encode_png, encode_target

DOG, CAT = Category(1, "dog"), Category(2, "cat")
OBJECTS = LabelSet("object", ("dog",), ("dog", "cat", "car"))


def _sample(width=80, height=40, pixels=None, **known):
    if pixels is None:
        pixels = np.full((height, width, 3), 90, np.uint8)
    return Sample("1", FileBytes(None, encode_png(pixels)), width, height, **known)


def _view(sample, geometry=None):
    data = sample.image.read()
    return View(sample, data, read_header(data), geometry or Geometry.native((sample.width, sample.height)))


def _crop(sample, left, right):
    """Only these columns are shown, at twice the size."""
    width, height = right - left, sample.height
    size = (2 * width, 2 * height)
    return Geometry((sample.width, height), (left, 0, right, height), size, (0, 0), size)


def _task(**options):
    return Classification(ClassificationOptions(**options))


def _asked(sample, seeds=60, **options):
    """(name, whether present) of all that is asked, over many draws."""
    found = set()
    for seed in range(seeds):
        choice = _task(**options).choose(sample, random.Random(seed)).choice
        found.add((choice.category, choice.present))
    return found


def _render(sample, seed=0, geometry=None, **options):
    task, draw = _task(**options), random.Random(seed)
    subject = task.choose(sample, draw)
    return task.render(_view(sample, geometry), subject, draw)


def _back(rendered, quality=95):
    data = encode_target(rendered.target, b"", Output(jpeg_quality=quality))
    target, params = decode_rgb(data), json.loads(json.dumps(rendered.params))
    decoded = Classification.decode(target, np.zeros_like(target), params)
    return decoded, Classification.compare(decoded, json.loads(json.dumps(rendered.annotation)), params)


def test_fill_by_hand():
    rendered = _render(_sample(labels=(OBJECTS,)), negatives=0)
    assert isinstance(rendered.target, FlatTarget)
    assert rendered.target.pixels().shape == (40, 80, 3)
    yes, no = rendered.params["yes"], rendered.params["no"]
    assert (rendered.target.pixels() == yes["rgb"]).all()
    assert yes["rgb"] != no["rgb"]
    assert dict(rendered.slots) == {
        "category": Noun("dog", form="indefinite"),
        "yes": yes["color"],
        "no": no["color"],
    }
    assert rendered.annotation == {"size": [40, 80], "category": "dog", "present": True}
    assert rendered.params["border_px"] == 0


def test_an_absent_class_gets_the_other_colour():
    rendered = _render(_sample(labels=(OBJECTS,)), negatives=1)
    assert rendered.annotation["category"] in ("cat", "car")
    assert rendered.annotation["present"] is False
    assert (rendered.target.pixels() == rendered.params["no"]["rgb"]).all()


@pytest.mark.parametrize("negatives", [0, 1])
def test_answers_of_ones_own(negatives):
    for seed in range(5):
        rendered = _render(_sample(labels=(OBJECTS,)), seed, negatives=negatives, answers=("green", "black"))
        assert (rendered.slots["yes"], rendered.slots["no"]) == ("green", "black")
        assert (rendered.target.pixels() == ((0, 0, 0) if negatives else (0, 170, 0))).all()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (("green", "mauve"), "palette vivid has no colour 'mauve'; there are: red, "),
        (("gray", "green"), "palette vivid has no colour 'gray'"),
        (("red", "red"), "yes and no cannot both be red"),
        (("red",), "answers"),
    ],
)
def test_answers_that_do_not_hold(answers, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        ClassificationOptions(answers=answers)


def test_a_border_by_hand():
    pixels = np.random.default_rng(1).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    rendered = _render(_sample(pixels=pixels, labels=(OBJECTS,)), negatives=0, style="border", border=0.1)
    framed = rendered.target.pixels()
    assert rendered.params["border_px"] == 4
    assert np.array_equal(framed[4:36, 4:76], pixels[4:36, 4:76])
    outside = np.ones((40, 80), bool)
    outside[4:36, 4:76] = False
    assert (framed[outside] == rendered.params["yes"]["rgb"]).all()


def test_fill_does_not_read_the_photo():
    sample = _sample(labels=(OBJECTS,))
    view, draw = _view(sample), random.Random(0)
    rendered = _task().render(view, _task().choose(sample, draw), draw)
    assert "rgb" not in vars(view)
    target = rendered.target.pixels()
    answers = [
        Classification.decode(target, source, rendered.params) for source in (np.zeros_like(target), 255 - target)
    ]
    assert answers[0] == answers[1] == rendered.annotation


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 10_000),
    st.sampled_from(["fill", "border"]),
    st.sampled_from(["vivid", "instructdiffusion"]),
    st.floats(0.01, 0.3),
    st.sampled_from([85, 95]),
)
def test_the_answer_comes_back(width, height, seed, style, palette, border, quality):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    sample = _sample(width, height, pixels, labels=(OBJECTS,))
    rendered = _render(sample, seed, style=style, palette=palette, border=border)
    decoded, figures = _back(rendered, quality)
    assert decoded == rendered.annotation
    assert all(limit.holds(figures[limit.metric]) for limit in Classification.limits)


@pytest.mark.parametrize("palette", ["vivid", "instructdiffusion"])
@pytest.mark.parametrize("present", [True, False])
def test_every_pair_of_colours_is_told_apart_on_its_own_background(palette, present):
    colors = PALETTES[palette]
    for yes in colors:
        for no in colors:
            if yes is no:
                continue
            shown, other = (yes, no) if present else (no, yes)
            picture = np.empty((30, 30, 3), np.uint8)
            picture[:] = other.rgb  # the worst photo: all in the other answer's colour
            picture[:2], picture[-2:], picture[:, :2], picture[:, -2:] = (shown.rgb,) * 4
            params = {
                "style": "border",
                "category": "dog",
                "border_px": 2,
                "yes": {"rgb": list(yes.rgb)},
                "no": {"rgb": list(no.rgb)},
            }
            target = decode_rgb(encode_jpeg(picture, 95))
            assert Classification.decode(target, picture, params)["present"] is present


def test_compare():
    yes, no = {"present": True}, {"present": False}
    assert Classification.compare(yes, yes, {}) == {"accuracy": 1.0}
    assert Classification.compare(yes, no, {}) == {"accuracy": 0.0}


def test_labels_say_what_to_ask():
    sample = _sample(labels=(OBJECTS,))
    assert _asked(sample) == {("dog", True), ("cat", False), ("car", False)}
    assert _asked(sample, classes=("dog", "car")) == {("dog", True), ("car", False)}


def test_the_share_of_negatives():
    sample = _sample(labels=(OBJECTS,))
    answers = [_task(negatives=0.25).choose(sample, random.Random(seed)).choice.present for seed in range(2000)]
    assert np.mean(answers) == pytest.approx(0.75, abs=0.04)  # four standard deviations


def test_facets():
    breeds = LabelSet("breed", ("pug",), ("pug", "beagle"))
    sample = _sample(labels=(OBJECTS, breeds))
    assert _asked(sample, facet="breed") == {("pug", True), ("beagle", False)}
    assert {name for name, _ in _asked(sample)} == {"dog", "cat", "car", "pug", "beagle"}
    assert _render(sample, facet="breed").params["facet"] == "breed"
    with pytest.raises(NotApplicable, match="no class to ask about"):
        _task(facet="species").choose(sample, random.Random(0))


def test_objects_too_small_are_not_asked_about():
    speck = Instance(DOG, (0, 0, 1, 1))
    labels = (LabelSet("object", ("dog", "cat"), ("dog", "cat", "car")),)
    sample = _sample(instances=(speck, Instance(CAT, (0, 0, 40, 40))), labels=labels)
    assert _asked(sample) == {("cat", True), ("car", False)}
    assert ("dog", True) in _asked(sample, min_area=0)


def test_a_label_map_says_what_to_ask():
    values = np.zeros((40, 80), np.uint8)
    values[:20], values[39, 79] = 1, 2
    label_map = LabelMap({0: "grass", 1: "sky", 2: "bird", 3: "sea", 4: "sea"}, lambda: values)
    sample = _sample(label_map=label_map)
    # one pixel of 3200 is less than a thousandth: neither asked as present nor as absent
    assert _asked(sample) == {("grass", True), ("sky", True), ("sea", False)}
    assert ("bird", True) in _asked(sample, min_area=0)
    with pytest.raises(NotApplicable):
        _task(facet="breed").choose(sample, random.Random(0))


def test_objects_and_known_absences_will_do():
    sample = _sample(instances=(Instance(DOG, (0, 0, 40, 40)),), absent=("car",))
    assert _asked(sample) == {("dog", True), ("car", False)}


@pytest.mark.parametrize(
    ("sample", "negatives", "answer"),
    [
        (_sample(), 0.5, "(present|absent)"),
        (_sample(labels=(LabelSet("object", (), ("dog",)),)), 0, "present"),
        (_sample(labels=(LabelSet("object", ("dog",), ("dog",)),)), 1, "absent"),
    ],
)
def test_nothing_to_ask(sample, negatives, answer):
    with pytest.raises(NotApplicable, match=f"known to be {answer}"):
        _task(negatives=negatives).choose(sample, random.Random(0))


def test_the_crop_keeps_the_largest_object():
    instances = (Instance(DOG, (0, 0, 5, 5)), Instance(DOG, (30, 10, 60, 30)), Instance(CAT, (0, 0, 80, 40)))
    sample = _sample(instances=instances, labels=(OBJECTS,))
    assert _task(negatives=0).choose(sample, random.Random(0)).box == (30, 10, 60, 30)
    assert _task(negatives=1, classes=("car",)).choose(sample, random.Random(0)).box is None


@pytest.mark.parametrize(("left", "right", "kept"), [(0, 80, True), (40, 80, True), (55, 80, True), (56, 80, False)])
def test_an_object_that_the_crop_loses(left, right, kept):
    # the box is 20 wide from 40 on: 5 columns are a quarter of it
    sample = _sample(instances=(Instance(DOG, (40, 0, 60, 40)),), labels=(OBJECTS,))
    geometry = _crop(sample, left, right)
    if kept:
        assert _render(sample, geometry=geometry, negatives=0).annotation["size"] == [80, 2 * (right - left)]
    else:
        with pytest.raises(NotApplicable, match="too little of the dog"):
            _render(sample, geometry=geometry, negatives=0)


def test_any_object_of_the_class_will_do():
    instances = (Instance(DOG, (0, 0, 20, 40)), Instance(DOG, (60, 0, 80, 40), crowd=True))
    sample = _sample(instances=instances, labels=(OBJECTS,))
    assert _render(sample, geometry=_crop(sample, 50, 80), negatives=0).annotation["present"] is True


def test_an_object_known_by_its_mask_only():
    polygon = [[40.0, 0.0, 60.0, 0.0, 60.0, 40.0, 40.0, 40.0]]
    sample = _sample(instances=(Instance(DOG, None, polygon),), labels=(OBJECTS,))
    assert _task(negatives=0).choose(sample, random.Random(0)).box == (40, 0, 60, 40)
    with pytest.raises(NotApplicable, match="too little"):
        _render(sample, geometry=_crop(sample, 0, 44), negatives=0)
    broken = _sample(instances=(Instance(DOG, None, [[1.0]]),), labels=(OBJECTS,))
    with pytest.raises(BadItem):
        _task(negatives=0).choose(broken, random.Random(0))


def test_a_region_that_the_crop_loses():
    values = np.zeros((40, 80), np.uint8)
    values[:, 60:] = 1
    sample = _sample(label_map=LabelMap({1: "sky"}, lambda: values))
    assert _render(sample, geometry=_crop(sample, 20, 61), negatives=0).annotation["present"] is True
    with pytest.raises(NotApplicable, match="too little of the sky"):
        _render(sample, geometry=_crop(sample, 20, 60), negatives=0)


def test_a_label_of_the_whole_image_survives_a_crop():
    sample = _sample(labels=(OBJECTS,))
    assert _render(sample, geometry=_crop(sample, 0, 10), negatives=0).annotation["present"] is True


def test_an_absent_class_stays_absent_in_a_crop():
    sample = _sample(instances=(Instance(DOG, (0, 0, 10, 10)),), labels=(OBJECTS,))
    assert _render(sample, geometry=_crop(sample, 50, 80), negatives=1).annotation["present"] is False


def test_padding_and_resizing():
    sample = _sample(labels=(OBJECTS,))
    geometry = fit(Sizing(resize="pad", size=64), (80, 40), None, random.Random(0))
    rendered = _render(sample, geometry=geometry, style="border")
    assert rendered.annotation["size"] == [64, 64]
    assert _back(rendered)[1] == {"accuracy": 1.0}


@pytest.mark.parametrize("style", ["fill", "border"])
def test_the_instruction_can_be_worded(style):
    rendered = _render(_sample(labels=(OBJECTS,)), style=style, negatives=0)
    assert rendered.section == style
    assert set(rendered.slots) == set(Classification.sections[style])
    text, _ = word(section(load_bank("classification"), style), rendered.slots, random.Random(2))
    assert "a dog" in text.lower()


def test_the_same_seed_gives_the_same_triplet():
    first, second = (_render(_sample(labels=(OBJECTS,)), seed=5, style="border") for _ in range(2))
    assert (first.params, first.annotation, first.slots) == (second.params, second.annotation, second.slots)
    assert np.array_equal(first.target.pixels(), second.target.pixels())


@pytest.mark.parametrize(
    "options",
    [{"style": "tint"}, {"border": 0.0}, {"border": 0.5}, {"negatives": 1.1}, {"palette": "pastel"}, {"colour": 1}],
)
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError, match=next(iter(options))):
        ClassificationOptions(**options)
