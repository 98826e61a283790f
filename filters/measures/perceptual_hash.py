"""Measure: a 64-bit hash that hardly changes when a picture is scaled or compressed, for finding duplicates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...manifests.images import RGB
from ..scorer import Column
from ._pixels import PixelMeasure

_SIDE = 32
_LOW = 8
_DECIMALS = 6
_COSINES: Final = np.cos(np.pi * np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))
"""(8, 32) float64: the first rows of the DCT-II."""


class PerceptualHash(PixelMeasure):
    """pHash of source and target, each in two halves, since a column of float64 holds 53 bits exactly.

    Not a score to cut by: `taskpaint.filters.duplicates` compares the hashes of all rows.
    """

    name = "perceptual_hash"
    identity: Mapping[str, int] = {"version": 1}
    columns = tuple(
        Column(f"{side}_phash_{half}", side, "", f"{bits} 32 bits of the {side}'s perceptual hash, a whole number")
        for side in ("source", "target")
        for half, bits in (("high", "upper"), ("low", "lower"))
    )

    def _measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        halves = [half for image in (source, target) for half in divmod(perceptual_hash(image), 1 << 32)]
        return {column.name: float(half) for column, half in zip(self.columns, halves, strict=True)}


def perceptual_hash(image: RGB) -> int:
    """pHash of (H, W, 3) uint8, as imagehash's `phash` defines it.

    The luminance is scaled to 32x32 (Lanczos), transformed by the DCT-II; of the 8x8 lowest frequencies each one above
    their median is a one, row by row, the first bit the highest. Unlike there, coefficients are rounded to 1e-6
    first, so that in flat or symmetric pictures no bit hangs on the last digit of a sum.

    Returns:
        an int in [0, 2**64).
    """
    small = np.asarray(Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))
    frequencies = (_COSINES @ small.astype(np.float64) @ _COSINES.T).round(_DECIMALS)
    return int.from_bytes(np.packbits(frequencies > np.median(frequencies)).tobytes(), "big")


def join_hashes(high: NDArray[np.float64], low: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Put the halves of stored hashes together again: two (n,) float64 columns without NaN -> (n,) uint64."""
    return (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
