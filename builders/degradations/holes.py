"""Holes in a photograph, to be filled in again: patches, strokes, or everything outside a window."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from ..marks.palette import CLEAR_DISTANCE, Color

HoleShape = Literal["rectangles", "ellipses", "strokes", "frame"]
HOLE_SHAPES: Final[tuple[HoleShape, ...]] = get_args(HoleShape)

Mask = NDArray[np.uint8]
_MOST_PIECES: Final = 60
_UNCLEAR: Final = 0.001
"""Share of covered pixels that may look like the colour: the decoded hole then still has an IoU above 0.99."""


def draw_hole(shape: HoleShape, size_wh: tuple[int, int], share: float, draw: random.Random) -> Mask:
    """A hole of about this share of the picture.

    Args:
        shape: rectangles, ellipses and strokes may overlap; a frame leaves a window.
        size_wh: of the picture, pixels.
        share: in (0, 1).
        draw: the unit's randomness.

    Returns:
        (H, W) uint8 of 0 and 1.
    """
    width, height = size_wh
    if shape == "frame":
        return _frame(size_wh, share, draw)
    mask = np.zeros((height, width), np.uint8)
    wanted = share * width * height
    for _ in range(_MOST_PIECES):
        missing = wanted - cv2.countNonZero(mask)
        if missing < 0.1 * wanted:
            break
        if shape == "strokes":
            _add_stroke(mask, missing, draw)
        else:
            _add_patch(mask, shape, missing, draw)
    return mask


def pick_fill(palette: Sequence[Color], covered: NDArray[np.uint8], draw: random.Random) -> tuple[Color, bool]:
    """A colour that hardly any covered pixel has.

    Args:
        palette: colours to choose from.
        covered: (N, 3) uint8, a sample of the pixels in the hole; N at least 1.
        draw: the unit's randomness.

    Returns:
        The colour, and whether JPEG leaves enough of the hole to be read back.
    """
    colors = np.array([color.rgb for color in palette], np.float32)
    apart = np.linalg.norm(covered[:, None].astype(np.float32) - colors[None], axis=2)
    unclear = np.mean(apart < CLEAR_DISTANCE, axis=0)
    free = np.flatnonzero(unclear <= _UNCLEAR)
    if len(free):
        return palette[int(free[draw.randrange(len(free))])], True
    return palette[int(unclear.argmin())], False


def _frame(size_wh: tuple[int, int], share: float, draw: random.Random) -> Mask:
    """All but a window; width and height shrink by about the same factor."""
    width, height = size_wh
    split = draw.uniform(0.3, 0.7)
    window = max(1, round(width * (1 - share) ** split)), max(1, round(height * (1 - share) ** (1 - split)))
    x, y = draw.randint(0, width - window[0]), draw.randint(0, height - window[1])
    mask = np.ones((height, width), np.uint8)
    mask[y : y + window[1], x : x + window[0]] = 0
    return mask


def _add_patch(mask: Mask, shape: HoleShape, most: float, draw: random.Random) -> None:
    """A rectangle or ellipse of at most so many pixels, inside the picture."""
    height, width = mask.shape
    area = min(most, draw.uniform(0.02, 0.12) * width * height)
    stretch = math.sqrt(draw.uniform(0.4, 2.5))
    wide = min(width, max(2, round(math.sqrt(area) * stretch)))
    high = min(height, max(2, round(math.sqrt(area) / stretch)))
    x, y = draw.randint(0, width - wide), draw.randint(0, height - high)
    if shape == "rectangles":
        mask[y : y + high, x : x + wide] = 1
    else:
        cv2.ellipse(mask, ((x + wide / 2 - 0.5, y + high / 2 - 0.5), (wide, high), draw.uniform(0, 180)), 1, -1)


def _add_stroke(mask: Mask, most: float, draw: random.Random) -> None:
    """A wavy brush stroke, about as large as is missing at most."""
    height, width = mask.shape
    brush = max(3, round(min(width, height) * draw.uniform(0.03, 0.08)))
    length = min(most / brush, draw.uniform(0.5, 1.5) * max(width, height))
    x, y, angle = draw.uniform(0, width), draw.uniform(0, height), draw.uniform(0, 2 * math.pi)
    points = [(x, y)]
    step = 1.5 * brush
    for _ in range(max(1, round(length / step))):
        angle += draw.uniform(-0.7, 0.7)
        x, y = x + step * math.cos(angle), y + step * math.sin(angle)
        if not (0 <= x < width and 0 <= y < height):
            angle += math.pi / 2
            x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
        points.append((x, y))
    cv2.polylines(mask, [np.rint(np.array(points)).astype(np.int32)], False, 1, brush)
