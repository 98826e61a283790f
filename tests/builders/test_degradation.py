"""Seeded damage: hand-calculated pixels, statistics of the noise, the same plan giving the same picture."""

from __future__ import annotations

import io
import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.degradations.degrade import KINDS, degrade, plan_degradation
from taskpaint.builders.degradations.noise import normal_quantiles, smooth_field, uniform_words
from taskpaint.builders.degradations.sensor import compressed


def _flat(level, height=200, width=200):
    return np.full((height, width, 3), level, np.uint8)


def _scene(height=96, width=128, seed=0):
    """Hills, an edge and a texture of small tiles: something to blur, and something to hide."""
    fields = [smooth_field(seed + channel, (width, height), 6) for channel in range(3)]
    tiles = np.random.default_rng(seed).integers(-25, 26, (height // 3 + 1, width // 3 + 1, 1))
    texture = np.kron(tiles, np.ones((3, 3, 1)))[:height, :width]
    scene = np.rint(40 + 170 * np.stack(fields, axis=2) + texture).astype(np.uint8)
    scene[:, : width // 3] //= 2
    return scene


def _impulse(side=41, level=240):
    photo = np.zeros((side, side, 3), np.uint8)
    photo[side // 2, side // 2] = level
    return photo


@given(
    st.sampled_from(KINDS),
    st.integers(16, 90),
    st.integers(16, 90),
    st.floats(0, 1),
    st.integers(0, 2**32),
)
@settings(max_examples=120, deadline=None)
def test_a_plan_gives_the_same_picture_again(kind, width, height, strength, seed):
    photo = _scene(height, width)
    before = photo.copy()
    plan = plan_degradation(kind, (width, height), strength, random.Random(seed))
    damaged = degrade(photo, plan)
    assert damaged.shape == photo.shape
    assert damaged.dtype == np.uint8
    assert np.array_equal(photo, before)
    assert plan["kind"] == kind
    assert np.array_equal(degrade(photo, json.loads(json.dumps(plan))), damaged)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_shows_and_leaves_the_scene_there(kind):
    photo = _scene(240, 320)
    for strength in (0.2, 1.0):
        plan = plan_degradation(kind, (320, 240), strength, random.Random(5))
        damaged = degrade(photo, plan).astype(float)
        assert np.abs(damaged - photo).mean() > 0.3
        # what is left of the scene still goes along with it
        assert np.corrcoef(damaged.mean(axis=2).ravel(), photo.mean(axis=2).ravel())[0, 1] > 0.5


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"gray", "low-resolution"}))
def test_other_draws_give_other_damage(kind):
    plans = [plan_degradation(kind, (320, 240), 0.5, random.Random(seed)) for seed in range(12)]
    assert len({json.dumps(plan) for plan in plans}) > 1


def _mean_error(kind, strength, fixed):
    photo = _scene(240, 320)
    errors = []
    for seed in range(12):
        plan = {**plan_degradation(kind, (320, 240), strength, random.Random(seed)), **fixed}
        errors.append(np.square(degrade(photo, plan).astype(float) - photo).mean())
    return np.mean(errors)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"gray"}))
def test_strength_makes_it_worse(kind):
    fixed = {"enlarged": "bicubic"} if kind == "low-resolution" else {}
    assert _mean_error(kind, 1.0, fixed) > 1.3 * _mean_error(kind, 0.2, fixed)


def test_motion_is_the_mean_along_a_line():
    blurred = degrade(_impulse(), {"kind": "blur", "shape": "motion", "offsets_px": [[1, 0], [2, 0], [4, 0]]})
    row = blurred[20, :, 0]
    assert row[row > 0].tolist() == [30] * 8  # 240 / 8
    assert np.flatnonzero(row).mean() == pytest.approx(20, abs=1)
    assert (blurred.sum(axis=(1, 2)) > 0).sum() == 1


def test_motion_leans_as_the_offsets_do():
    offsets = [[-1, 1], [-2, 2]]
    blurred = degrade(_impulse(), {"kind": "blur", "shape": "motion", "offsets_px": offsets})[:, :, 0]
    rows, columns = np.nonzero(blurred)
    assert len(rows) == 4
    assert len(set((rows + columns).tolist())) == 1


@pytest.mark.parametrize("sigma", [1.5, 4.0])
def test_gaussian_blur_has_its_width(sigma):
    photo = np.zeros((101, 101, 3), np.uint8)
    photo[:, 50:] = 200  # the derivative of a blurred edge is the kernel
    row = degrade(photo, {"kind": "blur", "shape": "gaussian", "sigma_px": sigma})[50, :, 0].astype(float)
    kernel = np.diff(row) / 200
    places = np.arange(100) + 0.5
    assert kernel.sum() == pytest.approx(1)
    mean = (kernel * places).sum()
    assert mean == pytest.approx(49.5, abs=0.3)
    assert math.sqrt((kernel * (places - mean) ** 2).sum()) == pytest.approx(sigma, rel=0.12)


