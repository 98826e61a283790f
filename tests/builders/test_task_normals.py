"""The normals task: cameras that move with the sizing, back through the codec, missing cameras, real depth."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.index import open_index
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import DepthMap, FileBytes, Intrinsics, Sample
from taskpaint.builders.tasks.normals import Normals, NormalsOptions, true_normals
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_target

CAMERA = Intrinsics(80, 80, 39.5, 29.5)


def _floor(width=80, height=60, camera=CAMERA, below=1.5):
    """Depth of a level floor under the camera; 0 above the horizon. Its normal is straight up."""
    v = (np.arange(height) - camera.cy) / camera.fy
    depth = np.where(v > 0.02, below / np.maximum(v, 0.02), 0)
    return np.broadcast_to(depth[:, None], (height, width)).astype(np.float32)


def _render(depth, camera=CAMERA, sizing=None, seed=0, **options):
    height, width = depth.shape
    data = encode_png(np.full((height, width, 3), 90, np.uint8))
    sample = Sample("1", FileBytes(None, data), width, height, depth=DepthMap(lambda: depth, camera))
    task, draw = Normals(NormalsOptions(**options)), random.Random(seed)
    subject = task.choose(sample, draw)
    view = View(sample, data, read_header(data), fit(sizing or Sizing(), (width, height), None, draw))
    rendered = task.render(view, subject, draw)
    assert "rgb" not in vars(view)  # the photo is not decoded
    return rendered


def _back(rendered):
    target = decode_rgb(encode_target(rendered.target, b"", Output()))
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    decoded = Normals.decode(target, np.zeros_like(target), params)
    return decoded, Normals.compare(decoded, annotation, params)


def _holds(figures):
    return all(limit.holds(figures[limit.metric]) for limit in Normals.limits)


def test_a_floor_is_green():
    rendered = _render(_floor())
    pixels = rendered.target.rgb
    assert np.abs(pixels[45, 40].astype(int) - [128, 255, 128]).max() <= 2
    assert pixels[10, 40].tolist() == [128, 128, 128] == rendered.params["invalid_rgb"]
    assert rendered.target.lossless
    assert rendered.annotation["mean_normal"][1] > 0.99
    assert rendered.slots["axes"].endswith("with gray for unknown") and "left" in rendered.slots["axes"]
    assert _holds(_back(rendered)[1])


@pytest.mark.parametrize(
    "sizing",
    [
        Sizing(resize="square", size=40),
        Sizing(resize="stretch", size=100),
        Sizing(resize="square", size=120, crop="random"),
        Sizing(resize="pad", size=96),
    ],
    ids=["square", "stretch", "random", "pad"],
)
def test_the_camera_moves_with_the_sizing(sizing):
    """However the floor is cropped, scaled and distorted, it stays level."""
    decoded, figures = _back(_render(_floor(), sizing=sizing, seed=3))
    found = decoded["normals"][decoded["valid"]]
    assert len(found) > 100
    off = np.degrees(np.arccos(np.clip(found[:, 1], -1, 1)))
    assert np.median(off) < 3
    assert _holds(figures)


def test_the_camera_by_hand():
    rendered = _render(_floor(), sizing=Sizing(resize="square", size=120))
    # 80x60 -> the middle 60x60 from x = 10, doubled: (39.5 + 0.5 - 10) * 2 - 0.5
    assert rendered.annotation["intrinsics"] == {"fx": 160, "fy": 160, "cx": 59.5, "cy": 59.5}


def test_marigold_mirrors_red():
    wall = np.broadcast_to(2 / (1 - 0.75 * (np.arange(80) - 39.5) / 80), (60, 80)).astype(np.float32)
    banana, marigold = _render(wall), _render(wall, axes="marigold")
    assert np.abs(banana.target.rgb[..., 0].astype(int) + marigold.target.rgb[..., 0] - 255).max() <= 1
    assert "right" in marigold.slots["axes"] and "unknown" not in marigold.slots["axes"]
    for rendered in (banana, marigold):
        decoded, figures = _back(rendered)
        # 1/z = (1 - 0.75 u) / 2: n is (-0.75, 0, 1) / 1.25 away from the camera, so (0.6, 0, 0.8) to the viewer
        assert np.allclose(decoded["normals"], [0.6, 0, 0.8], atol=0.02)
        assert _holds(figures)


def test_a_camera_is_needed():
    with pytest.raises(NotApplicable, match="option `focal`"):
        _render(_floor(), camera=None)
    rendered = _render(_floor(), camera=None, focal=1.0)
    assert rendered.annotation["intrinsics"] == {"fx": 80, "fy": 80, "cx": 39.5, "cy": 29.5}
    given_camera = _render(_floor(), focal=3.0)
    assert given_camera.annotation["intrinsics"]["fx"] == 80


def test_too_little_is_not_applicable():
    with pytest.raises(NotApplicable, match="have a normal"):
        _render(np.zeros((60, 80), np.float32))
    with pytest.raises(NotApplicable, match=r"less than min_valid 0\.9"):
        _render(_floor(), min_valid=0.9)


@pytest.mark.parametrize("options", [{"axes": "opengl"}, {"focal": 0}, {"window": 0.9}, {"roughness": 0}, {"x": 1}])
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        NormalsOptions(**options)


def test_a_broken_annotation():
    annotation = _render(_floor()).annotation
    with pytest.raises(BadItem, match="no camera"):
        true_normals({key: value for key, value in annotation.items() if key != "intrinsics"})
    with pytest.raises(BadItem, match="no depth"):
        true_normals({**annotation, "depth_png": "?"})


def test_compare_by_hand():
    rendered = _render(np.full((60, 80), 2, np.float32))
    decoded, _ = _back(rendered)
    turned = {**decoded, "normals": np.broadcast_to(np.float32([0, 1, 0]), (60, 80, 3))}
    figures = Normals.compare(turned, rendered.annotation, rendered.params)
    assert (figures["mean_deg"], figures["max_deg"], figures["within_30"]) == (pytest.approx(90), pytest.approx(90), 0)
    half = decoded["valid"].copy()
    half[:30] = False
    figures = Normals.compare({**decoded, "valid": half}, rendered.annotation, rendered.params)
    assert (figures["valid_agreement"], figures["max_deg"], figures["within_11"]) == (0.5, 90, 0.5)


def test_a_models_rough_answer():
    """Noise of 5 levels costs about 3 degrees, and no pixel's validity."""
    rendered = _render(_floor())
    noise = np.random.default_rng(0).normal(0, 5, rendered.target.rgb.shape)
    rough = np.clip(rendered.target.rgb + noise, 0, 255).astype(np.uint8)
    figures = Normals.compare(Normals.decode(rough, rough, rendered.params), rendered.annotation, rendered.params)
    assert figures["valid_agreement"] == 1 and figures["mean_deg"] < 4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["noise", "steps", "sparse"]), st.sampled_from([0.05, 0.1, 0.2]))
