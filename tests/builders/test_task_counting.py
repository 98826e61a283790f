"""The counting task: where dots lie, by hand; which classes are asked for; and back through the codec."""

from __future__ import annotations

import json
import random

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.index import open_index
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import Category, FileBytes, Instance, Sample
from taskpaint.builders.tasks.counting import Counting, CountingOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import ItemError, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import PhotoTarget, SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target


def _polygon(x0, y0, x1, y1):
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def _object(name, box, masks=True, crowd=False):
    shape = masks if isinstance(masks, list) else [_polygon(*box)] if masks else None
    return Instance(Category(len(name), name), box, shape, crowd=crowd)


def _sample(objects, width=200, height=150, pixels=None, absent=()):
    pixels = np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels
    return Sample("1", FileBytes(None, encode_png(pixels)), width, height, tuple(objects), absent=tuple(absent))


def _render(sample, sizing=None, seed=0, **options):
    task, draw, data = Counting(CountingOptions(**{"absent": 0, **options})), random.Random(seed), sample.image.read()
    header = read_header(data)
    subject = task.choose(sample, draw)
    geometry = fit(sizing or Sizing(), (header.width, header.height), subject.box, draw, subject.crop)
    view = View(sample, data, header, geometry)
    return task.render(view, subject, draw), view


def _back(rendered, view):
    exact = isinstance(rendered.target, PhotoTarget) and rendered.target.lossless
    source = encode_source(view.rgb, Output(), lossless=exact)
    target = decode_rgb(encode_target(rendered.target, source, Output()))
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    return Counting.compare(Counting.decode(target, decode_rgb(source), params), annotation, params)


def _holds(figures):
    return all(limit.holds(figures[limit.metric]) for limit in Counting.limits)


def test_dots_lie_in_the_middle():
    boxes = [(20, 30, 60, 80), (100, 20, 130, 50)]
    rendered, view = _render(_sample([_object("dog", box) for box in boxes]))
    assert rendered.annotation == {"size": [150, 200], "count": 2, "xy": [[39.5, 54.5], [114.5, 34.5]]}
    painted = (rendered.target.rgb != 90).any(axis=2)
    assert painted[54, 39] and painted[34, 114]
    assert rendered.params["radius"] == 3
    assert painted.sum() == 2 * 32  # half-pixel centre, radius 3: 4 + 6 + 6 + 6 + 6 + 4 pixels
    figures = _back(rendered, view)
    assert (figures["count_error"], figures["missed"], figures["extra"]) == (0, 0, 0)
    assert figures["max_error_px"] < 0.2


def test_without_masks_dots_lie_in_the_middle_of_boxes():
    rendered, view = _render(_sample([_object("dog", (20, 30, 60, 80), masks=False)]))
    assert rendered.annotation["xy"] == [[39.5, 54.5]]
    assert _holds(_back(rendered, view))


def test_dots_lie_on_the_object_itself():
    # an L whose centroid is in its empty corner; both bars are 10 wide, and deepest where they meet
    corner = [_polygon(20, 20, 30, 120), _polygon(20, 110, 120, 120)]
    rendered, _ = _render(_sample([_object("dog", (20, 20, 120, 120), corner)]))
    ((x, y),) = rendered.annotation["xy"]
    assert (20 <= x < 30 and 20 <= y < 120) or (20 <= x < 120 and 110 <= y < 120)
    # the middle of the large one is covered by the small one: its dot moves to what is its own
    behind, front = (20, 20, 120, 120), (50, 50, 90, 90)
    rendered, view = _render(_sample([_object("cat", behind), _object("cat", front)]))
    (x, y), small = rendered.annotation["xy"]
    assert small == [69.5, 69.5]
    assert not (50 <= x < 90 and 50 <= y < 90) and 20 <= x < 120 and 20 <= y < 120
    assert _holds(_back(rendered, view))


def test_the_words_keep_the_number_secret():
    sample = _sample([_object("dog", (10 + 40 * n, 30, 40 + 40 * n, 80)) for n in range(4)])
    rendered, _ = _render(sample)
    assert rendered.slots["object"].count is None
    for seed in range(40):
        text, _ = word(section(load_bank("counting"), "dots"), rendered.slots, random.Random(seed))
        assert "dog" in text.lower() and rendered.params["color"] in text.lower()
        assert "four" not in text.lower() and "4" not in text