def test_defocus_is_a_disc():
    blurred = degrade(_impulse(level=255), {"kind": "blur", "shape": "defocus", "radius_px": 3.0})[:, :, 0]
    assert blurred[20, 20] == pytest.approx(255 / (math.pi * 9), abs=1)
    rows, columns = np.nonzero(blurred)
    assert np.hypot(rows - 20, columns - 20).max() <= 3.5


def test_low_resolution_by_hand():
    photo = np.kron(np.array([[10, 30], [50, 110]]), np.ones((2, 2)))[:, :, None].repeat(3, 2).astype(np.uint8)
    plan = {"kind": "low-resolution", "factor": 2, "enlarged": "nearest"}
    assert np.array_equal(degrade(photo, plan), photo)
    assert degrade(photo, {**plan, "factor": 4})[:, :, 0].tolist() == [[50] * 4] * 4  # (10 + 30 + 50 + 110) / 4


@pytest.mark.parametrize("shape", ["gaussian", "gaussian-gray"])
def test_gaussian_noise_has_its_spread(shape):
    plan = {"kind": "noise", "shape": shape, "sigma": 20.0, "seed": 1}
    noise = degrade(_flat(128), plan).astype(float) - 128
    assert noise.std() == pytest.approx(20, rel=0.02)
    assert abs(noise.mean()) < 0.3
    assert np.mean(np.abs(noise) > 40) == pytest.approx(0.0455, abs=0.005)
    assert (noise[:, :, 0] == noise[:, :, 1]).all() == (shape == "gaussian-gray")
    if shape == "gaussian":
        assert abs(np.corrcoef(noise[:, :, 0].ravel(), noise[:, :, 1].ravel())[0, 1]) < 0.02
    neighbours = np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1]
    assert abs(neighbours) < 0.02


@pytest.mark.parametrize("level", [40, 160])
def test_shot_noise_grows_with_the_light(level):
    plan = {"kind": "noise", "shape": "shot", "electrons": 100.0, "seed": 4}
    noise = degrade(_flat(level), plan).astype(float) - level
    # Poisson: electrons e = 100 level / 255 have variance e; back in levels that is 255 level / 100
    assert noise.var() == pytest.approx(255 * level / 100, rel=0.04)


def test_salt_and_pepper_in_equal_parts():
    plan = {"kind": "noise", "shape": "salt-and-pepper", "share": 0.1, "seed": 9}
    noisy = degrade(_flat(90), plan)
    assert np.mean((noisy == 0).all(axis=2)) == pytest.approx(0.05, abs=0.005)
    assert np.mean((noisy == 255).all(axis=2)) == pytest.approx(0.05, abs=0.005)
    assert set(np.unique(noisy).tolist()) == {0, 90, 255}


def test_low_light_by_hand():
    plan = {"kind": "low-light", "gain": 0.5, "gamma": 2.0, "sigma": 0.0, "seed": 0}
    # 255 * 0.5 * (204 / 255)² = 81.6
    assert np.unique(degrade(_flat(204), plan)).tolist() == [82]


def test_gray_by_hand():
    photo = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    # BT.601: 0.299, 0.587, 0.114
    assert degrade(photo, {"kind": "gray"})[0].tolist() == [[76] * 3, [150] * 3, [29] * 3]


def test_compression_is_that_of_the_file():
    plan = {"kind": "compression", "quality": 10, "subsampling": "420"}
    photo = _scene()
    with Image.open(io.BytesIO(compressed(photo, plan))) as image:
        assert image.format == "JPEG"
        # The first luma step of the standard's table, 16, at quality 10: 16 * 500 / 100
        assert image.quantization[0][0] == 80
        other_decoder = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(degrade(photo, plan) - other_decoder).mean() < 2


def test_haze_of_even_depth_by_hand():
    plan = {"kind": "haze", "far_transmission": 0.25, "air_rgb": [200, 210, 220], "seed": 0}
    hazy = degrade(_flat(40, 32, 32), plan, np.full((32, 32), 7.0, np.float32))
    # 40 / 4 + 3/4 of the air
    assert np.abs(hazy[16, 16].astype(float) - [160, 167.5, 175]).max() <= 1


