"""Named colours, in palettes whose members stay apart after the codec."""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

RGBTuple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Color:
    """A colour with the name that instructions call it by; rgb in [0, 255]."""

    name: str
    rgb: RGBTuple


def _palette(**colors: RGBTuple) -> tuple[Color, ...]:
    return tuple(Color(name.replace("_", " "), rgb) for name, rgb in colors.items())


PALETTES: Final = {
    # Any two members are at least 126 apart, four times what JPEG 4:4:4 at quality 95 can move a pixel.
    "vivid": _palette(
        red=(255, 0, 0),
        green=(0, 170, 0),
        blue=(0, 0, 255),
        yellow=(255, 255, 0),
        cyan=(0, 255, 255),
        magenta=(255, 0, 255),
        orange=(255, 128, 0),
        purple=(128, 0, 255),
        pink=(255, 128, 192),
        white=(255, 255, 255),
        black=(0, 0, 0),
    ),
    # The eight colours of InstructDiffusion's segmentation; green and gray are 181 apart, the closest pair 128.
    "instructdiffusion": _palette(
        red=(255, 0, 0),
        purple=(128, 0, 128),
        blue=(0, 0, 255),
        green=(0, 128, 0),
        yellow=(255, 255, 0),
        white=(255, 255, 255),
        black=(0, 0, 0),
        gray=(128, 128, 128),
    ),
    # The nine colours of InstructDiffusion's keypoints.
    "instructdiffusion-keypoints": _palette(
        red=(255, 0, 0),
        green=(0, 255, 0),
        blue=(0, 0, 255),
        yellow=(255, 255, 0),
        cyan=(0, 255, 255),
        magenta=(255, 0, 255),
        gray=(128, 128, 128),
        white=(255, 255, 255),
        black=(0, 0, 0),
    ),
}

_DIAGONAL: Final = math.sqrt(3)
CLEAR_DISTANCE: Final = 48.0
"""A mark must move pixels this far (Euclidean RGB) to be told from the photograph after JPEG 4:4:4 quality 95."""


def colors_apart(palette: Sequence[Color], avoid: Collection[RGBTuple]) -> list[Color]:
    """Members that are none of the colours to avoid, nor within `CLEAR_DISTANCE` of one."""
    return [color for color in palette if all(_distance(color.rgb, other) >= CLEAR_DISTANCE for other in avoid)]


def coats_apart(colors: Sequence[Color], opacity: float) -> bool:
    """Whether coats of these colours, laid on the same pixel, still differ by `CLEAR_DISTANCE`."""
    pairs = itertools.combinations([color.rgb for color in colors], 2)
    return all(opacity * _distance(one, other) >= CLEAR_DISTANCE for one, other in pairs)


def pick_clear(
    palette: Sequence[Color], pixels: NDArray[np.uint8], opacity: float, draw: random.Random
) -> tuple[Color, bool]:
    """Draw a colour that stands out from the pixels it is painted over.

    Args:
        palette: the colours to choose from; not empty.
        pixels: (N, 3) uint8 RGB, a sample of what is painted over.
        opacity: how much of the colour is laid on, in (0, 1].
        draw: the unit's randomness.

    Returns:
        The colour, drawn evenly from those that move every pixel by `CLEAR_DISTANCE`, else the
        one that moves its worst pixel most; and whether it was one of the former.
    """
    if len(pixels) == 0:
        return draw.choice(list(palette)), True
    left = list(palette)
    while left:
        color = left.pop(draw.randrange(len(left)))
        if _is_clear(color.rgb, pixels, CLEAR_DISTANCE / opacity):
            return color, True
    nearest = least_squared_distance([color.rgb for color in palette], pixels)
    return palette[nearest.index(max(nearest))], False


def _is_clear(rgb: RGBTuple, pixels: NDArray[np.uint8], distance: float) -> bool:
    """Whether no pixel is nearer to a colour; distances are only worked out where cubes around it do not tell."""
    near = _in_cube(pixels, rgb, math.ceil(distance))
    if not cv2.hasNonZero(near):
        return True
    if cv2.hasNonZero(_in_cube(pixels, rgb, math.ceil(distance / _DIAGONAL) - 1)):
        return False
    away = pixels[near[0] != 0].astype(np.int32) - np.array(rgb)
    return bool(np.square(away).sum(axis=1).min() >= distance * distance)


def _in_cube(pixels: NDArray[np.uint8], rgb: RGBTuple, reach: int) -> NDArray[np.uint8]:
    """(1, N) not 0 where no channel differs by more."""
    red, green, blue = rgb
    least, most = (red - reach, green - reach, blue - reach), (red + reach, green + reach, blue + reach)
    return cv2.inRange(pixels[None], least, most)


def pick_apart(
    palette: Sequence[Color], groups: Iterable[NDArray[np.uint8]], draw: random.Random
) -> tuple[list[Color], bool]:
    """Draw a colour for each of several opaque marks, apart from each other and from what they are painted over.

    Args:
        palette: the colours to choose from, enough that some are left for the last mark.
        groups: (N, 3) uint8 RGB of each mark, a sample of what it is painted over; may be empty.
        draw: the unit's randomness.

    Returns:
        The colours, each as from `pick_clear`; and whether one of them does not stand out.
    """
    chosen: list[Color] = []
    lost = False
    for pixels in groups:
        color, clear = pick_clear(colors_apart(palette, [one.rgb for one in chosen]), pixels, 1.0, draw)
        chosen.append(color)
        lost |= not clear
    return chosen, lost


def least_squared_distance(colors: Sequence[RGBTuple], pixels: NDArray[np.uint8]) -> list[float]:
    """From each colour to the nearest of the (N, 3) pixels: |p - c|² = (-2c, 1, 1, 1)·(p, p²) + |c|².

    All values are whole numbers below 2²⁴, so float32 holds them exactly, whatever the order of summation.
    """
    found = np.empty((6, len(pixels)), np.float32)
    found[:3] = pixels.T
    np.multiply(found[:3], found[:3], out=found[3:])
    partial: list[float] = (_weights(tuple(colors)) @ found).min(axis=1).tolist()
    return [
        value + red * red + green * green + blue * blue
        for value, (red, green, blue) in zip(partial, colors, strict=True)
    ]


@functools.lru_cache(maxsize=256)
def _weights(colors: tuple[RGBTuple, ...]) -> NDArray[np.float32]:
    return np.array([(-2 * red, -2 * green, -2 * blue, 1, 1, 1) for red, green, blue in colors], np.float32)


@functools.lru_cache(maxsize=4096)
def _distance(first: RGBTuple, second: RGBTuple) -> float:
    return math.dist(first, second)
