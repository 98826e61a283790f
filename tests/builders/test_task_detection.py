"""The detection task: boxes by hand, every option, and back through the codec."""

from __future__ import annotations

import json
import random

import cv2
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.index import open_index
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import Category, FileBytes, Instance, LabelSet, Sample
from taskpaint.builders.tasks.detection import Detection, DetectionOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import ItemError, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.manifests.target import PhotoTarget, SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target


def _photo(kind, width, height, seed=0):
    noise = np.random.default_rng(seed)
    if kind == "noise":
        return noise.integers(0, 256, (height, width, 3)).astype(np.uint8)
    ramp = np.linspace(0, 255, width)[None, :, None] * np.array([1, 0.5, 0.2]) + np.arange(height)[:, None, None] / 4
    return np.clip(ramp + noise.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)


def _sample(boxes, width=200, height=150, pixels=None, crowds=(), absent=()):
    """boxes: (name, xyxy); crowds: positions of those that are."""
    ids = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in boxes))}
    instances = [
        Instance(Category(ids[name], name), box, crowd=position in crowds) for position, (name, box) in enumerate(boxes)
    ]
    pixels = np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels
    image = FileBytes(None, encode_png(pixels))
    return Sample("1", image, width, height, instances=tuple(instances), absent=tuple(absent))


def _render(sample, sizing=None, seed=0, **options):
    task = Detection(DetectionOptions(**{"absent": 0, **options}))
    draw, data = random.Random(seed), sample.image.read()
    header = read_header(data)
    subject = task.choose(sample, draw)
    geometry = fit(sizing or Sizing(), (header.width, header.height), subject.box, draw, subject.crop)
    view = View(sample, data, header, geometry)
    return task.render(view, subject, draw), view


def _back(rendered, view):
    """Through the codec and JSON, as a user gets it."""
    exact = isinstance(rendered.target, PhotoTarget) and rendered.target.lossless
    source = encode_source(view.rgb, Output(), lossless=exact)
    target = decode_rgb(encode_target(rendered.target, source, Output()))
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    return Detection.compare(Detection.decode(target, decode_rgb(source), params), annotation, params)


def test_an_outline_by_hand():
    rendered, view = _render(_sample([("dog", (20.4, 29.6, 60.3, 79.7))]))
    assert rendered.annotation == {
        "size": [150, 200],
        "boxes": [{"name": "dog", "xyxy": [[20.4, 29.6, 60.3, 79.7]]}],
    }
    assert rendered.params["outline"] == 2 and rendered.section == "outline"
    painted = (rendered.target.rgb != 90).any(axis=2)
    assert painted.sum() == 40 * 50 - 36 * 46  # edges at 20, 30, 60, 80, two pixels inside
    assert painted[30:80, 20:60].sum() == painted.sum()
    assert not painted[32:78, 22:58].any()
    assert _back(rendered, view) == {"max_error_px": pytest.approx(0.4), "missed": 0, "extra": 0}


def test_a_filled_box_by_hand():
    rendered, view = _render(_sample([("dog", (20, 30, 60, 80))]), style="filled")
    red, green, blue = rendered.params["targets"][0]["rgb"]
    expected = np.full((150, 200, 3), 90)
    expected[30:80, 20:60] = red, green, blue
    assert np.array_equal(rendered.target.rgb, expected)
    assert _back(rendered, view) == {"max_error_px": 0, "missed": 0, "extra": 0}


def test_the_line_follows_the_image():
    sample = _sample([("dog", (100, 100, 400, 400))], 640, 480)
    assert _render(sample)[0].params["outline"] == 4  # 0.008 of 480 is 3.84
    assert _render(sample, outline=0.05)[0].params["outline"] == 24
    assert _render(sample, Sizing(resize="square", size=64))[0].params["outline"] == 2


def test_classes_get_a_colour_each_and_all_their_boxes():
    boxes = [("dog", (10, 10, 80, 80)), ("cat", (50, 40, 120, 120)), ("dog", (130, 20, 190, 60))]
    rendered, view = _render(_sample(boxes), count=(2, 2))
    assert rendered.section == "outline-many"
    found = {entry["name"]: entry["xyxy"] for entry in rendered.annotation["boxes"]}
    assert found == {"dog": [[10, 10, 80, 80], [130, 20, 190, 60]], "cat": [[50, 40, 120, 120]]}
    counts = {phrase.name: phrase.count for phrase, _ in rendered.slots["legend"].parts}
    assert counts == {"dog": 2, "cat": 1}
    assert len({asked["color"] for asked in rendered.params["targets"]}) == 2
    assert _back(rendered, view) == {"max_error_px": 0, "missed": 0, "extra": 0}
    text, _ = word(section(load_bank("detection"), "outline-many"), rendered.slots, random.Random(0))
    assert "cat" in text and "dog" in text


