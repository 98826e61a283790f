"""The restoration task: real pairs byte for byte, damage on purpose that can be done again, odd photographs."""

from __future__ import annotations

import json
import random

import cv2
import numpy as np
import pydantic
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from taskpaint.builders.degradations.degrade import KINDS, degrade
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.index import SourceIndex
from taskpaint.builders.sample import DepthMap, Feature, FileBytes, Pair, Sample
from taskpaint.builders.tasks.restoration import Restoration, RestorationOptions, section_of
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import FileTarget, PhotoTarget, SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_jpeg, encode_png, encode_target


def _photo(width=80, height=60, seed=0):
    tiles = np.random.default_rng(seed).integers(20, 236, (height // 4 + 1, width // 4 + 1, 3))
    return np.kron(tiles, np.ones((4, 4, 1)))[:height, :width].astype(np.uint8)


def _sample(photo=None, twin=None, kind="blur", depth=None):
    photo = _photo() if photo is None else photo
    pair = None if twin is None else Pair(FileBytes(None, twin), kind)
    height, width = photo.shape[:2]
    depth_map = None if depth is None else DepthMap(lambda: depth)
    return Sample("1", FileBytes(None, encode_png(photo)), width, height, pair=pair, depth=depth_map)


def _view(sample, sizing=None):
    data, size = sample.image.read(), (sample.width, sample.height)
    geometry = fit(sizing, size, None, random.Random(0)) if sizing else Geometry.native(size)
    return View(sample, data, read_header(data), geometry)


def _render(sample, seed=0, sizing=None, **options):
    task, view, draw = Restoration(RestorationOptions(**options)), _view(sample, sizing), random.Random(seed)
    return task.render(view, task.choose(sample, draw), draw), view


def test_a_real_pair_keeps_its_files():
    clean = encode_jpeg(_photo(seed=1), 90)
    rendered, view = _render(_sample(twin=clean))
    assert rendered.source is None
    assert rendered.target == FileTarget(clean)
    assert "rgb" not in vars(view)
    assert (rendered.section, rendered.slots) == ("blur", {})
    assert rendered.params == rendered.annotation == {"kind": "blur", "synthetic": False}


def test_a_real_pair_is_sized_alike():
    clean = _photo(seed=1)
    rendered, view = _render(_sample(twin=encode_png(clean)), sizing=Sizing(resize="square", size=32, crop="center"))
    assert rendered.target.pixels().shape == view.rgb.shape == (32, 32, 3)
    moved = fit(Sizing(resize="square", size=32), (80, 60), None, random.Random(0)).image(clean)
    assert np.array_equal(rendered.target.pixels(), moved)


def test_twins_of_different_sizes():
    with pytest.raises(BadItem, match="the twin is 40x60, the image is 80x60"):
        _render(_sample(twin=encode_png(_photo(width=40))))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *((kind, kind) for kind in KINDS),
        ("Low light", "low-light"),
        ("low_light", "low-light"),
        ("jpeg artifacts", "compression"),
        ("fog", "haze"),
        ("deblur", "blur"),
        ("degradation", "defect"),
        ("scratches", "defect"),
    ],
)
def test_sections_by_kind(kind, expected):
    assert section_of(kind) == expected
    rendered, _ = _render(_sample(twin=encode_png(_photo(seed=1)), kind=kind))
    assert rendered.section == expected
    assert rendered.params["kind"] == kind


@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.sampled_from(["jpeg", "png"]))
@settings(max_examples=60, deadline=None)
def test_damage_can_be_done_again_from_params(kind, seed, photo_format):
    photo = _photo()
    try:
        rendered, _ = _render(_sample(photo), seed, kinds=[kind])
    except NotApplicable:
        reject()  # so slight that it does not show
    params, annotation = json.loads(json.dumps([rendered.params, rendered.annotation]))
    assert isinstance(rendered.target, SameTarget)
    assert rendered.section == params["kind"] == annotation["kind"] == kind
    again = degrade(photo, params["plan"])
    output = Output(photo_format=photo_format)
    stored = decode_rgb(encode_target(rendered.source, b"", output)).astype(int)
    error = np.abs(stored - again.astype(int)).mean()
    assert error <= (0 if photo_format == "png" and kind != "compression" else 4)
    mean_squared = np.mean(np.square(again.astype(float) - photo))
    assert annotation["psnr_db"] == pytest.approx(10 * np.log10(255**2 / mean_squared), abs=0.01)
    assert annotation["psnr_db"] <= 40
    assert Restoration.compare(Restoration.decode(stored, stored, params), annotation, params) == {}


def test_a_compressed_photo_is_compressed_once():
    rendered, _ = _render(_sample(), kinds=["compression"])
    assert isinstance(rendered.source, FileTarget)
    assert len(rendered.source.data) < len(encode_jpeg(_photo(), 90)) / 2
    assert read_header(rendered.source.data).format == "JPEG"


