"""The depth task: hand-calculated pixels, every style back through the codec, odd maps, bad options."""

from __future__ import annotations

import itertools
import json
import math
import random

import cv2
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from taskpaint.builders.depths.store import from_annotation
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.sample import DepthMap, FileBytes, Sample
from taskpaint.builders.tasks.depth import Depth, DepthOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import FlatTarget, PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_target

MAGENTA = [255, 0, 255]


def _true_depth_m(annotation):
    """(H, W) float32 metres, 0 where there is none."""
    units, unit_m = from_annotation(annotation)
    return (units * unit_m).astype(np.float32)


def _view(depth, sizing=None, shape=None):
    depth = np.asarray(depth, np.float32)
    height, width = shape or depth.shape
    data = encode_png(np.full((height, width, 3), 90, np.uint8))
    sample = Sample("1", FileBytes(None, data), width, height, depth=DepthMap(lambda: depth))
    geometry = fit(sizing, (width, height), None, random.Random(0)) if sizing else Geometry.native((width, height))
    return View(sample, data, read_header(data), geometry)


def _render(depth, sizing=None, seed=0, **options):
    task, view, draw = Depth(DepthOptions(**options)), _view(depth, sizing), random.Random(seed)
    rendered = task.render(view, task.choose(view.sample, draw), draw)
    assert "rgb" not in vars(view)  # the photo is not decoded
    return rendered


def _back(rendered):
    """Through the codec and JSON, as a user gets it."""
    target = decode_rgb(encode_target(rendered.target, b"", Output()))
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    decoded = Depth.decode(target, np.zeros_like(target), params)
    return decoded, Depth.compare(decoded, annotation, params), annotation


def _pixels(rendered):
    return rendered.target.pixels().tolist()


def test_gray_by_hand():
    rendered = _render([[0.0, 5.0, 10.0, 2.5, 12.0]])
    assert isinstance(rendered.target, FlatTarget)
    # 254 steps: 5 m is level 127; 2.5 m is 63.5, a tie that rounds to even; no depth is magenta
    assert _pixels(rendered) == [[MAGENTA, [127] * 3, [255] * 3, [64] * 3, [255] * 3]]
    assert rendered.section == "gray"
    assert rendered.params["range_m"] == [0, 10]
    annotation = rendered.annotation
    assert (annotation["size"], annotation["range_m"]) == ([1, 5], [2.5, 12])
    assert (annotation["valid"], annotation["clipped"]) == (0.8, 0.25)


def test_near_is_bright():
    assert _pixels(_render([[0.0, 2.5, 10.0]], near_is="bright")) == [[MAGENTA, [191] * 3, [0] * 3]]


def test_a_colormap_by_hand():
    rendered = _render([[0.001, 10.0, 0.0]], style="colormap", colormap="viridis")
    assert _pixels(rendered) == [[[68, 1, 84], [253, 231, 37], MAGENTA]]
    assert _pixels(_render([[0.001, 10.0]], style="colormap", colormap="inferno", near_is="bright")) == [
        [[252, 255, 164], [0, 0, 4]]
    ]


def test_the_metric_curve_by_hand():
    # 10 (2^(1/2) - 1) m has share 1/2 of the 7 edges: half way along the fourth, from green to cyan
    rendered = _render([[10 * (math.sqrt(2) - 1), 0.0, 0.0005, 10 * (math.sqrt(1.75) - 1)]], style="metric")
    assert isinstance(rendered.target, PhotoTarget)
    assert rendered.target.lossless
    half, *others = _pixels(rendered)[0]
    assert half in ([0, 255, 127], [0, 255, 128])
    assert others == [[128] * 3, [0] * 3, [0, 255, 0]]  # none, next to nothing, share 3/7
    assert _pixels(_render([[1.0, 9000.0]], style="metric"))[0][1] == [255] * 3


def test_the_range_of_the_image():
    rendered = _render([[2.0, 4.0], [3.0, 0.0]], range="image")
    assert _pixels(rendered) == [[[0] * 3, [255] * 3], [[127] * 3, MAGENTA]]
    assert rendered.params["range_m"] == [2, 4]


