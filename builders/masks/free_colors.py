"""Colours that nobody named: as many as are asked for, at random, and all well apart."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import numpy as np

from ...manifests.errors import NotApplicable
from ..marks.palette import RGBTuple

APART: Final = 64
"""Euclidean RGB. At this distance noise of standard deviation 15 a channel leaves less than 1 % of the pixels of a
label map nearer to another colour."""

CAPACITY: Final = {48: 145, 64: 68, 96: 27, 128: 11}
"""About how many random colours fit into RGB at each distance, measured with 100,000 candidates; tries differ by a
tenth either way."""

_TRIES: Final = (1_000, 10_000, 100_000, 100_000, 100_000, 100_000)
"""Candidates of each try; few colours fit at once, and a crowded cube may need another start."""


def pack_colors(
    count: int, draw: random.Random, *, apart: float = APART, avoid: Sequence[RGBTuple] = ()
) -> list[RGBTuple]:
    """Draw colours one after another, each from those that are far enough from all before it.

    Args:
        count: how many, at least 0.
        draw: the unit's randomness.
        apart: least Euclidean distance between two of them, and to the colours to avoid.
        avoid: colours that are taken: the background, a legend's.

    Raises:
        NotApplicable: they do not fit.
    """
    fitting = 0
    for tries in _TRIES:
        found = _packing(count, tries, np.random.Generator(np.random.PCG64(draw.getrandbits(64))), apart, avoid)
        if len(found) == count:
            return found
        fitting = max(fitting, len(found))
    raise NotApplicable(
        f"{count} colours at least {apart:g} apart do not fit into RGB beside those taken, {fitting} do"
    )


def _packing(
    count: int, tries: int, noise: np.random.Generator, apart: float, avoid: Sequence[RGBTuple]
) -> list[RGBTuple]:
    candidates = noise.integers(0, 256, (tries, 3)).astype(np.int32)
    for taken in avoid:
        candidates = _far_from(taken, candidates, apart)
    found: list[RGBTuple] = []
    while len(found) < count and len(candidates):
        red, green, blue = candidates[0].tolist()
        found.append((red, green, blue))
        candidates = _far_from(found[-1], candidates, apart)
    return found


def _far_from(taken: RGBTuple, candidates: np.ndarray, apart: float) -> np.ndarray:
    offset = candidates - np.array(taken, np.int32)
    return candidates[np.einsum("nc,nc->n", offset, offset) >= apart * apart]