def test_an_absent_class_leaves_the_image_as_it_is():
    rendered, view = _render(_sample([_object("dog", (20, 30, 60, 80))], absent=["zebra"]), absent=1)
    assert isinstance(rendered.target, SameTarget)
    assert rendered.annotation == {"size": [150, 200], "count": 0, "xy": []}
    assert rendered.slots["object"].name == "zebra"
    assert _back(rendered, view) == {"count_error": 0, "max_error_px": 0, "missed": 0, "extra": 0}


@pytest.mark.parametrize(
    ("objects", "options", "reason"),
    [
        ([], {}, "no class"),
        ([_object("dog", (20, 30, 60, 80), crowd=True)], {}, "no class"),
        ([_object("dog", (20, 30, 60, 80)), _object("dog", (90, 30, 160, 80), crowd=True)], {}, "no class"),
        ([_object("dog", (20, 30, 22, 80))], {}, "too small"),
        ([_object("dog", (20, 30, 60, 80))], {"min_count": 2}, "has 1 objects, not 2 to 30"),
        ([_object("dog", (20 * n, 30, 20 * n + 15, 80)) for n in range(5)], {"max_count": 4}, "has 5 objects"),
        ([_object("dog", (20, 30, 60, 80), masks=False)] * 2, {}, "told apart"),
        ([_object("dog", (20, 30, 60, 80))], {"classes": ["cat"]}, "no class"),
    ],
)
def test_not_applicable(objects, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(objects), **options)


def test_the_next_class_is_tried():
    objects = [_object("dog", (20, 30, 22, 80)), _object("cat", (90, 30, 160, 80))]
    assert {_render(_sample(objects), seed=seed)[0].params["name"] for seed in range(6)} == {"cat"}


def test_what_the_crop_leaves_out_is_not_counted():
    objects = [_object("dog", (0, 60, 20, 80)), _object("dog", (90, 60, 110, 80))]
    rendered, view = _render(_sample(objects), Sizing(resize="square", size=150))
    assert rendered.annotation["xy"] == [[74.5, 69.5]]  # the middle 150 from x = 25
    assert _holds(_back(rendered, view))


@pytest.mark.parametrize("options", [{"max_count": 0}, {"radius": 0.5}, {"palette": "dull"}, {"absent": 2}, {"n": 1}])
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        CountingOptions(**options)


def test_compare_by_hand():
    true, params = {"count": 3, "xy": [[10, 10], [50, 50], [90, 90]]}, {"radius": 4.0}
    found = {"count": 2, "xy": [[13, 14], [70, 70]]}
    assert Counting.compare(found, true, params) == {"count_error": 1, "max_error_px": 5, "missed": 2, "extra": 1}


_BOX = st.tuples(st.integers(0, 100), st.integers(0, 70), st.integers(12, 50), st.integers(12, 40))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_BOX, min_size=1, max_size=12),
    st.sampled_from(["noise", "gray"]),
    st.sampled_from([Sizing(), Sizing(resize="square", size=96), Sizing(resize="pad", size=180)]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_every_count_comes_back(boxes, kind, sizing, masks, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (112, 152, 3)).astype(np.uint8)
    objects = [_object("dog", (x, y, x + w, y + h), masks) for x, y, w, h in boxes]
    sample = _sample(objects, 152, 112, noise if kind == "noise" else None)
    try:
        rendered, view = _render(sample, sizing, seed=seed, radius=0.03)
    except NotApplicable:
        return
    figures = _back(rendered, view)
    assert _holds(figures), figures


@pytest.mark.parametrize("sizing", [Sizing(), Sizing(resize="square", size=256)], ids=["native", "256"])
def test_real_photographs(shared_data, sizing):
    index = open_index(find_source("coco")(shared_data / "coco", "val2017"))
    built = 0
    for row in range(len(index)):
        try:
            rendered, view = _render(index.sample(row), sizing, seed=row)
        except ItemError:
            continue
        assert _holds(_back(rendered, view)), row
        built += 1
    assert built >= 10
