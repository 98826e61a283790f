"""Normals of planes by hand, at creases and depth edges, with holes; and their colours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.depths.surface_normals import (
    NO_NORMAL,
    angles_deg,
    from_colors,
    have_normals,
    mean_normal,
    normals_of,
    to_colors,
)
from taskpaint.builders.sample import Intrinsics

CAMERA = Intrinsics(100, 110, 31.5, 23.5)
SHAPE = (48, 64)


def _rays(camera=CAMERA, shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy


def _plane(normal, distance, camera=CAMERA, shape=SHAPE):
    """Depth of the plane n·X = -distance, n in viewer axes (x right, y up, z to the viewer)."""
    u, v = _rays(camera, shape)
    along = normal[0] * u - normal[1] * v - normal[2]  # n·ray, the ray in viewer axes being (u, -v, -1)
    return np.where(along < -1e-3, -distance / np.minimum(along, -1e-3), 0).astype(np.float64)


def _unit(*parts):
    vector = np.array(parts, float)
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize(
    ("normal", "rgb"),
    [
        ((0, 0, 1), (128, 128, 255)),
        ((0, 0.9, math.sqrt(0.19)), (128, 242, 183)),  # 127.5 * 1.9, 127.5 * 1.4359
        ((-0.6, 0, 0.8), (204, 128, 230)),  # faces left: 127.5 * 1.6, 127.5 * 1.8 (229.5 rounds to even)
    ],
)
def test_planes_and_their_colours_by_hand(normal, rgb):
    found = normals_of(_plane(normal, 2.0), CAMERA, 7, 0.03)
    assert np.allclose(found, normal, atol=1e-5)
    assert np.unique(to_colors(found, "vision_banana").reshape(-1, 3), axis=0).tolist() == [list(rgb)]
    flipped = to_colors(found, "marigold")[0, 0].tolist()
    assert flipped[1:] == list(rgb[1:]) and abs(flipped[0] - (255 - rgb[0])) <= 1


def test_the_published_colours():
    """Left (255,128,128), up (128,255,128), viewer (128,128,255): Vision Banana's; none is gray."""
    vectors = np.array([[[-1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]]], np.float32)
    colors = [[255, 128, 128], [128, 255, 128], [128, 128, 255], [0, 128, 128], list(NO_NORMAL)]
    assert to_colors(vectors, "vision_banana")[0].tolist() == colors
    assert to_colors(vectors, "marigold")[0, 0].tolist() == [0, 128, 128]
    for axes in ("vision_banana", "marigold"):
        back = from_colors(to_colors(vectors, axes), axes)
        assert np.abs(back - vectors).max() < 0.006
        assert not back[0, 4].any()


_PART = st.floats(-1, 1)


@settings(max_examples=60, deadline=None)
@given(_PART, _PART, st.floats(0.25, 1), st.floats(0.5, 50), st.sampled_from([5, 9]))
def test_any_plane_comes_back(x, y, z, distance, window):
    normal = _unit(x, y, z)
    depth = _plane(normal, distance)
    found = normals_of(depth, CAMERA, window, 0.03)
    valid = found.any(axis=2)
    assert (valid <= (depth > 0)).all()
    if valid.any():
        assert angles_deg(found[valid], np.broadcast_to(normal, found[valid].shape).astype(np.float32)).max() < 0.01
    colors = to_colors(found, "vision_banana")
    # 8 bits: half a step of 1 / 127.5 in each of three parts, 0.39 degrees at most
    assert angles_deg(from_colors(colors, "vision_banana")[valid], found[valid]).max(initial=0) < 0.4


@pytest.mark.parametrize(("far", "reach"), [(1.0, 4), (1.05, 1), (3.0, 1)], ids=["crease", "low step", "step"])
def test_edges_stay_sharp(far, reach):
    """Windows do not reach across a step; across a crease that could be noise they do, by half a window."""
    left, right = _unit(0.5, 0, 1), _unit(-0.5, 0, 1)
    depth = np.where(np.arange(64) < 32, _plane(left, 2.0), far * _plane(right, 2.0))
    found = normals_of(depth, CAMERA, 9, 0.03)
    expected = np.where((np.arange(64) < 32)[None, :, None], left, right) * np.ones((48, 1, 1))
    wrong = (angles_deg(found, expected.astype(np.float32)) > 1).any(axis=0)
    assert not wrong[: 32 - reach].any() and not wrong[32 + reach :].any()


def test_holes_lines_and_rough_places_have_no_normal():
    flat = _plane((0, 0, 1), 2.0)
    holed = flat.copy()
    holed[10:20, 10:20] = 0
    found = normals_of(holed, CAMERA, 5, 0.03).any(axis=2)
    assert not found[10:20, 10:20].any() and found.sum() == 48 * 64 - 100
    line = np.zeros(SHAPE)
    line[20] = 2
    assert not normals_of(line, CAMERA, 9, 0.03).any()
    rough = flat * np.random.default_rng(0).uniform(0.8, 1.2, SHAPE)
    assert normals_of(rough, CAMERA, 9, 0.03).any(axis=2).mean() < 0.01
    assert normals_of(rough, CAMERA, 9, 1).any(axis=2).all()
    assert not normals_of(np.zeros(SHAPE), CAMERA, 9, 0.03).any()


def test_sparse_points_are_enough():
    """A fifth of the pixels, as in LiDAR maps."""
    depth = _plane(_unit(0, 1, 0.4), 2.0) * (np.random.default_rng(0).random(SHAPE) < 0.2)
    found = normals_of(depth, CAMERA, 9, 0.03)
    valid = found.any(axis=2)
    assert valid.sum() > 0.8 * (depth > 0).sum()
    expected = np.broadcast_to(_unit(0, 1, 0.4), (int(valid.sum()), 3)).astype(np.float32)
    assert angles_deg(found[valid], expected).max() < 0.01