def test_any_depth_comes_back(seed, kind, window):
    noise = np.random.default_rng(seed)
    depth = noise.uniform(0.5, 60) * np.exp(noise.normal(0, 0.003, (40, 56)))
    if kind == "steps":
        depth *= np.kron(noise.uniform(0.5, 2, (4, 7)), np.ones((10, 8)))
    if kind == "sparse":
        depth *= noise.random((40, 56)) < 0.4
    try:
        rendered = _render(depth.astype(np.float32), window=window, seed=seed)
    except NotApplicable:
        return
    figures = _back(rendered)[1]
    assert _holds(figures), figures
    text, _ = word(section(load_bank("normals"), "map"), rendered.slots, random.Random(seed))
    assert "red" in text and "green" in text


@pytest.mark.parametrize(
    ("source", "split", "focal"), [("nyu_depth_v2", "train", 0.8107), ("kitti_depth", "val", 0.581)]
)
def test_real_depth(shared_data, source, split, focal):
    index = open_index(find_source(source)(shared_data / source, split))
    sample = index.sample(1)
    data = sample.image.read()
    header = read_header(data)
    task, draw = Normals(NormalsOptions(focal=focal)), random.Random(0)
    view = View(sample, data, header, fit(Sizing(), (header.width, header.height), None, draw))
    decoded, figures = _back(task.render(view, task.choose(sample, draw), draw))
    assert _holds(figures)
    # the floor or the road in the lower third faces up, but for the camera's pitch
    lower = decoded["normals"][-header.height // 3 :, header.width // 3 : -header.width // 3]
    middle = np.median(lower[lower.any(axis=2)], axis=0)
    assert math.degrees(math.acos(middle[1] / np.linalg.norm(middle))) < 25
