"""Paint on photographs, and find the paint again."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .palette import RGBTuple

_SAMPLES = 1024
_NOISE = 512
"""Squared distance that a coat must win by: a coat that moves a pixel by less than 23 is not told from noise."""


@functools.lru_cache(maxsize=256)
def blend_table(rgb: RGBTuple, opacity: float) -> NDArray[np.uint8]:
    """(256, 3) uint8, read-only: each source level after a coat of the colour, per channel; rounded to nearest."""
    levels = np.arange(256, dtype=np.float64)[:, None]
    table = np.rint(levels + opacity * (np.array(rgb, np.float64) - levels)).astype(np.uint8)
    table.flags.writeable = False
    return table


def paint(image: RGB, mask: NDArray[np.uint8], box: tuple[int, int, int, int], rgb: RGBTuple, opacity: float) -> None:
    """Lay a coat of colour on the masked pixels, in place.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) uint8, not 0 where to paint.
        box: edges that hold the whole mask; only this part is touched.
        rgb: the colour.
        opacity: in (0, 1].
    """
    left, top, right, bottom = box
    part, inside = image[top:bottom, left:right], mask[top:bottom, left:right]
    tables = blend_table(rgb, opacity).T
    levels = zip(cv2.split(part), tables, strict=True)  # one channel at a time is quicker than all three
    cv2.copyTo(cv2.merge([cv2.LUT(channel, table) for channel, table in levels]), inside, part)


def fill(part: RGB, rgb: RGBTuple) -> None:
    """Give all pixels of a part of a picture, a (H, W, 3) uint8 view of it, one colour."""
    height, width = part.shape[:2]
    if height and width:  # numpy, which copies a colour pixel by pixel, takes twenty times as long
        cv2.rectangle(part, (0, 0), (width - 1, height - 1), rgb, cv2.FILLED)


def sample_pixels(image: RGB, mask: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """(N, 3) uint8 colours of evenly spaced pixels under the mask, about two thousand at most.

    Of a large mask only every so many rows are searched; the box starts with a row of the mask, so one is found.
    """
    left, top, right, bottom = box
    part, inside = image[top:bottom, left:right], mask[top:bottom, left:right]
    step = max(1, cv2.countNonZero(inside) // _SAMPLES)
    row_step = math.isqrt(step)
    found = np.flatnonzero(inside[::row_step] != 0)
    rows, columns = np.divmod(found[:: step // row_step], right - left)
    return part[rows * row_step, columns]


def classify(
    target: RGB, source: RGB, colors: Sequence[RGBTuple], opacity: float, *, lossless: bool = False
) -> NDArray[np.uint8]:
    """Which coat each pixel got: the nearest of the source and the source under each coat.

    Where a coat hardly moves the source (white on white), noise alone would decide; such pixels count as unpainted.

    Args:
        target, source: (H, W, 3) uint8.
        colors: the coats' colours, at most 255.
        opacity: in (0, 1].
        lossless: the target went through no lossy codec, so that the least difference counts.

    Returns:
        (H, W) uint8: 0 unpainted, i + 1 for colors[i].
    """
    best = squared_distance(target, source)
    if not lossless:
        best -= _NOISE
    labels = np.zeros(best.shape, np.uint8)
    for position, rgb in enumerate(colors, start=1):
        distance = squared_distance(target, cv2.LUT(source, blend_table(rgb, opacity)[None]))
        closer = distance < best
        labels[closer] = position
        np.copyto(best, distance, where=closer)
    return labels


def nearest_color(target: RGB, colors: Sequence[RGBTuple]) -> NDArray[np.uint8]:
    """(H, W) uint8: position of the nearest colour of a flat picture, Euclidean RGB; ties go to the first."""
    best = np.full(target.shape[:2], np.iinfo(np.int32).max, np.int32)
    labels = np.zeros(target.shape[:2], np.uint8)
    for position, rgb in enumerate(colors):
        distance = squared_distance(target, np.broadcast_to(np.array(rgb, np.uint8), target.shape))
        closer = distance < best
        labels[closer] = position
        np.copyto(best, distance, where=closer)
    return labels


def squared_distance(first: RGB, second: RGB) -> NDArray[np.int32]:
    """(H, W) int32 squared Euclidean distance of two RGB pictures."""
    difference = cv2.absdiff(first, np.ascontiguousarray(second)).astype(np.int32)
    return np.einsum("hwc,hwc->hw", difference, difference)
