"""The lanes task: lines by hand, every option, and back through the codec."""

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
from taskpaint.builders.sample import FileBytes, Sample
from taskpaint.builders.tasks.lanes import Lanes, LanesOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import FlatTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

_ROAD = (
    ((98.0, 40.0), (10.0, 140.0)),
    ((101.0, 40.0), (150.0, 149.0)),
    ((99.0, 40.0), (80.0, 149.0)),
    ((104.0, 42.0), (199.0, 110.0)),
)
"""Left, middle right, middle left, far right: no order at all."""
_STYLES = [(style, coloring) for style in ("photo", "black") for coloring in ("each", "one")]


def _photo(kind, width, height, seed=0):
    noise = np.random.default_rng(seed)
    if kind == "noise":
        return noise.integers(0, 256, (height, width, 3)).astype(np.uint8)
    ramp = np.linspace(0, 255, width)[None, :, None] * np.array([1, 0.5, 0.2]) + np.arange(height)[:, None, None] / 4
    return np.clip(ramp + noise.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)


def _sample(lanes=_ROAD, width=200, height=150, pixels=None):
    pixels = np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels
    return Sample("1", FileBytes(None, encode_png(pixels)), lanes=tuple(lanes))


def _render(sample, sizing=None, seed=0, **options):
    task = Lanes(LanesOptions(**options))
    draw, data = random.Random(seed), sample.image.read()
    header = read_header(data)
    subject = task.choose(sample, draw)
    geometry = fit(sizing or Sizing(), (header.width, header.height), subject.box, draw, subject.crop)
    view = View(sample, data, header, geometry)
    return task.render(view, subject, draw), view


def _back(rendered, view):
    """Through the codec and JSON, as a user gets it."""
    source = encode_source(view.rgb, Output(), lossless=getattr(rendered.target, "lossless", False))
    target = decode_rgb(encode_target(rendered.target, source, Output()))
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    return Lanes.compare(Lanes.decode(target, decode_rgb(source), params), annotation, params)


def _holds(figures):
    return all(limit.holds(figures[limit.metric]) for limit in Lanes.limits)


def test_one_upright_line_by_hand():
    rendered, view = _render(_sample([((50.0, 20.0), (50.0, 99.0))]))
    assert rendered.section == "photo-each" and rendered.params["width"] == 3
    color = rendered.params["targets"][0]
    expected = np.full((150, 200, 3), 90)
    expected[20:100, 49:52] = color["rgb"]
    assert np.array_equal(rendered.target.rgb, expected)
    rows = [2 * at for at in range(75)]  # 150 / 72 rounds to 2
    assert rendered.annotation == {
        "size": [150, 200],
        "rows": rows,
        "lanes": [{"color": color["color"], "x": [50.0 if 20 <= row < 100 else None for row in rows]}],
    }
    assert _back(rendered, view) == {"mean_error_px": 0, "max_error_px": 0, "covered": 1, "missed": 0, "extra": 0}


def test_colours_go_from_left_to_right():
    rendered, view = _render(_sample())
    names = [asked["color"] for asked in rendered.params["targets"]]
    assert len(set(names)) == 5 and rendered.slots == {"colors": ", ".join(names)}
    assert [lane["color"] for lane in rendered.annotation["lanes"]] == names[:4]
    low = [[x for x in lane["x"] if x is not None][-1] for lane in rendered.annotation["lanes"]]
    assert low == pytest.approx([10, 80, 150, 199], abs=5)
    assert _holds(_back(rendered, view))
    text, _ = word(section(load_bank("lanes"), "photo-each"), rendered.slots, random.Random(0))
    assert rendered.slots["colors"] in text


def test_one_colour_for_all():
    rendered, view = _render(_sample(), coloring="one")
    (asked,) = rendered.params["targets"]
    assert rendered.section == "photo-one" and rendered.slots == {"color": asked["color"]}
    assert [lane["color"] for lane in rendered.annotation["lanes"]] == [asked["color"]] * 4
    assert _holds(_back(rendered, view))


@pytest.mark.parametrize("coloring", ["each", "one"])
def test_on_black(coloring):
    rendered, view = _render(_sample(), style="black", coloring=coloring)
    assert isinstance(rendered.target, FlatTarget) and rendered.section == f"black-{coloring}"
    pixels = rendered.target.pixels()
    assert not pixels[0].any() and "black" not in [asked["color"] for asked in rendered.params["targets"]]
    colors = {tuple(pixel) for pixel in pixels.reshape(-1, 3).tolist()} - {(0, 0, 0)}
    assert len(colors) == (4 if coloring == "each" else 1)
    figures = _back(rendered, view)
    assert _holds(figures) and figures["mean_error_px"] < 0.5


def test_lines_end_before_they_touch():
    rendered, view = _render(_sample(), style="black", coloring="one")
    image = (rendered.target.index > 0).astype(np.uint8)
    assert cv2.connectedComponents(image, connectivity=8)[0] == 1 + 4
    assert _back(rendered, view)["extra"] == 0


def test_annotations_move_with_the_picture():
    lane = ((100.0, 10.0), (100.0, 89.0))
    rendered, view = _render(_sample([lane], 200, 100), Sizing(resize="square", size=200))
    # the middle 100 of 200 pixels, twice as large: pixel centre 100 becomes (100.5 - 50) * 2 - 0.5
    values = {x for x in rendered.annotation["lanes"][0]["x"] if x is not None}
    assert values == {100.5} and _holds(_back(rendered, view))
    rendered, view = _render(_sample([lane], 200, 100), Sizing(resize="pad", size=200))
    shown = [row for row, x in zip(rendered.annotation["rows"], rendered.annotation["lanes"][0]["x"], strict=True) if x]
    assert shown[0] in (60, 61, 62) and shown[-1] in (137, 138, 139) and _holds(_back(rendered, view))