def test_log_and_inverse_scales_by_hand():
    # 2 m is half way from 1 to 4 in the logarithm, 1.6 m in the inverse
    assert _pixels(_render([[2.0]], scale="log", near_m=1, far_m=4)) == [[[127] * 3]]
    assert _pixels(_render([[1.6]], scale="inverse", near_m=1, far_m=4)) == [[[127] * 3]]


def test_holes_are_filled_with_the_nearest_depth():
    depth = np.zeros((3, 9), np.float32)
    depth[:, 0], depth[:, 8] = 2, 8
    rendered = _render(depth, invalid="fill", far_m=254)
    levels = rendered.target.index
    assert (levels[:, :4] == 2).all()
    assert (levels[:, 5:] == 8).all()
    assert set(levels[:, 4].tolist()) <= {2, 8}  # as near to one side as to the other
    assert rendered.annotation["valid"] == pytest.approx(6 / 27)
    assert np.array_equal(_true_depth_m(rendered.annotation), depth)


def test_holes_are_black_where_that_is_asked():
    assert _pixels(_render([[0.0, 5.0]], invalid="zero")) == [[[0] * 3, [127] * 3]]
    assert _pixels(_render([[0.0, 5.0]], invalid="zero", near_is="bright"))[0][0] == [0] * 3
    assert _pixels(_render([[0.0, 5.0]], invalid="zero", style="metric"))[0][0] == [0] * 3


@st.composite
def _option_sets(draw):
    style = draw(st.sampled_from(["gray", "colormap", "metric"]))
    scale = draw(st.sampled_from(["linear", "log", "inverse"]))
    near_m = draw(st.sampled_from([0.0, 0.2, 1.0])) if scale == "linear" else draw(st.sampled_from([0.2, 1.0]))
    return {
        "style": style,
        "colormap": draw(st.sampled_from(["turbo", "viridis", "inferno", "spectral"])),
        "range": draw(st.sampled_from(["fixed", "image"])),
        "near_m": near_m,
        "far_m": draw(st.sampled_from([3.0, 10.0, 80.0])),
        "scale": scale,
        "near_is": draw(st.sampled_from(["dark", "bright"])),
        "curve": draw(st.sampled_from(["near", "far"])),
        "invalid": draw(st.sampled_from(["reserved", "fill", "zero"])),
    }


_DEPTHS = st.one_of(
    st.floats(0.0625, 2.5, width=32),
    st.floats(0, 700, width=32),
    st.sampled_from([0.0, -1.0, math.nan, math.inf, -math.inf, 65504.0]),
)


@settings(max_examples=150, deadline=None)
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=_DEPTHS), _option_sets())
def test_every_style_comes_back(depth, options):
    try:
        rendered = _render(depth, **options)
    except NotApplicable:
        known = depth[(depth > 0) & (depth < 10_000)]
        assert options["range"] == "fixed" or options["style"] == "metric" or not len(known)
        near, far = (0, 587) if options["style"] == "metric" else (options["near_m"], options["far_m"])
        assert not np.any((known > near + 0.01) & (known < far - 0.01))
        return
    decoded, figures, annotation = _back(rendered)
    assert all(limit.holds(figures[limit.metric]) for limit in Depth.limits), figures
    assert decoded["size"] == annotation["size"] == list(depth.shape)
    assert decoded["depth_m"].dtype == np.float32
    truth = _true_depth_m(annotation)
    assert np.array_equal(truth > 0, (depth > 0) & (depth < 10_000))
    if options["invalid"] == "reserved":
        assert np.array_equal(decoded["valid"], truth > 0)
        assert not decoded["depth_m"][~decoded["valid"]].any()
    else:
        assert decoded["valid"].all()
    if options["style"] != "metric" and options["scale"] == "linear":
        low, high = rendered.params["range_m"]
        seen = (truth > 0) & decoded["valid"]
        error = np.abs(decoded["depth_m"] - np.clip(truth, low, high))[seen]
        assert error.max() <= 0.5 * (high - low) / 254 + 1e-4  # half a level


