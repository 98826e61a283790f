"""The depth order task: where dots may lie, which one gets the ring, and back through the codec."""

from __future__ import annotations

import json
import math
import random

import cv2
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.depths.points import steady_depth
from taskpaint.builders.geometry import fit
from taskpaint.builders.index import open_index
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import DepthMap, FileBytes, Sample
from taskpaint.builders.tasks.depth_order import DepthOrder, DepthOrderOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_target

HALVES = np.where(np.arange(160) < 80, np.float32(2), np.float32(4)) * np.ones((120, 1), np.float32)
"""The left half is 2 m away, the right one 4 m."""


def _photo(kind, seed=0, shape=(120, 160)):
    noise = np.random.default_rng(seed)
    if kind == "noise":
        return noise.integers(0, 256, (*shape, 3)).astype(np.uint8)
    return np.full((*shape, 3), {"gray": 90, "white": 255}[kind], np.uint8)


def _render(depth=HALVES, pixels=None, sizing=None, seed=0, **options):
    height, width = depth.shape
    data = encode_png(_photo("gray", shape=depth.shape) if pixels is None else pixels)
    sample = Sample("1", FileBytes(None, data), width, height, depth=DepthMap(lambda: depth))
    task, draw = DepthOrder(DepthOrderOptions(**options)), random.Random(seed)
    view = View(sample, data, read_header(data), fit(sizing or Sizing(), (width, height), None, draw))
    return task.render(view, task.choose(sample, draw), draw)


def _pictures(rendered):
    return tuple(decode_rgb(encode_target(picture, b"", Output())) for picture in (rendered.target, rendered.source))


def _back(rendered):
    target, source = _pictures(rendered)
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    decoded = DepthOrder.decode(target, source, params)
    return decoded, DepthOrder.compare(decoded, annotation, params)


@pytest.mark.parametrize(("ask", "depth"), [("nearer", 2), ("farther", 4)])
def test_the_right_dot_gets_the_ring(ask, depth):
    for seed in range(8):
        rendered = _render(ask=ask, seed=seed)
        params, annotation = rendered.params, rendered.annotation
        assert rendered.section == params["asked"] == ask
        sides = [2 if dot["xy"][0] < 80 else 4 for dot in params["dots"]]
        assert annotation["depth_m"] == sides and sorted(sides) == [2, 4]
        assert sides[annotation["answer"]] == depth
        for dot in params["dots"]:
            x, y = dot["xy"]
            assert rendered.source.rgb[y, x].tolist() == rendered.target.rgb[y, x].tolist() == dot["rgb"]
        changed = (rendered.source.rgb != rendered.target.rgb).any(axis=2)
        x, y = params["dots"][annotation["answer"]]["xy"]
        ring = params["ring"]
        outer, inner = ring["radius"], ring["radius"] - 0.7 * params["radius"]
        expected = sum(inner < math.dist((i, j), (x, y)) <= outer for i in range(160) for j in range(120))
        assert changed.sum() == expected and np.unique(rendered.target.rgb[changed], axis=0).tolist() == [ring["rgb"]]
        assert _back(rendered)[1] == {"correct": 1}


def test_either_question_and_order_come_up():
    found = {(r.params["asked"], r.annotation["answer"]) for r in (_render(seed=seed) for seed in range(30))}
    assert found == {(asked, answer) for asked in ("nearer", "farther") for answer in (0, 1)}


def test_the_words_name_three_colours():
    for seed in range(10):
        rendered = _render(seed=seed)
        text, _ = word(section(load_bank("depth_order"), rendered.section), rendered.slots, random.Random(seed))
        names = [dot["color"] for dot in rendered.params["dots"]] + [rendered.params["ring"]["color"]]
        assert len(set(names)) == 3 and all(name in text.lower() for name in names)


def test_no_ring_two_rings_and_a_wrong_ring():
    rendered = _render()
    target, source = _pictures(rendered)
    decoded = DepthOrder.decode(source, source, rendered.params)
    assert decoded["answer"] is None
    assert DepthOrder.compare(decoded, rendered.annotation, rendered.params) == {"correct": 0}
    ring, answer = rendered.params["ring"], rendered.annotation["answer"]
    wrong, both = source.copy(), target.copy()
    for picture in (wrong, both):
        place = tuple(rendered.params["dots"][1 - answer]["xy"])
        cv2.circle(picture, place, round(ring["radius"]), ring["rgb"], 3)
    assert DepthOrder.decode(wrong, source, rendered.params)["answer"] == 1 - answer
    assert DepthOrder.decode(both, source, rendered.params)["answer"] is None