def test_a_line_outside_of_the_crop_is_not_drawn():
    lanes = [((20.0, 10.0), (20.0, 90.0)), ((100.0, 10.0), (100.0, 90.0))]
    for seed in range(4):
        rendered, _ = _render(_sample(lanes, 200, 100), Sizing(resize="square", size=100, crop="center"), seed)
        assert len(rendered.annotation["lanes"]) == 1


@pytest.mark.parametrize(
    ("lanes", "options", "reason"),
    [
        ([], {}, "no lane lines"),
        ([((50.0, -60.0), (50.0, -1.0))], {}, "leaves nothing"),
        ([((50.0, 20.0), (50.0, 23.0))], {}, "leaves nothing"),
        ([((20.0 * n, 20.0), (20.0 * n, 99.0)) for n in range(1, 7)], {}, "6 lane lines, more than max_lanes 5"),
        ([((50.0, 20.0), (50.0, 99.0)), ((52.0, 20.0), (53.0, 99.0))], {}, "so close together"),
        ([((50.0, 20.0), (50.0, 99.0)), ((52.0, 20.0), (53.0, 99.0))], {"coloring": "one"}, "so close together"),
    ],
)
def test_not_applicable(lanes, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(lanes), **options)


@pytest.mark.parametrize(
    "options", [{"width": 0}, {"max_lanes": 0}, {"max_lanes": 9}, {"coloring": "two"}, {"style": "map"}, {"hue": 1}]
)
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        LanesOptions(**options)


def test_compare_by_hand():
    params = {"coloring": "each", "width": 3}
    true = {"lanes": [{"color": "red", "x": [None, 10, 20, 30]}, {"color": "blue", "x": [5, 5, 5, 5]}]}
    found = {"lanes": [{"color": "red", "x": [None, 11, 23, None]}, {"color": "green", "x": [5, 5, 5, 5]}]}
    assert Lanes.compare(found, true, params) == pytest.approx(
        {"mean_error_px": 2, "max_error_px": 3, "covered": 2 / 3, "missed": 1, "extra": 1}
    )
    exact = {"mean_error_px": 0, "max_error_px": 0, "covered": 1, "missed": 0, "extra": 0}
    assert Lanes.compare(true, true, params) == exact
    assert Lanes.compare({"lanes": []}, true, params) == {**exact, "missed": 2}
    # of one colour: each belongs to the nearest, and none to one that is twelve pixels away
    same = {"lanes": [{"color": "red", "x": [40, 40, 40]}, {"color": "red", "x": [60, 60, 60]}]}
    moved = {"lanes": [{"color": "red", "x": [61, 62, 60]}, {"color": "red", "x": [53, 53, 53]}]}
    figures = Lanes.compare(moved, same, {"coloring": "one", "width": 3})
    assert figures == {"mean_error_px": 1, "max_error_px": 2, "covered": 1, "missed": 1, "extra": 1}


def test_lossless_where_no_colour_is_clear():
    palette = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (128, 0, 128), (0, 0, 255), (0, 128, 0), (255, 255, 0)]
    pixels = np.array([*palette, (128, 128, 128)], np.uint8)[np.random.default_rng(0).integers(0, 8, (150, 200))]
    rendered, view = _render(_sample(pixels=pixels), palette="instructdiffusion")
    assert rendered.target.lossless and rendered.params["lossless"]
    figures = _back(rendered, view)
    assert figures["missed"] == figures["extra"] == 0 and figures["covered"] >= 0.95


@pytest.mark.parametrize(("style", "coloring"), _STYLES)
def test_a_models_rough_answer(style, coloring):
    """Blurred, faded and a little noisy, as a generator would draw it."""
    rendered, view = _render(
        _sample(pixels=_photo("ramp", 200, 150)), style=style, coloring=coloring, width=0.03, seed=3
    )
    noise = np.random.default_rng(0).normal(0, 8, view.rgb.shape)
    rough = cv2.GaussianBlur(rendered.target.pixels(), (3, 3), 0) * 0.9 + 12 + noise
    decoded = Lanes.decode(np.clip(rough, 0, 255).astype(np.uint8), view.rgb, rendered.params)
    figures = Lanes.compare(decoded, rendered.annotation, rendered.params)
    assert figures["missed"] == 0 and figures["mean_error_px"] < 1


def test_same_seed_same_bytes():
    first, second = (_render(_sample(), seed=7)[0] for _ in range(2))
    assert np.array_equal(first.target.rgb, second.target.rgb) and first.params == second.params


@st.composite
def _lanes(draw):
    found = []
    for _ in range(draw(st.integers(1, 5))):
        rows = sorted(draw(st.sets(st.integers(-20, 170), min_size=2, max_size=6)))
        x = draw(st.floats(-20, 220))
        points = []
        for row in rows:
            points.append((x, float(row)))
            x += draw(st.floats(-60, 60))
        found.append(tuple(points))
    return found


@settings(max_examples=120, deadline=None)
@given(_lanes(), st.sampled_from(_STYLES), st.sampled_from(["noise", "ramp"]), st.integers(0, 10**6))
def test_any_lines_come_back(lanes, how, kind, seed):
    try:
        rendered, view = _render(
            _sample(lanes, pixels=_photo(kind, 200, 150, seed)), style=how[0], coloring=how[1], seed=seed
        )
    except NotApplicable:
        return
    figures = _back(rendered, view)
    assert _holds(figures), figures
