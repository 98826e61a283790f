"""Damage done by sensors and storage: noise, low light, JPEG artefacts, lost colour."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ...manifests.images import RGB
from .noise import between, draw_seed, normal_quantiles, uniform_words

_WORDS = 1 << 16


def plan_noise(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Gaussian (sigma, levels), shot (electrons at white), or salt and pepper (share of pixels)."""
    shape = draw.choice(("gaussian", "gaussian-gray", "shot", "salt-and-pepper"))
    found: dict[str, Any] = {"shape": shape, "seed": draw_seed(draw)}
    if shape == "shot":
        found["electrons"] = round(200 * (15 / 200) ** strength, 1)
    elif shape == "salt-and-pepper":
        found["share"] = round(between(0.01, 0.12, strength), 4)
    else:
        found["sigma"] = round(between(10, 45, strength), 1)
    return found


def noise(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Add noise, independent from pixel to pixel, and from channel to channel but for "gaussian-gray".

    Shot noise is drawn as the Gaussian that a Poisson distribution of these many electrons comes close to:
    a level v has standard deviation sqrt(255 v / electrons).
    """
    height, width = photo.shape[:2]
    match plan["shape"]:
        case "salt-and-pepper":
            return _salt_and_pepper(photo, plan)
        case "shot":
            return _shot(photo, plan)
        case "gaussian":
            return add_gaussian(photo, plan["sigma"], plan["seed"])
    words = uniform_words(plan["seed"], height * width).reshape(height, width)
    gray_noise = np.take(_gaussian_levels(plan["sigma"]), words, mode="clip")
    grainy: RGB = cv2.add(photo, cv2.merge([gray_noise] * 3), dtype=cv2.CV_8U)
    return grainy


def add_gaussian(photo: RGB, sigma: float, seed: int) -> RGB:
    """Gaussian noise of this standard deviation in each channel, in whole levels."""
    words = uniform_words(seed, photo.size).reshape(photo.shape)
    noisy: RGB = cv2.add(photo, np.take(_gaussian_levels(sigma), words, mode="clip"), dtype=cv2.CV_8U)
    return noisy


def plan_low_light(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Gain and gamma of the tone curve, and sigma of the noise in levels."""
    return {
        "gain": round(between(0.6, 0.28, strength), 3),
        "gamma": round(draw.uniform(1.0, 1.5), 2),
        "sigma": round(between(1.0, 5.0, strength), 1),
        "seed": draw_seed(draw),
    }


def low_light(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Darken by 255 * gain * (v / 255) ** gamma, and add Gaussian noise."""
    curve = np.rint(255 * plan["gain"] * (np.arange(256) / 255) ** plan["gamma"]).astype(np.uint8)
    return add_gaussian(cv2.LUT(photo, curve), plan["sigma"], plan["seed"])


def plan_compression(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """JPEG quality, from 30 down to 8, and chroma subsampling."""
    return {"quality": round(between(30, 8, strength)), "subsampling": draw.choice(("420", "444"))}


def compression(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """The pixels of `compressed`."""
    decoded: RGB = simplejpeg.decode_jpeg(compressed(photo, plan), "RGB")
    return decoded


def compressed(photo: RGB, plan: Mapping[str, Any]) -> bytes:
    """The photograph as a JPEG file of low quality."""
    pixels = np.ascontiguousarray(photo)
    return bytes(
        simplejpeg.encode_jpeg(pixels, plan["quality"], "RGB", colorsubsampling=plan["subsampling"], fastdct=False)
    )


def plan_gray(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Nothing to draw."""
    return {}


def gray(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Luma only, by the weights of ITU-R BT.601."""
    luma: RGB = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return luma


def _shot(photo: RGB, plan: Mapping[str, Any]) -> RGB:
    words = uniform_words(plan["seed"], photo.size).reshape(photo.shape)
    spread = np.sqrt(np.arange(256) * (255 / plan["electrons"])).astype(np.float32)
    grain = np.take(normal_quantiles(), words, mode="clip")
    grain *= cv2.LUT(photo, spread)
    noisy: RGB = cv2.add(photo, grain, dtype=cv2.CV_8U)
    return noisy


def _salt_and_pepper(photo: RGB, plan: Mapping[str, Any]) -> RGB:
    height, width = photo.shape[:2]
    words = uniform_words(plan["seed"], height * width).reshape(height, width)
    each = round(_WORDS * plan["share"] / 2)
    noisy = photo.copy()
    noisy[words < each] = 0
    noisy[words >= _WORDS - each] = 255
    return noisy


def _gaussian_levels(sigma: float) -> NDArray[np.int16]:
    """(65536,) int16: noise in whole levels for each random number."""
    return np.rint(normal_quantiles() * np.float32(sigma)).astype(np.int16)