@pytest.mark.parametrize(("depth_m", "bound_m"), [(1, 0.0019), (5, 0.0048), (20, 0.038), (80, 1.03)])
def test_metric_errors_in_metres(depth_m, bound_m):
    # half a step is 0.0014 (1 + d/10)^3 m; the depths below hold a few steps
    depth = np.linspace(0.95 * depth_m, depth_m, 2000, dtype=np.float32).reshape(40, 50)
    decoded, figures, annotation = _back(_render(depth, style="metric"))
    error = np.abs(decoded["depth_m"] - _true_depth_m(annotation))
    assert 0.8 * bound_m < error.max() <= bound_m
    assert figures["delta1"] == 1


def test_figures_by_hand():
    rendered = _render([[2.0, 4.0, 12.0, 0.0]], far_m=10)
    decoded = {
        "depth_m": np.array([[3.0, 4.0, 1.0, 0.0]], np.float32),
        "valid": np.array([[True, True, True, True]]),
    }
    figures = Depth.compare(decoded, rendered.annotation, rendered.params)
    # 12 m lies outside the range and is not judged; the last pixel should be without depth
    assert figures == pytest.approx(
        {"max_steps": 25.5, "valid_agreement": 0.75, "abs_rel": 0.25, "rmse_m": math.sqrt(0.5), "delta1": 0.5}
    )


def test_a_missed_pixel_counts_as_the_worst():
    rendered = _render([[2.0, 4.0]])
    decoded = {"depth_m": np.array([[0.0, 4.0]], np.float32), "valid": np.array([[False, True]])}
    figures = Depth.compare(decoded, rendered.annotation, rendered.params)
    assert figures["delta1"] == 0.5
    assert figures["valid_agreement"] == 0.5


@pytest.mark.parametrize("style", ["gray", "colormap", "metric"])
def test_one_depth_everywhere(style):
    decoded, figures, _ = _back(_render(np.full((4, 4), 2.5), style=style, range="image"))
    assert decoded["depth_m"] == pytest.approx(2.5, abs=0.005)
    assert figures["max_steps"] <= 1


@pytest.mark.parametrize("value", [0, -3, math.nan, math.inf, 65504])
def test_no_depth_at_all(value):
    with pytest.raises(NotApplicable, match="no pixel"):
        _render(np.full((3, 3), value))


def test_all_depth_beyond_the_range():
    with pytest.raises(NotApplicable, match="20 to 30 m, lies outside"):
        _render([[20.0, 30.0, 0.0]])


def test_a_map_of_another_size():
    task, view = Depth(DepthOptions()), _view(np.ones((4, 4)), shape=(8, 8))
    with pytest.raises(BadItem, match="depth map is 4x4, the image is 8x8"):
        task.render(view, task.choose(view.sample, random.Random(0)), random.Random(0))


def test_a_sample_without_depth():
    with pytest.raises(NotApplicable):
        Depth(DepthOptions()).choose(Sample("1", FileBytes(None, b"")), random.Random(0))