def test_noise_is_smoothed():
    """1 % of noise on a wall: each normal over 15 by 15 pixels is off by about 1.4 degrees along each axis.

    Slope of a least-squares line over n = 225 points with spread (15² - 1) / 12: 0.01 / sqrt(225 * 18.7) a pixel,
    times 100 pixels of focal length, is 0.0154 rad = 0.88 degrees along each of the two axes.
    """
    depth = 2 * (1 + np.random.default_rng(0).normal(0, 0.01, (200, 200)))
    found = normals_of(depth, Intrinsics(100, 100, 99.5, 99.5), 15, 0.1)[20:-20, 20:-20]
    tilt = np.degrees(np.arctan2(found[..., 0], found[..., 2])).std()
    assert 0.6 < tilt < 1.2


def test_angles_by_hand():
    first = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0]], np.float32)
    second = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0]], np.float32)
    assert angles_deg(first, second).tolist() == pytest.approx([0, 90, 180])


def _fitted(inverse, y, x, window):
    """The plane of the window around one pixel by `np.linalg.lstsq` and its error as a share; None: too few points."""
    reach = window // 2
    rows, columns = slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1)
    dy, dx = np.nonzero(inverse[rows, columns])
    values = inverse[rows, columns][dy, dx]
    if len(values) < max(8, 0.1 * window**2):
        return None
    spread = np.linalg.eigvalsh(np.cov(np.stack([dx, dy]), bias=True))[0]
    if spread < 0.15 * (window**2 - 1) / 12:
        return None
    design = np.stack([dx + columns.start, dy + rows.start, np.ones(len(values))], axis=1)
    plane = np.linalg.lstsq(design, values, rcond=None)[0]
    return plane, np.mean((design @ plane - values) ** 2) / values.mean() ** 2


def _reference(depth, camera, window, roughness):
    """Normals pixel by pixel, with the nine windows written out."""
    inverse = np.where(depth > 0, 1 / np.where(depth > 0, depth, 1), 0)
    height, width = depth.shape
    planes = {(y, x): _fitted(inverse, y, x, window) for y in range(height) for x in range(width)}
    normals = np.zeros((height, width, 3))
    reach = window // 2
    around = [(0, 0), *((i, j) for i in (-reach, 0, reach) for j in (-reach, 0, reach) if i or j)]
    for y, x in zip(*np.nonzero(depth), strict=True):
        best, chosen = math.inf, None
        for dy, dx in around:
            found = planes.get((y + dy, x + dx))
            if found is None:
                continue
            (a, b, c), residual = found
            value = a * x + b * y + c
            if value <= 0:
                continue
            error = residual + (inverse[y, x] / value - 1) ** 2
            score = round(max(error, 0.005**2) / (1 if dy or dx else 4) / 1e-9)
            if score < best:
                best, chosen = score, ((a, b, c), error)
        if chosen is not None and chosen[1] <= roughness**2:
            (a, b, c), _ = chosen
            normals[y, x] = _unit(-a * camera.fx, b * camera.fy, a * camera.cx + b * camera.cy + c)
    return normals


@pytest.mark.parametrize(("window", "missing"), [(5, 0.0), (7, 0.1), (9, 0.6)], ids=["dense", "holes", "sparse"])
def test_every_pixel_against_lstsq(window, missing):
    """A room of a few planes with steps, noise and holes; higher than one band of rows."""
    noise = np.random.default_rng(3)
    shape = (75, 30)
    camera = Intrinsics(40.0, 44.0, 13.2, 40.7)
    depth = _plane(_unit(0.2, 0.1, 1), 2.0, camera, shape)
    depth[20:50, 8:21] = _plane(_unit(-0.6, 0.3, 1), 1.2, camera, shape)[20:50, 8:21]
    depth[60:] = _plane(_unit(0.1, 1, 0.3), 1.0, camera, shape)[60:]
    depth *= 1 + noise.normal(0, 0.002, shape)
    depth[noise.random(shape) < missing] = 0
    depth[5:14, 22:] = 0
    expected = _reference(depth, camera, window, 0.03)
    found = normals_of(depth, camera, window, 0.03)
    assert 0.2 < expected.any(axis=2).mean() < 1
    assert np.abs(found - expected).max() < 1e-6
    assert (have_normals(found) == expected.any(axis=2)).all()
    valid = expected.any(axis=2)
    assert mean_normal(found, int(valid.sum())) == pytest.approx(expected[valid].mean(axis=0), abs=1e-6)


def test_maps_that_are_empty_above():
    """More rows without a depth than are computed together."""
    depth = _plane(_unit(0, 1, 0.4), 2.0, Intrinsics(100, 100, 20, 20), (300, 41))
    depth[:210] = 0
    found = normals_of(depth, Intrinsics(100, 100, 20, 20), 9, 0.03)
    assert not found[:210].any() and have_normals(found)[210:].all()
    assert np.abs(found[210:] - _unit(0, 1, 0.4)).max() < 1e-5


def test_wide_maps_and_windows_larger_than_the_map():
    """Places of points beyond what 32 bits hold the squares of; and windows that are never full."""
    camera = Intrinsics(9000.0, 9000.0, 4000.0, 3.0)
    found = normals_of(_plane((0, 0, 1), 2.0, camera, (9, 8000)), camera, 7, 0.03)
    assert np.allclose(found, (0, 0, 1), atol=1e-5)
    normal = _unit(-0.3, 0.2, 1)
    whole = normals_of(_plane(normal, 2.0), CAMERA, 101, 0.03)
    assert np.allclose(whole, normal, atol=1e-5)