def test_a_models_rough_answer():
    """A ring a little too large and off centre, blurred and noisy."""
    rendered = _render(radius=0.03)
    _, source = _pictures(rendered)
    ring, (x, y) = rendered.params["ring"], rendered.params["dots"][rendered.annotation["answer"]]["xy"]
    rough = source.copy()
    cv2.circle(rough, (x + 2, y - 1), round(1.2 * ring["radius"]), ring["rgb"], 2)
    noise = np.random.default_rng(0).normal(0, 8, rough.shape)
    rough = np.clip(cv2.GaussianBlur(rough, (3, 3), 0) + noise, 0, 255).astype(np.uint8)
    assert DepthOrder.decode(rough, source, rendered.params)["answer"] == rendered.annotation["answer"]


def test_where_depth_is_certain():
    depth = HALVES.copy()
    depth[:40] = 0  # not measured
    depth[80:, :40] = np.random.default_rng(0).uniform(1, 9, (40, 40))  # rough
    steady = steady_depth(depth, 4, 0.05, 10)
    y, x = np.divmod(steady.certain, depth.shape[1])
    places = set(zip(x.tolist(), y.tolist(), strict=True))
    assert x.min() == y.min() - 30 == 10 and x.max() == 149 and y.max() == 109
    assert all((75 < x < 84) is False for x, _ in places)  # the step between 79 and 80
    assert not any(x < 40 and y > 84 for x, y in places)
    assert (100, 100) in places and (20, 60) in places
    assert steady_depth(np.zeros((9, 9), np.float32), 1, 0.05, 0).pair(0.1, 1, random.Random(0)) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 14), st.integers(1, 14), st.integers(0, 3), st.integers(0, 2))
def test_certain_depth_equals_looking_at_every_square(seed, height, width, reach, inset):
    noise = np.random.default_rng(seed)
    depth = (noise.integers(18, 22, (height, width)) * (noise.random((height, width)) < 0.7) / 10).astype(np.float32)
    steady = steady_depth(depth, reach, 0.06, inset)
    expected = []
    for y, x in np.ndindex(height, width):
        square = depth[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        known = square[square > 0]
        enough = len(known) >= max(5, 0.1 * (2 * reach + 1) ** 2)
        far_in = inset <= y < height - inset and inset <= x < width - inset
        if far_in and depth[y, x] > 0 and enough and known.max() / np.float32(1.06) <= known.min():
            expected.append((y * width + x, known.astype(float).mean()))
    assert steady.certain.tolist() == [place for place, _ in expected]
    points = [steady.point(position) for position in range(len(expected))]
    assert [point.place for point in points] == [(place % width, place // width) for place, _ in expected]
    assert [point.depth_m for point in points] == pytest.approx([mean for _, mean in expected])


@pytest.mark.parametrize(
    ("depth", "options"),
    [
        (np.zeros((120, 160), np.float32), {}),
        (np.full((120, 160), 3, np.float32), {}),
        (HALVES, {"margin": 1.5}),
        (HALVES[:20, 70:90], {}),
    ],
    ids=["no depth", "one depth", "margin", "tiny"],
)
def test_not_applicable(depth, options):
    with pytest.raises(NotApplicable, match="no two points"):
        _render(depth, **options)


@pytest.mark.parametrize("options", [{"ask": "left"}, {"margin": 0}, {"radius": 0.5}, {"spread": 0}, {"color": "red"}])
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        DepthOrderOptions(**options)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["noise", "gray", "white"]),
    st.sampled_from([0.015, 0.04]),
    st.sampled_from([Sizing(), Sizing(resize="square", size=96), Sizing(resize="pad", size=200)]),
)
def test_every_answer_comes_back(seed, kind, radius, sizing):
    try:
        rendered = _render(pixels=_photo(kind, seed), sizing=sizing, seed=seed, radius=radius)
    except NotApplicable:
        return
    assert _back(rendered)[1] == {"correct": 1}


@pytest.mark.parametrize(("source", "split"), [("nyu_depth_v2", "train"), ("kitti_depth", "val")])
def test_real_depth(shared_data, source, split):
    index = open_index(find_source(source)(shared_data / source, split))
    for row in range(len(index)):
        sample = index.sample(row)
        data = sample.image.read()
        header = read_header(data)
        task, draw = DepthOrder(DepthOrderOptions()), random.Random(row)
        view = View(sample, data, header, fit(Sizing(), (header.width, header.height), None, draw))
        rendered = task.render(view, task.choose(sample, draw), draw)
        assert _back(rendered)[1] == {"correct": 1}
        near, far = sorted(rendered.annotation["depth_m"])
        assert far >= 1.15 * near - 0.001