def test_larger_boxes_are_drawn_first():
    rendered, _ = _render(_sample([("cat", (60, 40, 100, 100)), ("dog", (20, 20, 80, 120))]), count=(2, 2))
    colors = {asked["name"]: asked["rgb"] for asked in rendered.params["targets"]}
    assert rendered.target.rgb[50, 60].tolist() == colors["cat"]
    assert rendered.target.rgb[40, 79].tolist() == colors["cat"]  # where the two lines cross
    assert rendered.target.rgb[30, 79].tolist() == colors["dog"]


def test_an_absent_class_leaves_the_image_as_it_is():
    sample = _sample([("dog", (20, 30, 60, 80))], absent=["zebra"])
    rendered, view = _render(sample, absent=1)
    assert isinstance(rendered.target, SameTarget)
    assert rendered.slots["object"] == Noun("zebra")
    assert rendered.annotation["boxes"] == [{"name": "zebra", "xyxy": []}]
    assert _back(rendered, view) == {"max_error_px": 0, "missed": 0, "extra": 0}
    # by the vocabulary, when the source lists no names
    labels = (LabelSet("object", ("dog",), ("dog", "yak")),)
    listed = Sample("1", sample.image, 200, 150, instances=sample.instances, labels=labels)
    assert _render(listed, absent=1)[0].slots["object"] == Noun("yak")
    # nothing is known to be absent: ask for what is there
    assert isinstance(_render(_sample([("dog", (20, 30, 60, 80))]), absent=1)[0].target, PhotoTarget)


def test_crowds():
    sample = _sample([("dog", (20, 30, 60, 80)), ("dog", (90, 30, 180, 120)), ("cat", (10, 100, 60, 140))], crowds=[1])
    for seed in range(8):
        rendered, _ = _render(sample, seed=seed)
        assert [entry["name"] for entry in rendered.annotation["boxes"]] == ["cat"]
    rendered, view = _render(sample, count=(2, 2), crowd="include")
    counts = {phrase.name: phrase.count for phrase, _ in rendered.slots["legend"].parts}
    assert counts == {"dog": None, "cat": 1}
    assert _back(rendered, view)["missed"] == 0


@pytest.mark.parametrize(
    ("boxes", "options", "reason"),
    [
        ([], {}, "too few classes"),
        ([("dog", None)], {}, "too few classes"),
        ([("dog", (20, 30, 22, 90))], {}, "too small"),
        ([("dog", (20, 30, 40, 90)), ("dog", (60, 30, 70, 40))], {"min_box": 0.1}, "too small"),
        ([("dog", (20 * n, 30, 20 * n + 15, 90)) for n in range(5)], {"max_boxes": 4}, "more than max_boxes 4"),
        ([("dog", (20, 30, 100, 90)), ("dog", (21, 30, 101, 91))], {}, "told apart"),
        ([("dog", (20, 30, 60, 90)), ("dog", (50, 30, 90, 70))], {"style": "filled"}, "told apart"),
        ([("dog", (20, 30, 60, 90))], {"classes": ("cat",)}, "too few classes"),
        ([("dog", (20, 30, 60, 90)), ("cat", (20, 30, 60, 90))], {"count": (2, 2)}, "told apart"),
    ],
)
def test_not_applicable(boxes, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(boxes), **options)


def test_another_class_is_taken_when_one_cannot_be_drawn():
    twins = [("dog", (20, 30, 100, 90)), ("dog", (21, 30, 101, 91)), ("cat", (120, 20, 180, 80))]
    for seed in range(8):
        assert _render(_sample(twins), seed=seed)[0].params["targets"][0]["name"] == "cat"