def test_padding_has_no_depth_and_resizing_invents_none():
    depth = np.where(np.arange(40)[None, :] < 20, 1.0, 9.0) * np.ones((20, 1))
    rendered = _render(depth, Sizing(resize="pad", size=16), far_m=254)
    assert rendered.target.index.shape == (16, 16)
    assert (rendered.target.index[:4] == 255).all()
    assert set(np.unique(rendered.target.index[4:12]).tolist()) == {1, 9}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"near_m": 5, "far_m": 5}, "near_m 5 must be less than far_m 5"),
        ({"near_m": 20}, "near_m 20 must be less than far_m 10"),
        ({"scale": "log"}, "scale log needs near_m above 0"),
        ({"scale": "inverse"}, "scale inverse needs near_m above 0"),
        ({"near_m": -1}, "near_m"),
        ({"far_m": math.inf}, "far_m"),
        ({"far_m": math.nan}, "far_m"),
        ({"style": "rainbow"}, "style"),
        ({"colormap": "jet"}, "colormap"),
        ({"invalid": "keep"}, "invalid"),
        ({"units": "feet"}, "units"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        DepthOptions(**options)


def test_log_scale_of_the_image_needs_no_bound():
    assert _back(_render([[0.5, 2.0, 8.0]], scale="log", range="image"))[1]["max_steps"] <= 1


def _phrases(**options):
    slot = "ramp" if options.get("style") == "metric" else "range"
    return {_render([[1.0, 4.0]], seed=seed, **options).slots[slot] for seed in range(40)}


def test_the_phrase_tells_which_end_is_near():
    assert "0 m in black to 10 m in white" in _phrases()
    assert "white at 0 m to black at 10 m" in _phrases(near_is="bright")
    for options in itertools.product(["gray", "colormap"], ["fixed", "image"]):
        style, span = options
        for phrase in _phrases(style=style, range=span, near_is="bright", colormap="inferno"):
            near, far = ("white", "black") if style == "gray" else ("pale yellow", "black")
            assert phrase.index(near) < phrase.index(far)
            assert ("0 m" in phrase or "0 meters" in phrase) == (span == "fixed")
    assert all("black" in phrase and "white" in phrase for phrase in _phrases())


def test_plain_ranges_only_where_the_colormap_runs_from_near_to_far():
    assert "0 to 10 meters" in _phrases(style="colormap")
    assert "nearest to farthest" in _phrases(style="colormap", range="image")
    assert "0.5 to 1 meter" in _phrases(style="colormap", near_m=0.5, far_m=1, range="fixed")


def test_the_phrase_tells_the_scale():
    assert all(phrase.endswith(" on a log scale") for phrase in _phrases(scale="log", near_m=0.5))
    assert all("inverse-depth" in phrase for phrase in _phrases(scale="inverse", range="image"))


def test_the_far_curve_names_its_distances():
    assert "black, red, yellow, green, cyan, blue, magenta and white" in _phrases(style="metric")
    for phrase in _phrases(style="metric", curve="far"):
        assert phrase.startswith("black at 0 m, red at 25.3 m, yellow at 57 m, green at 98.4 m")


@pytest.mark.parametrize("style", ["gray", "colormap", "metric"])
def test_the_instruction_can_be_worded(style):
    rendered = _render([[1.0, 4.0]], style=style)
    assert set(rendered.slots) == set(Depth.sections[style])
    text, _ = word(section(load_bank("depth"), rendered.section), rendered.slots, random.Random(3))
    assert all(str(value) in text for value in rendered.slots.values())


def test_the_same_seed_gives_the_same_triplet():
    first, second = (_render(np.linspace(0, 9, 30).reshape(5, 6), seed=7) for _ in range(2))
    assert first.annotation == second.annotation
    assert (first.slots, first.params) == (second.slots, second.params)
    assert np.array_equal(first.target.pixels(), second.target.pixels())


_NYU = "nyu_depth_v2/sync/basement_0001a/sync_depth_00050.png"
_KITTI = (
    "kitti_depth/data_depth_annotated/val/2011_09_26_drive_0000_sync/proj_depth/groundtruth/image_02/0000000005.png"
)


@pytest.mark.parametrize(("path", "per_metre", "far_m"), [(_NYU, 1000, 10), (_KITTI, 256, 80)])
@pytest.mark.parametrize("style", ["gray", "colormap", "metric"])
def test_real_depth_comes_back(shared_data, path, per_metre, far_m, style):
    stored = cv2.imread(str(shared_data / path), cv2.IMREAD_UNCHANGED)
    depth = (stored / per_metre).astype(np.float32)
    _, figures, annotation = _back(_render(depth, style=style, far_m=far_m))
    assert all(limit.holds(figures[limit.metric]) for limit in Depth.limits), figures
    assert annotation["valid"] == pytest.approx((stored > 0).mean())
    assert np.abs(_true_depth_m(annotation) - depth).max() <= 0.5 * annotation["unit_m"] + 1e-5
