"""Watermarks: letters and simple shapes, single or tiled, see-through."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .noise import between, blend

_FONTS: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
_WORDS: Final = ("SAMPLE", "PREVIEW", "PROOF", "DRAFT", "COPYRIGHT", "DO NOT COPY", "Stock Photo", "Demo")
_SYLLABLES: Final = ("pi", "xel", "fo", "to", "lu", "men", "art", "stu", "dio", "cam", "vis", "ta", "pic", "no", "ra")
_LOGOS: Final = ("none", "ring", "disc", "triangle", "diamond", "square")
_COLORS: Final = ((255, 255, 255), (255, 255, 255), (0, 0, 0), (200, 200, 200), (230, 60, 50), (40, 110, 220))
_CAPITAL: Final = 22
"""Height in pixels of a capital letter of OpenCV's fonts at scale 1, about."""


def plan_watermark(size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Text, font, logo, height, place, slant, colour and opacity; and whether it is repeated all over."""
    text = draw.choice(_WORDS)
    if draw.random() < 0.6:
        name = "".join(draw.sample(_SYLLABLES, draw.randint(2, 4))).capitalize()
        text = draw.choice(("{}", "{}.com", "(c) {}", "www.{}.net", "{} Photo", "{} 20" + str(draw.randint(10, 26))))
        text = text.format(name)
    tiled = draw.random() < 0.4
    return {
        "text": text,
        "font": draw.choice(_FONTS),
        "logo": draw.choice(_LOGOS),
        "height_px": round(max(8.0, min(size_wh) * draw.uniform(0.04, 0.06 if tiled else 0.11)), 1),
        "center": [round(draw.uniform(0.25, 0.75), 3), round(draw.uniform(0.12, 0.88), 3)],
        "angle_degrees": round(draw.choice((0, 0, draw.uniform(-40, 40))), 1),
        "tiled": tiled,
        "rgb": list(draw.choice(_COLORS)),
        "opacity": round(between(0.25, 0.65, strength), 2),
    }


def watermark(photo: RGB, plan: Mapping[str, Any], depth_m: NDArray[np.float32] | None) -> RGB:
    """Lay the mark over the photograph, turned about its centre."""
    height, width = photo.shape[:2]
    stamp = _stamp(plan)
    center_x, center_y = plan["center"][0] * width, plan["center"][1] * height
    room = 1.0 if plan["tiled"] else 0.95 * width / stamp.shape[1]
    scale = min(1.0, room)
    turn = cv2.getRotationMatrix2D((stamp.shape[1] / 2, stamp.shape[0] / 2), plan["angle_degrees"], scale)
    turn[:, 2] += (center_x - stamp.shape[1] / 2, center_y - stamp.shape[0] / 2)
    border = cv2.BORDER_WRAP if plan["tiled"] else cv2.BORDER_CONSTANT
    layer = cv2.warpAffine(stamp, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    red, green, blue = plan["rgb"]
    cover = np.arange(256, dtype=np.float32) * np.float32(plan["opacity"] / 255)
    return blend(photo, (red, green, blue), cv2.LUT(layer, cover))


def _stamp(plan: Mapping[str, Any]) -> NDArray[np.uint8]:
    """(h, w) uint8: logo and text, 255 where the ink is; tiled ones have space around them."""
    height_px, font = plan["height_px"], plan["font"]
    size = height_px / _CAPITAL
    thickness = max(1, round(height_px / 11))
    (text_width, text_height), below = cv2.getTextSize(plan["text"], font, size, thickness)
    margin = round(height_px) if plan["tiled"] else thickness + 2
    logo_width = round(1.7 * height_px) if plan["logo"] != "none" else 0
    gap = 3 if plan["tiled"] else 1
    stamp = np.zeros((text_height + below + gap * 2 * margin, logo_width + text_width + 2 * margin), np.uint8)
    baseline = gap * margin + text_height
    cv2.putText(stamp, plan["text"], (margin + logo_width, baseline), font, size, 255, thickness, cv2.LINE_AA)
    if logo_width:
        middle = (margin + round(0.65 * height_px), baseline - text_height // 2)
        _draw_logo(stamp, plan["logo"], middle, round(0.62 * height_px), thickness)
    return stamp


def _draw_logo(stamp: NDArray[np.uint8], logo: str, middle: tuple[int, int], radius: int, thickness: int) -> None:
    if logo in ("ring", "disc"):
        cv2.circle(stamp, middle, radius, 255, -1 if logo == "disc" else thickness, cv2.LINE_AA)
        return
    corners, first = {"triangle": (3, -0.25), "diamond": (4, -0.25), "square": (4, -0.125)}[logo]
    turns = [2 * math.pi * (first + corner / corners) for corner in range(corners)]
    points = np.array([[middle[0] + radius * math.cos(t), middle[1] + radius * math.sin(t)] for t in turns])
    cv2.polylines(stamp, [np.rint(points).astype(np.int32)], True, 255, thickness, cv2.LINE_AA)
