"""Entity segmentation: every segment in a colour of its own, read back as clusters."""

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
from taskpaint.builders.tasks.entities import Entities
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

TASK, USUAL = Entities, {}
DOG, SKY = Category(1, "dog"), Category(2, "sky")


def _box(category, x0, y0, x1, y1, crowd=False):
    return Instance(category, (x0, y0, x1, y1), [[x0, y0, x1, y0, x1, y1, x0, y1]], crowd)


def _sample(**known):
    data = encode_png(np.full((60, 100, 3), 90, np.uint8))
    return Sample("1", FileBytes(None, data), 100, 60, **known)


def _segments():
    values = np.ones((60, 100), np.int32)
    values[30:, :50], values[30:, 50:60] = 2, 3
    return SegmentMap((Segment(1, SKY, False), Segment(2, DOG), Segment(3, DOG, crowd=True)), lambda: values)


def _labels():
    values = np.ones((60, 100), np.uint8)
    values[20:40] = 2
    return LabelMap({1: "sky", 2: "road"}, lambda: values)


BOXES = (_box(DOG, 0, 0, 50, 60), _box(DOG, 50, 0, 90, 60))


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
    return sorted(one["area"] for one in rendered.annotation["segments"])


@pytest.mark.parametrize(
    ("known", "options", "areas"),
    [
        ({"segments": _segments()}, {"max_crowd": 0.05}, [1500, 4200]),
        ({"label_map": _labels()}, {}, [2000, 2000, 2000]),  # the sky is in two regions
        ({"instances": BOXES}, {}, [2400, 3000]),
        ({"segments": _segments(), "label_map": _labels(), "instances": BOXES}, {"max_crowd": 1}, [1500, 4200]),
        ({"label_map": _labels(), "instances": BOXES}, {}, [2000, 2000, 2000]),
        ({"label_map": _labels(), "instances": BOXES}, {"entities": "instances"}, [2400, 3000]),
        ({"segments": _segments(), "label_map": _labels()}, {"entities": "regions"}, [2000, 2000, 2000]),
    ],
)
def test_what_counts_as_an_entity(known, options, areas):
    sample = _sample(**known)
    rendered = _render(sample, **options)
    assert _areas(rendered) == areas
    assert rendered.slots == {"background": "black"}
    assert rendered.params == {"background": {"color": "black", "rgb": [0, 0, 0]}, "legend": []}
    assert _figures(sample, rendered) == EXACT


@pytest.mark.parametrize(
    ("known", "options", "reason"),
    [
        ({"segments": _segments()}, {}, "not told apart, cover 5.0%"),
        ({"label_map": _labels()}, {"entities": "segments"}, "the image has no segments"),
        ({"label_map": _labels()}, {"count": (4, 9)}, "has 3 entities"),
        ({"label_map": _labels()}, {"min_area": 0.4}, "has 0 entities"),
        ({"instances": (_box(DOG, 0, 0, 30, 30), _box(DOG, 40, 0, 70, 30))}, {}, "cover 30% of the image, less than"),
        ({}, {}, "has 0 entities"),
    ],
)
def test_what_is_left_alone(known, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(**known), **options)


def test_no_more_entities_than_colors():
    tiles = np.arange(1, 97).reshape(8, 12).repeat(8, axis=0).repeat(8, axis=1)[:60, :100].astype(np.int32)
    tiles = np.pad(tiles, ((0, 0), (0, 100 - tiles.shape[1])), mode="edge")
    segments = SegmentMap(tuple(Segment(n, DOG) for n in range(1, 97)), lambda: tiles)
    with pytest.raises(NotApplicable, match="96 segments are more than the 68 colors"):
        _render(_sample(segments=segments), count=(2, 200))


def test_thin_entities_never_pass_for_blends():
    values = np.ones((60, 100), np.int32)
    values[:, 50:] = 2
    for row in range(60):
        values[row, 50] = 3 + row // 4  # fifteen pieces of four pixels above each other, one pixel wide
    segments = SegmentMap(tuple(Segment(n, DOG) for n in range(1, 18)), lambda: values)
    sample = _sample(segments=segments)
    assert len(_areas(_render(sample, min_area=0.0))) == 2  # four pixels are too few
    values[:, 50] = 3
    for seed in range(20):
        rendered = _render(sample, seed, min_area=0.0)
        assert _areas(rendered) == [60, 2940, 3000]
        assert _figures(sample, rendered) == EXACT


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), cells=st.integers(2, 50), background=st.sampled_from(["black", "white", "any"]))
def test_every_map_is_read_back(seed, cells, background):
    points = np.random.default_rng(seed).random((cells, 2)) * [60, 100]
    rows, columns = np.mgrid[:60, :100]
    values = ((rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2).argmin(axis=2) + 1
    segments = SegmentMap(tuple(Segment(n, DOG) for n in range(1, cells + 1)), lambda: values.astype(np.int32))
    sample = _sample(segments=segments)
    assert _figures(sample, _render(sample, seed, background=background, min_area=0.0, count=(1, 60))) == EXACT


@pytest.mark.parametrize("bad", [{"entities": "boxes"}, {"cover": 2}, {"background": "green"}, {"x": 1}])
def test_bad_options(bad):
    with pytest.raises(pydantic.ValidationError):
        Entities.options_type(**bad)