def test_padding_is_not_damaged():
    sizing = Sizing(resize="pad", size=64, pad_rgb=(9, 8, 7))
    for kind in KINDS:
        rendered, view = _render(_sample(), sizing=sizing, kinds=[kind])
        assert isinstance(rendered.source, PhotoTarget)
        inside = view.geometry.inside()
        assert (rendered.source.rgb[~inside] == [9, 8, 7]).all()
        assert (rendered.source.rgb[inside] != view.rgb[inside]).any()


def test_haze_follows_the_depth_map():
    depth = np.ones((60, 80), np.float32)
    depth[:, 40:] = 30
    rendered, view = _render(_sample(np.full((60, 80, 3), 20, np.uint8), depth=depth), kinds=["haze"])
    assert rendered.params["depth"] is True
    light = rendered.source.rgb.mean(axis=(0, 2))
    assert light[60] > light[10] + 40
    assert np.array_equal(rendered.source.rgb, degrade(view.rgb, rendered.params["plan"], depth))


def test_always_damages_the_clean_twin():
    clean = _photo(seed=1)
    stored = encode_png(clean)
    rendered, _ = _render(_sample(twin=stored), synthetic="always", kinds=["gray"])
    assert rendered.target == FileTarget(stored)
    assert rendered.annotation["synthetic"] is True
    assert np.array_equal(rendered.source.rgb, degrade(clean, {"kind": "gray"}))


def test_edits_are_no_damage():
    sample = _sample(twin=encode_png(_photo(seed=1)), kind="edit")
    rendered, _ = _render(sample)
    assert isinstance(rendered.target, SameTarget)
    with pytest.raises(NotApplicable, match="no clean twin"):
        _render(sample, synthetic="never")


def test_never_takes_real_pairs_only():
    rows = Restoration(RestorationOptions(synthetic="never")).eligible(_Index())
    assert rows.tolist() == [True, False, False]
    assert Restoration(RestorationOptions()).eligible(_Index()).tolist() == [True] * 3


class _Index(SourceIndex):
    def __init__(self):
        """Three rows: a real pair, depth, nothing at all."""

    def features(self):
        return np.array([Feature.RESTORATION, Feature.DEPTH, 0], np.uint32)


def test_every_source_can_feed_it():
    assert Restoration.fits(Feature(0))
    assert Restoration.fits(Feature.LABELS)


def test_what_shows_no_damage_is_left_out():
    with pytest.raises(NotApplicable, match="so plain that no damage shows"):
        _render(_sample(np.full((60, 80, 3), 90, np.uint8)), kinds=["gray", "blur", "low-resolution"])
    with pytest.raises(NotApplicable, match="8x60, too small"):
        _render(_sample(_photo(width=8)))


def test_another_kind_stands_in_for_one_that_does_not_show():
    gray = np.repeat(_photo()[:, :, :1], 3, axis=2)
    kinds = {_render(_sample(gray), seed, kinds=["gray", "noise"])[0].section for seed in range(8)}
    assert kinds == {"noise"}


def test_all_kinds_are_drawn():
    sample = _sample()
    assert {_render(sample, seed)[0].section for seed in range(120)} == set(KINDS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": (0.8, 0.2)}, "strength"),
        ({"strength": (-0.1, 0.2)}, "strength"),
        ({"strength": (0.1, 1.2)}, "strength"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["fire"]}, "kinds"),
        ({"synthetic": "sometimes"}, "synthetic"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        RestorationOptions(**options)


def test_the_instruction_can_be_worded():
    bank = load_bank("restoration")
    for name, slots in Restoration.sections.items():
        text, template = word(section(bank, name), dict.fromkeys(slots, "4x"), random.Random(1))
        assert text == template.text.replace("{factor}", "4x")


def test_real_pairs(shared_data):
    folder = shared_data / "gopro" / "GOPRO_Large" / "test"
    scene = sorted(folder.iterdir())[0]
    blurred, sharp = (sorted((scene / part).iterdir())[0] for part in ("blur", "sharp"))
    data = blurred.read_bytes()
    header = read_header(data)
    sample = Sample("1", FileBytes(blurred), header.width, header.height, pair=Pair(FileBytes(sharp), "blur"))
    rendered, _ = _render(sample)
    assert rendered.target == FileTarget(sharp.read_bytes())


@pytest.mark.parametrize("factor", [2, 4])
def test_a_named_factor_is_the_one_used(factor):
    photo = np.kron(np.random.default_rng(0).integers(0, 256, (40, 40, 3)), np.ones((2, 2, 1))).astype(np.uint8)
    rendered = _render(_sample(photo), kinds=["low-resolution"], factors=[factor])[0]
    assert (rendered.section, rendered.slots) == ("upscale", {"factor": f"{factor}x"})
    assert rendered.params["plan"]["factor"] == factor
    small = cv2.resize(photo, (80 // factor, 80 // factor), interpolation=cv2.INTER_AREA)
    ways = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    again = [cv2.resize(small, (80, 80), interpolation=way) for way in ways]
    assert any(np.array_equal(rendered.source.rgb, one) for one in again)


@pytest.mark.parametrize("factors", [[1], [4, 17], [2.5]])
def test_a_factor_that_makes_no_sense(factors):
    with pytest.raises(pydantic.ValidationError):
        RestorationOptions(factors=factors)
