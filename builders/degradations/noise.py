"""What the degradations share: strengths, seeds, random fields."""

from __future__ import annotations

import random
from functools import cache
from statistics import NormalDist
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SEED_BITS: Final = 53
"""As many as a number of JSON holds in every language."""

_LEVELS: Final = 1 << 16


def between(low: float, high: float, strength: float) -> float:
    """The value a share `strength` of the way from low to high."""
    return low + (high - low) * strength


def draw_seed(draw: random.Random) -> int:
    """A seed for `generator`."""
    return draw.getrandbits(SEED_BITS)


def generator(seed: int) -> np.random.Generator:
    """Randomness for pixels."""
    return np.random.Generator(np.random.PCG64(seed))


def uniform_words(seed: int, count: int) -> NDArray[np.uint16]:
    """(count,) uint16, evenly distributed; 64 random bits make four, three times as quick as `Generator.integers`."""
    words = np.random.PCG64(seed).random_raw(-(-count // 4))
    return words.astype("<u8", copy=False).view("<u2")[:count]


@cache
def normal_quantiles() -> NDArray[np.float32]:
    """(65536,) float32, read-only: the standard normal's quantiles at the middles of as many equal shares.

    Looked up at even random numbers they give Gaussian noise up to 4.2 standard deviations.
    """
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse(0.5 + (step + 0.5) / _LEVELS) for step in range(_LEVELS // 2)], np.float32)
    quantiles = np.concatenate([-upper[::-1], upper])
    quantiles.flags.writeable = False
    return quantiles


def smooth_field(seed: int, size_wh: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """(H, W) float32 in [0, 1]: a random surface with about so many hills along each side."""
    coarse = generator(seed).random((cells + 1, cells + 1), dtype=np.float32)
    width, height = size_wh
    # A quarter of the pixels would do for so smooth a thing; enlarging in two steps saves most of the time.
    small = cv2.resize(coarse, (max(2, width // 8), max(2, height // 8)), interpolation=cv2.INTER_CUBIC)
    field: NDArray[np.float32] = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(field, 0, 1, out=field)


def blend(photo: NDArray[np.uint8], rgb: tuple[int, int, int], cover: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a colour over a photograph.

    Args:
        photo: (H, W, 3) uint8.
        rgb: the colour.
        cover: (H, W) float32 in [0, 1], share of the colour at each pixel.
    """
    coat = np.empty_like(photo)
    coat[:] = rgb
    blended: NDArray[np.uint8] = cv2.blendLinear(coat, photo, cover, 1 - cover)
    return blended