def test_a_crop_clips_boxes_and_drops_those_outside():
    boxes = [("dog", (0, 0, 60, 100)), ("dog", (150, 20, 195, 60))]
    rendered, view = _render(_sample(boxes, 200, 100), Sizing(resize="square", size=200))
    # the middle 100 of 200 pixels, twice as large
    assert rendered.annotation["boxes"][0]["xyxy"] == [[0, 0, 20, 200]]
    assert rendered.slots["object"] == Noun("dog", count=1)
    assert _back(rendered, view) == {"max_error_px": 0, "missed": 0, "extra": 0}


@pytest.mark.parametrize(
    "options",
    [{"count": (2, 1)}, {"count": (0, 1)}, {"count": (1, 7)}, {"opacity": 0.5}, {"max_boxes": 0}, {"color": "red"}],
)
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        DetectionOptions(**options)


def test_compare_by_hand():
    true = {"boxes": [{"name": "dog", "xyxy": [[0, 0, 10, 10], [50, 50, 70, 70]]}, {"name": "cat", "xyxy": []}]}
    found = {
        "boxes": [{"name": "dog", "xyxy": [[50, 50, 72, 70], [5, 5, 15, 15]]}, {"name": "cat", "xyxy": [[0, 0, 9, 9]]}]
    }
    # IoU of the second dog with the first true one is 25 / 175
    assert Detection.compare(found, true, {}) == {"max_error_px": 2.0, "missed": 1.0, "extra": 2.0}
    assert Detection.compare(true, true, {}) == {"max_error_px": 0.0, "missed": 0.0, "extra": 0.0}


def test_a_models_rough_answer():
    """Blurred, faded and a little noisy, as a generator would draw it."""
    boxes = [("dog", (10, 10, 80, 80)), ("dog", (60, 50, 120, 140)), ("dog", (130, 20, 190, 60))]
    rendered, view = _render(_sample(boxes, pixels=_photo("ramp", 200, 150)), outline=0.02)
    noise = np.random.default_rng(0).normal(0, 8, view.rgb.shape)
    rough = cv2.GaussianBlur(rendered.target.rgb, (3, 3), 0) * 0.9 + 12 + noise
    decoded = Detection.decode(np.clip(rough, 0, 255).astype(np.uint8), view.rgb, rendered.params)
    figures = Detection.compare(decoded, rendered.annotation, rendered.params)
    assert figures["missed"] == figures["extra"] == 0
    assert figures["max_error_px"] <= 1


def test_same_seed_same_bytes():
    sample = _sample([("dog", (10, 10, 80, 80)), ("cat", (50, 40, 120, 120))])
    first, second = (_render(sample, count=(2, 2), seed=7)[0] for _ in range(2))
    assert np.array_equal(first.target.rgb, second.target.rgb) and first.params == second.params


@st.composite
def _boxes(draw):
    found = []
    for _ in range(draw(st.integers(1, 8))):
        x, y = draw(st.floats(0, 130)), draw(st.floats(0, 90))
        box = (x, y, min(140.0, x + draw(st.floats(5, 90))), min(100.0, y + draw(st.floats(5, 80))))
        found.append((draw(st.sampled_from(["dog", "cat", "cow"])), box))
    return found


@settings(max_examples=80, deadline=None)
@given(_boxes(), st.sampled_from(["outline", "filled"]), st.sampled_from(["noise", "ramp"]), st.integers(0, 10**6))
def test_crowded_images_come_back(boxes, style, kind, seed):
    sample = _sample(boxes, 140, 100, _photo(kind, 140, 100, seed))
    try:
        rendered, view = _render(sample, style=style, count=(1, 3), seed=seed, outline=0.02 + 0.02 * (seed % 2))
    except NotApplicable:
        return
    figures = _back(rendered, view)
    assert figures["missed"] == figures["extra"] == 0
    assert figures["max_error_px"] <= 1


@pytest.mark.parametrize("sizing", [Sizing(), Sizing(resize="square", size=256)], ids=["native", "256"])
@pytest.mark.parametrize("style", ["outline", "filled"])
def test_real_photographs(shared_data, sizing, style):
    index = open_index(find_source("coco")(shared_data / "coco", "val2017"))
    built = 0
    for row in range(len(index)):
        try:
            rendered, view = _render(index.sample(row), sizing, style=style, count=(1, 4), seed=row)
        except ItemError:
            continue
        figures = _back(rendered, view)
        assert all(limit.holds(figures[limit.metric]) for limit in Detection.limits), row
        built += 1
    assert built >= 15
