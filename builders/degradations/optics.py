"""Damage done by optics and resampling: blur, low resolution, moiré."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .noise import between, draw_seed, smooth_field

_LARGEST_RADIUS = 5.0
_LARGEST_SIGMA = 2.5
"""Pixels; a wider blur is done on a smaller copy, where it is as wide as this: five times as quick."""
_UPSAMPLING = {"nearest": cv2.INTER_NEAREST_EXACT, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}


def plan_blur(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Gaussian (sigma_px), out of focus (radius_px), or motion (offsets_px, see `blur`)."""
    shorter = min(size_wh)
    shape = draw.choice(("gaussian", "motion", "defocus"))
    if shape == "gaussian":
        return {"shape": shape, "sigma_px": round(max(1.0, shorter * between(0.003, 0.011, strength)), 2)}
    if shape == "defocus":
        return {"shape": shape, "radius_px": round(max(1.5, shorter * between(0.005, 0.018, strength)), 2)}
    length = max(4.0, shorter * between(0.014, 0.05, strength))
    angle = draw.uniform(0, math.pi)
    steps = max(1, math.ceil(math.log2(length)))
    step = length / 2**steps
    offsets = [[round(step * 2**k * math.cos(angle)), round(step * 2**k * math.sin(angle))] for k in range(steps)]
    found = [[x, y] for x, y in offsets if x or y]
    return {"shape": shape, "angle_degrees": round(math.degrees(angle), 1), "offsets_px": found or [[1, 0]]}


def blur(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Blur evenly.

    Motion is the mean of the photograph and itself moved by an offset, for one offset after another, each twice the
    one before: the mean along a line of 2**n points for the price of n.
    """
    if plan["shape"] == "motion":
        return _motion(photo, plan["offsets_px"])
    if plan["shape"] == "gaussian":
        return _on_smaller(photo, plan["sigma_px"], _LARGEST_SIGMA, _gaussian)
    return _on_smaller(photo, plan["radius_px"], _LARGEST_RADIUS, _defocus)


def plan_low_resolution(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Factor from 2 to 4 (1 image pixel for 4 to 16), and how the small picture was enlarged again."""
    return {"factor": round(between(2, 4, strength), 2), "enlarged": draw.choice(sorted(_UPSAMPLING))}


def low_resolution(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Shrink by area averaging, enlarge to the old size."""
    height, width = photo.shape[:2]
    small_wh = (max(1, round(width / plan["factor"])), max(1, round(height / plan["factor"])))
    small = cv2.resize(photo, small_wh, interpolation=cv2.INTER_AREA)
    enlarged: RGB = cv2.resize(small, (width, height), interpolation=_UPSAMPLING[plan["enlarged"]])
    return enlarged


def plan_moire(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Wavy fringes: their period, direction, amplitude in levels, and how far waves bend them."""
    shorter = min(size_wh)
    return {
        "period_px": round(max(4.0, shorter * draw.uniform(0.012, 0.04)), 2),
        "angle_degrees": round(draw.uniform(0, 180), 1),
        "amplitude": round(between(14, 40, strength), 1),
        "bends": round(draw.uniform(1, 5), 2),
        "channel_phases": [round(draw.random(), 3) for _ in range(3)],
        "seed": draw_seed(draw),
    }


def moire(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Coloured fringes, as in a photograph of a screen: a sine of other phase in each channel.

    One phase map in 1/256 of a period serves all channels; it wraps around in 8 bits. The fringes fade in and out.
    """
    height, width = photo.shape[:2]
    angle, period = math.radians(plan["angle_degrees"]), plan["period_px"]
    across = np.arange(width, dtype=np.float32) * np.float32(256 * math.cos(angle) / period)
    down = np.arange(height, dtype=np.float32) * np.float32(256 * math.sin(angle) / period)
    phase = smooth_field(plan["seed"], (width, height), 3)
    fade = (40 + 215 * smooth_field(plan["seed"] + 1, (width, height), 2)).astype(np.uint8)
    phase *= np.float32(256 * plan["bends"])
    phase += across
    phase += down[:, None]
    wrapped = phase.astype(np.int32).astype(np.uint8)
    turns = np.arange(256)[:, None] / 256 + np.array(plan["channel_phases"])
    fringes = np.rint(127 * np.sin(2 * np.pi * turns)).astype(np.int8)  # (256, 3)
    waves = cv2.LUT(cv2.merge([wrapped] * 3), fringes[None])
    weighted = cv2.multiply(waves, cv2.merge([fade] * 3), scale=plan["amplitude"] / (127 * 255), dtype=cv2.CV_16S)
    fringed: RGB = cv2.add(photo, weighted, dtype=cv2.CV_8U)
    return fringed


def _motion(photo: RGB, offsets_px: list[list[int]]) -> RGB:
    height, width = photo.shape[:2]
    blurred = photo
    for x, y in offsets_px:
        # Half of the way to each side, so that the picture stays where it was.
        left, top = x // 2, y // 2
        border = max(abs(x), abs(y)) + 1
        wide = cv2.copyMakeBorder(blurred, border, border, border, border, cv2.BORDER_REFLECT)
        first = wide[border - top : border - top + height, border - left : border - left + width]
        second = wide[border + y - top : border + y - top + height, border + x - left : border + x - left + width]
        blurred = cv2.addWeighted(first, 0.5, second, 0.5, 0)
    return blurred


def _on_smaller(photo: RGB, width_px: float, largest_px: float, blurred: Callable[[RGB, float], RGB]) -> RGB:
    """Blur by a width, on a copy small enough for it to be `largest_px` there at most."""
    if width_px <= largest_px:
        return blurred(photo, width_px)
    height, width = photo.shape[:2]
    factor = width_px / largest_px
    small_wh = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = blurred(cv2.resize(photo, small_wh, interpolation=cv2.INTER_AREA), largest_px)
    enlarged: RGB = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return enlarged


def _gaussian(photo: RGB, sigma_px: float) -> RGB:
    blurred: RGB = cv2.GaussianBlur(photo, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return blurred


def _defocus(photo: RGB, radius_px: float) -> RGB:
    """Mean over a disc, its edge softened over one pixel."""
    reach = math.ceil(radius_px)
    steps = np.arange(-reach, reach + 1, dtype=np.float32)
    disc = np.clip(radius_px + 0.5 - np.hypot(steps, steps[:, None]), 0, 1)
    blurred: RGB = cv2.filter2D(photo, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
    return blurred
