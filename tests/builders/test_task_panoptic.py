"""Panoptic segmentation: stuff by a legend, things in free colours, read back as clusters."""

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
    Sample,
    Segment,
    SegmentMap,
)
from taskpaint.builders.sources.cityscapes import Cityscapes
from taskpaint.builders.tasks.panoptic import Panoptic
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Panoptic, {}
DOG, SKY, ROAD, WALL = Category(1, "dog"), Category(2, "sky"), Category(3, "road"), Category(4, "wall")


def _sample(*more):
    """Sky above (two regions), road below, two dogs, a wall of 50 pixels."""
    values = np.zeros((60, 100), np.int32)
    values[:20, :40], values[:20, 60:], values[40:] = 10, 11, 20
    values[25:45, 10:30], values[25:45, 50:80], values[20:25, 90:] = 30, 31, 40
    segments = (
        Segment(10, SKY, False), Segment(11, SKY, False), Segment(20, ROAD, False),
        Segment(30, DOG), Segment(31, DOG), Segment(40, WALL, False), *more,
    )  # fmt: skip
    data = encode_png(np.full((60, 100, 3), 90, np.uint8))
    return Sample("1", FileBytes(None, data), 100, 60, segments=SegmentMap(segments, lambda: values))


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


EXACT = {"pq": 1, "min_iou": 1, "missed": 0, "extra": 0}


def _areas(rendered):
    return sorted((one["name"], one["area"]) for one in rendered.annotation["segments"])


def test_stuff_by_the_legend_and_things_apart():
    rendered = _render(_sample())
    assert rendered.section == "legend"
    colors = {one["name"]: one["rgb"] for one in rendered.params["legend"]}
    assert set(colors) == {"sky", "road", "wall"}
    pixels = rendered.target.pixels()
    assert (pixels[:20, :40] == colors["sky"]).all()
    assert (pixels[:20, 60:] == colors["sky"]).all()
    assert (pixels[46:] == colors["road"]).all()
    assert (pixels[:20, 40:60] == 0).all()
    dogs = pixels[30, 20].astype(int), pixels[30, 60].astype(int)
    for dog in dogs:
        for other in (*colors.values(), [0, 0, 0]):
            assert np.linalg.norm(dog - other) >= 64
    assert np.linalg.norm(dogs[0] - dogs[1]) >= 64
    # The road's 20 x 100 without the dogs' feet, 5 x 20 and 5 x 30.
    assert _areas(rendered) == [("dog", 400), ("dog", 600), ("road", 1750), ("sky", 1600), ("wall", 50)]
    assert _figures(_sample(), rendered) == EXACT


def test_all_in_free_colors():
    rendered = _render(_sample(), stuff="free", background="white")
    assert rendered.section == "free"
    assert rendered.slots == {"background": "white"}
    assert rendered.params == {"background": {"color": "white", "rgb": [255, 255, 255]}, "legend": []}
    assert _areas(rendered) == [("dog", 400), ("dog", 600), ("road", 1750), ("sky", 1600), ("wall", 50)]
    assert _figures(_sample(), rendered) == EXACT


def test_the_legend_keeps_the_largest_stuff():
    for seed in range(10):
        rendered = _render(_sample(), seed, max_legend=2)
        assert {one["name"] for one in rendered.params["legend"]} == {"sky", "road"}
        assert (rendered.target.pixels()[20:25, 90:] == 0).all()
        assert _figures(_sample(), rendered) == EXACT


def test_small_segments_are_background():
    assert [name for name, _ in _areas(_render(_sample(), min_area=0.07))] == ["dog", "road", "sky"]
    with pytest.raises(NotApplicable, match="no thing is large enough"):
        _render(_sample(), min_area=0.2)


def test_crowds():
    values = np.zeros((60, 100), np.int32)
    values[:, :50], values[:10, 60:90], values[20:50, 60:90] = 1, 2, 3  # 3000, 300 and 900 pixels
    stuff, crowd, dog = Segment(1, SKY, False), Segment(2, DOG, crowd=True), Segment(3, DOG)
    data = encode_png(np.zeros((60, 100, 3), np.uint8))
    sample = Sample("1", FileBytes(None, data), 100, 60, segments=SegmentMap((stuff, crowd, dog), lambda: values))
    with pytest.raises(NotApplicable, match=r"cover 5\.0% of the image"):
        _render(sample)
    assert _areas(_render(sample, max_crowd=0.05)) == [("dog", 900), ("sky", 3000)]


def test_without_stuff_or_segments():
    data = encode_png(np.zeros((60, 100, 3), np.uint8))
    values = np.ones((60, 100), np.int32)
    things = Sample("1", FileBytes(None, data), 100, 60, segments=SegmentMap((Segment(1, DOG),), lambda: values))
    with pytest.raises(NotApplicable, match="no stuff for the legend"):
        _render(things)
    assert _areas(_render(things, stuff="free")) == [("dog", 6000)]
    with pytest.raises(NotApplicable, match="no segments"):
        _render(Sample("1", FileBytes(None, data), 100, 60))


def test_figures_by_hand():
    rendered = _render(_sample())
    wrong = rendered.target.pixels().copy()
    legend = {one["name"]: one["rgb"] for one in rendered.params["legend"]}
    wrong[25:45, 10:30] = 0  # one dog is lost
    wrong[:20, 60:72] = legend["road"]  # 240 pixels of sky become road
    figures = Panoptic.compare(Panoptic.decode(wrong, wrong, rendered.params), rendered.annotation, rendered.params)
    assert figures["missed"] == 1
    assert figures["extra"] == 0
    assert figures["min_iou"] == 0
    matched = 1 + 1 + 1360 / 1600 + 1750 / 1990  # the other dog, the wall, sky, road
    assert figures["pq"] == pytest.approx(matched / 4.5)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    stuff=st.sampled_from(["legend", "free"]),
    notation=st.sampled_from(["names", "hex", "rgb", "mixed"]),
    background=st.sampled_from(["black", "white", "any"]),
    cells=st.integers(2, 25),
)
def test_every_map_is_read_back(seed, stuff, notation, background, cells):
    points = np.random.default_rng(seed).random((cells, 2)) * [60, 100]
    rows, columns = np.mgrid[:60, :100]
    values = ((rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2).argmin(axis=2)
    segments = [
        Segment(n + 1, Category(n % 3, ("sky", "dog", "cat")[n % 3]), n % 3 > 0) for n in np.unique(values).tolist()
    ]
    data = encode_png(np.zeros((60, 100, 3), np.uint8))
    known = SegmentMap(tuple(segments), lambda: values.astype(np.int32) + 1)
    sample = Sample("1", FileBytes(None, data), 100, 60, segments=known)
    try:
        rendered = _render(sample, seed, stuff=stuff, notation=notation, background=background)
    except NotApplicable:
        return  # no stuff, or no thing, is large enough
    assert _figures(sample, rendered) == EXACT


def test_real_maps(shared_data):
    source = Cityscapes(shared_data / "cityscapes", "train")
    for entry in list(source.scan(lambda *_: None)):
        sample, sizing = source.sample(entry.id, entry.record), Sizing(resize="shortest", size=384)
        assert _figures(sample, _render(sample, sizing=sizing, max_crowd=1), sizing) == EXACT


@pytest.mark.parametrize("bad", [{"stuff": "none"}, {"max_legend": 0}, {"notation": "hsv"}, {"max_crowd": 2}])
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Panoptic.options_type(**bad)