def test_haze_thickens_with_depth_and_fills_holes():
    depth = np.zeros((64, 64), np.float32)
    depth[:, :16], depth[:, 48:] = 1.0, 20.0  # nothing known between
    plan = {"kind": "haze", "far_transmission": 0.2, "air_rgb": [230, 230, 230], "seed": 0}
    row = degrade(_flat(10, 64, 64), plan, depth)[32, :, 0].astype(int)
    assert row[4] < 40
    assert row[60] > 170
    assert (np.diff(row) >= -1).all()


def test_haze_without_any_depth_is_invented():
    plan = plan_degradation("haze", (64, 64), 0.8, random.Random(2))
    nothing = np.zeros((64, 64), np.float32)
    assert np.array_equal(degrade(_flat(10, 64, 64), plan, nothing), degrade(_flat(10, 64, 64), plan))


@pytest.mark.parametrize("kind", ["rain", "snow"])
def test_weather_lightens_a_dark_scene_in_places(kind):
    plan = {**plan_degradation(kind, (300, 300), 0.6, random.Random(3)), "veil": 0.0}
    fallen = degrade(_flat(0, 300, 300), plan)
    assert 0.02 < np.mean(fallen[:, :, 0] > 20) < 0.6
    assert fallen.max() > 100


def test_rain_falls_as_it_leans():
    plan = {**plan_degradation("rain", (300, 300), 0.5, random.Random(3)), "veil": 0.0}
    for lean, steps in ((25.0, (2, 1)), (-25.0, (2, -1))):  # tan 25° is 0.47: one to the side, two down
        light = degrade(_flat(0, 300, 300), {**plan, "lean_degrees": lean})[:, :, 0].astype(float)
        down, side = steps
        along = (light * np.roll(light, (-3 * down, -3 * side), (0, 1))).mean()
        across = (light * np.roll(light, (-3 * down, 3 * side), (0, 1))).mean()
        assert along > 1.5 * across


def test_a_watermark_by_hand():
    plan = plan_degradation("watermark", (320, 240), 0.5, random.Random(1))
    plan |= {"rgb": [200, 100, 0], "opacity": 0.5, "tiled": False, "angle_degrees": 0.0, "center": [0.5, 0.5]}
    plan |= {"text": "HHHH", "logo": "square", "height_px": 24.0}
    marked = degrade(_flat(0, 240, 320), plan)
    assert np.abs(marked.max(axis=(0, 1)).astype(int) - [100, 50, 0]).max() <= 1
    rows, columns = np.nonzero(marked[:, :, 0] > 50)
    assert 100 < rows.min() < rows.max() < 140
    assert abs((columns.min() + columns.max()) / 2 - 160) < 12


def test_a_tiled_watermark_is_everywhere():
    plan = {**plan_degradation("watermark", (320, 240), 0.5, random.Random(1)), "tiled": True, "height_px": 12.0}
    plan |= {"rgb": [255, 255, 255], "text": "ART"}
    marked = degrade(_flat(0, 240, 320), plan)[:, :, 0]
    for part in (marked[:120, :160], marked[:120, 160:], marked[120:, :160], marked[120:, 160:]):
        assert (part > 20).mean() > 0.005


def test_moire_by_hand():
    plan = {"kind": "moire", "period_px": 8.0, "angle_degrees": 0.0, "amplitude": 20.0, "bends": 0.0}
    plan |= {"channel_phases": [0.0, 0.25, 0.5], "seed": 3}
    waves = degrade(_flat(128, 64, 64), plan).astype(int) - 128
    assert np.abs(waves).max() <= 20
    assert (waves[:, :, 0] == waves[:1, :, 0]).mean() < 1  # they fade
    assert np.abs(waves[:, :, 0] + waves[:, :, 2]).max() <= 1  # half a period apart
    signs = np.sign(waves[5, 1:9, 0]).tolist()
    assert signs == [1, 1, 1, 0, -1, -1, -1, 0]


def test_quantiles_are_the_normal_distribution():
    quantiles = normal_quantiles()
    assert quantiles[round(0.975 * 65536)] == pytest.approx(1.959964, abs=1e-3)
    assert np.array_equal(quantiles, -quantiles[::-1])
    assert (np.diff(quantiles) > 0).all()
    assert quantiles.astype(float).std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 4097])
def test_random_words_are_as_many_as_asked_for(count):
    assert uniform_words(3, count).shape == (count,)


def test_random_words_are_even():
    counts = np.bincount(uniform_words(11, 1 << 20) >> 8, minlength=256)
    # chi² with 255 degrees of freedom: mean 255, standard deviation 22.6
    assert abs(((counts - 4096) ** 2 / 4096).sum() - 255) < 5 * 22.6
