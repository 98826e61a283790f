"""Damage done by weather: rain, snow, haze."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .noise import between, blend, draw_seed, generator, smooth_field

_SUBPIXEL_BITS = 4
_DEPTH_STEP = 4
"""Haze is worked out for one pixel in so many along each side; it has no fine detail."""


def plan_rain(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """How many streaks, their length, lean from the vertical and opacity, and the veil of rain far away."""
    shorter = min(size_wh)
    area = size_wh[0] * size_wh[1] / shorter**2
    return {
        "streaks": round(area * between(250, 900, strength)),
        "length_px": round(max(4.0, shorter * draw.uniform(0.04, 0.1)), 1),
        "lean_degrees": round(draw.uniform(-28, 28), 1),
        "opacity": round(between(0.4, 0.85, strength), 2),
        "veil": round(between(0.02, 0.18, strength), 3),
        "seed": draw_seed(draw),
    }


def rain(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Light streaks, a third of them near: longer, thicker and brighter."""
    height, width = photo.shape[:2]
    rng, count = generator(plan["seed"]), plan["streaks"]
    near = rng.random(count) < 0.33
    length = plan["length_px"] * np.where(near, 1.0, 0.5) * rng.uniform(0.6, 1.4, count)
    lean = np.radians(plan["lean_degrees"] + rng.normal(0, 2, count))
    x, y = rng.uniform(-0.1, 1.1, count) * width, rng.uniform(-0.1, 1.0, count) * height
    ends = np.stack([x, y, x + length * np.sin(lean), y + length * np.cos(lean)], axis=1)
    points = np.rint(ends * 2**_SUBPIXEL_BITS).astype(int).tolist()
    brightness = np.rint(255 * np.where(near, 1.0, 0.6) * rng.uniform(0.5, 1.0, count)).astype(int).tolist()
    thick = max(1, round(min(height, width) / 450))
    layer = np.zeros((height, width), np.uint8)
    for (x0, y0, x1, y1), level, close in zip(points, brightness, near.tolist(), strict=True):
        cv2.line(layer, (x0, y0), (x1, y1), level, thick + close, cv2.LINE_AA, _SUBPIXEL_BITS)
    layer = cv2.GaussianBlur(layer, (3, 3), 0)
    return _lay_over(photo, layer, plan["opacity"], plan["veil"], (206, 212, 218))


def plan_snow(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """How many flakes, the radius of the largest, opacity, and the veil of snow far away."""
    shorter = min(size_wh)
    area = size_wh[0] * size_wh[1] / shorter**2
    return {
        "flakes": round(area * between(250, 900, strength)),
        "radius_px": round(max(1.5, shorter * draw.uniform(0.008, 0.014)), 2),
        "opacity": round(between(0.7, 0.95, strength), 2),
        "veil": round(between(0.03, 0.2, strength), 3),
        "seed": draw_seed(draw),
    }


def snow(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """White flakes, many small and sharp ones and a few large and soft ones."""
    height, width = photo.shape[:2]
    rng, count = generator(plan["seed"]), plan["flakes"]
    sizes = rng.random(count) ** 3
    radii = np.maximum(0.8, plan["radius_px"] * (0.15 + 0.85 * sizes))
    places = np.stack([rng.uniform(0, width, count), rng.uniform(0, height, count), radii], axis=1)
    circles = np.rint(places * 2**_SUBPIXEL_BITS).astype(int).tolist()
    brightness = np.rint(255 * rng.uniform(0.6, 1.0, count)).astype(int).tolist()
    sharp, soft = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    for (x, y, radius), level, size in zip(circles, brightness, sizes.tolist(), strict=True):
        cv2.circle(soft if size > 0.3 else sharp, (x, y), radius, level, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    spread = 2 * max(1, round(plan["radius_px"] / 3)) + 1
    layer = cv2.max(cv2.GaussianBlur(sharp, (3, 3), 0), cv2.GaussianBlur(soft, (spread, spread), 0))
    return _lay_over(photo, layer, plan["opacity"], plan["veil"], (250, 251, 253))


def plan_haze(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Share of light that comes through from far away, and the colour of the air."""
    light, tint = draw.randint(195, 238), draw.randint(-8, 8)
    return {
        "far_transmission": round(between(0.55, 0.15, strength), 3),
        "air_rgb": [light - tint, light, light + tint],
        "seed": draw_seed(draw),
    }


def haze(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Koschmieder's law: photo * t + air * (1 - t) with t = exp(-beta * depth).

    beta gives the depth that 90 % of pixels are nearer than the transmission of the plan. Without a depth map an
    invented one grows towards the top of the picture, with hills.
    """
    height, width = photo.shape[:2]
    small_wh = (max(1, width // _DEPTH_STEP), max(1, height // _DEPTH_STEP))
    known = depth_m is not None and bool((depth_m > 0).any())
    if known and depth_m is not None:
        depth = _filled(depth_m, small_wh)
    else:
        rise = np.linspace(1.0, 0.25, small_wh[1], dtype=np.float32)[:, None]
        depth = rise * (0.5 + smooth_field(plan["seed"], small_wh, 3))
    far = max(float(np.quantile(depth, 0.9)), 1e-6)
    cover = 1 - np.exp(depth * np.float32(math.log(plan["far_transmission"]) / far))
    red, green, blue = plan["air_rgb"]
    full: NDArray[np.float32] = cv2.resize(cover, (width, height), interpolation=cv2.INTER_LINEAR)
    return blend(photo, (red, green, blue), full)


def _filled(depth_m: NDArray[np.float32], small_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Depth on a smaller grid; where there is none, the mean of an ever wider neighbourhood."""
    known = (depth_m > 0).astype(np.float32)
    weight = cv2.resize(known, small_wh, interpolation=cv2.INTER_AREA)
    total = cv2.resize(np.where(known > 0, depth_m, np.float32(0)), small_wh, interpolation=cv2.INTER_AREA)
    reach = 3
    while (weight <= 0).any():
        near_weight = cv2.blur(weight, (reach, reach), borderType=cv2.BORDER_REFLECT)
        near_total = cv2.blur(total, (reach, reach), borderType=cv2.BORDER_REFLECT)
        empty = (weight <= 0) & (near_weight > 1e-6)
        total[empty], weight[empty] = near_total[empty] / near_weight[empty], 1.0
        reach = 2 * reach + 1
    filled: NDArray[np.float32] = total / weight
    return filled


def _lay_over(photo: RGB, layer: NDArray[np.uint8], opacity: float, veil: float, rgb: tuple[int, int, int]) -> RGB:
    """A coat that is thickest where the layer is 255, and nowhere thinner than the veil."""
    cover = (veil + np.arange(256, dtype=np.float32) * np.float32((1 - veil) * opacity / 255)).astype(np.float32)
    return blend(photo, rgb, cv2.LUT(layer, cover))
