"""The colours that a picture was painted in, when nobody says which: clusters of pixels, borders left out.

A drawn target has a few exact colours. A model's has noise, wrong shades and soft borders whose pixels are blends;
clusters are then sought among pixels whose surroundings are even, and every other pixel goes to one that is near it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..marks.palette import RGBTuple
from ..number_maps import Runs, packed

_MOST_EXACT: Final = 256
"""A drawn target is a palette picture and has no more colours than this."""
_APART: Final = 28.0
"""Colours nearer than this (Euclidean RGB) are shades of one: the colours of published instance maps are 31 apart or
more, and noise of standard deviation 5 a channel moves fewer than one pixel in a million this far."""
_KNOWN: Final = 40.0
"""A cluster this near to a colour that was asked for is that colour; free ones keep 64 away from it."""
_EVEN: Final = 48.0
"""Range within 3 by 3 pixels, Euclidean RGB, that noise of standard deviation 5 does not reach, and that a border
between colours 64 apart exceeds."""
_BLEND: Final = 16.0
"""How far off the straight line between its neighbours' colours a blend may lie."""
_LEAST_SHARE: Final = 5e-5
_BIN: Final = 8
_REACH: Final = 2


@dataclass(frozen=True, slots=True)
class Clusters:
    """What each pixel of a picture is painted in.

    Attributes:
        labels: (H, W) int32: position in `colors`.
        colors: (K, 3) float64 RGB: the known colours as they were given, then those found.
        known: how many of them were given.
    """

    labels: NDArray[np.int32]
    colors: NDArray[np.float64]
    known: int


def cluster_colors(picture: RGB, known: Sequence[RGBTuple] = ()) -> Clusters:
    """Find the colours of a flat picture, and which pixel has which.

    Args:
        picture: (H, W, 3) uint8.
        known: colours that are expected; a colour near one of them counts as it.
    """
    codes = Runs.of(packed(picture))
    values, places = np.unique(codes.numbers, return_inverse=True)
    given = np.array(known, np.float64).reshape(-1, 3)
    index: NDArray[np.int32] = codes.spread(places.astype(np.int32))
    if len(values) <= _MOST_EXACT and (exact := _exact(picture, values, index)) is not None:
        owners, colors = _joined(exact, given)
        return Clusters(owners[index], colors, len(given))
    even = _even(picture)
    centres = _modes(picture[even] if even.any() else picture.reshape(-1, 3), picture[..., 0].size)
    owners, colors = _joined(centres, given)
    return Clusters(owners[_nearest_around(picture, centres, even)], colors, len(given))


def _exact(picture: RGB, values: NDArray[np.int32], index: NDArray[np.int32]) -> NDArray[np.float64] | None:
    """The picture's colours as they are, (N, 3); None when they are too near each other or some are blends."""
    colors = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.float64)
    offsets = colors[:, None] - colors[None]
    squared = np.einsum("ijc,ijc->ij", offsets, offsets)
    np.fill_diagonal(squared, np.inf)
    if squared.min() < _APART**2:
        return None
    small = index.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.erode(small, kernel) == cv2.dilate(small, kernel)
    thin = np.flatnonzero(np.bincount(small[core], minlength=len(colors)) == 0)
    if len(thin):
        blended = np.bincount(small[_blends(picture)], minlength=len(colors))
        if (blended[thin] > 0.5 * np.bincount(small.ravel(), minlength=len(colors))[thin]).any():
            return None
    return colors


def _blends(picture: RGB) -> NDArray[np.bool_]:
    """(H, W) pixels between two opposite neighbours of other colours, with a colour between theirs."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge").astype(np.float32)
    height, width = picture.shape[:2]
    here = padded[1:-1, 1:-1]
    found = np.zeros((height, width), bool)
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        first = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        second = padded[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        along, offset = second - first, here - first
        length = np.maximum(np.einsum("hwc,hwc->hw", along, along), 1.0)
        share = np.einsum("hwc,hwc->hw", along, offset) / length
        off = offset - share[..., None] * along
        near = np.einsum("hwc,hwc->hw", off, off) <= _BLEND**2
        found |= near & (share > 0.05) & (share < 0.95) & (length > _APART**2)
    return found


def _even(picture: RGB) -> NDArray[np.bool_]:
    """(H, W) pixels whose 3 by 3 surroundings have one colour but for noise."""
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.subtract(cv2.dilate(picture, kernel), cv2.erode(picture, kernel)).astype(np.int32)
    return np.einsum("hwc,hwc->hw", spread, spread) <= _EVEN**2


def _modes(pixels: NDArray[np.uint8], picture_pixels: int) -> NDArray[np.float64]:
    """(K, 3) centres of the dense places of (N, 3) pixels, the densest first; at least one."""
    side = 256 // _BIN
    bins = np.einsum("nc,c->n", (pixels // _BIN).astype(np.int64), np.array([side * side, side, 1]))
    counts = np.bincount(bins, minlength=side**3).astype(np.float64)
    sums = np.stack([np.bincount(bins, pixels[:, c].astype(np.float64), side**3) for c in range(3)], axis=1)
    density = _smoothed(counts.reshape(side, side, side)).ravel()
    filled = np.flatnonzero(counts)
    counts, sums, density = counts[filled], sums[filled], density[filled]
    means = sums / counts[:, None]
    least = max(4.0, _LEAST_SHARE * picture_pixels)
    free = np.ones(len(filled), bool)
    centres: list[NDArray[np.float64]] = []
    while free.any() and len(centres) < _MOST_EXACT:
        peak = int(np.where(free, density, -1.0).argmax())
        centre = means[peak]
        for _ in range(3):
            inside = free & (np.einsum("nc,nc->n", means - centre, means - centre) <= (_APART * 0.7) ** 2)
            centre = sums[inside].sum(axis=0) / counts[inside].sum()
        mine = free & (np.einsum("nc,nc->n", means - centre, means - centre) <= _APART**2)
        mine[peak] = True
        free &= ~mine
        apart = all(((centre - other) ** 2).sum() >= _APART**2 for other in centres)
        if not centres or (apart and counts[mine].sum() >= least):
            centres.append(centre)
    return np.array(centres)


def _smoothed(cube: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over 3 by 3 by 3 cells."""
    for axis in range(3):
        wide = np.pad(cube, [(1, 1) if other == axis else (0, 0) for other in range(3)])
        size = cube.shape[axis]
        cube = sum((np.take(wide, np.arange(s, s + size), axis) for s in range(3)), np.zeros_like(cube))
    return cube


def _nearest_around(picture: RGB, centres: NDArray[np.float64], even: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(H, W) the nearest centre; beside a border, the nearest of those that lie around in even pixels."""
    labels = _nearest(picture.reshape(-1, 3), centres).reshape(picture.shape[:2])
    reach = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    border = ~even
    pixels = picture[border]
    best = np.full(len(pixels), np.inf, np.float32)
    settled = labels[border]
    for position, centre in enumerate(centres):
        around = cv2.dilate(((labels == position) & even).astype(np.uint8), reach)[border] != 0
        distance = np.where(around, _squared_to(pixels, centre), np.inf)
        closer = distance < best
        settled[closer] = position
        np.copyto(best, distance, where=closer)
    labels[border] = settled
    return labels


def _nearest(pixels: NDArray[np.uint8], centres: NDArray[np.float64]) -> NDArray[np.int32]:
    best = np.full(len(pixels), np.inf, np.float32)
    labels = np.zeros(len(pixels), np.int32)
    for position, centre in enumerate(centres):
        distance = _squared_to(pixels, centre)
        closer = distance < best
        labels[closer] = position
        np.copyto(best, distance, where=closer)
    return labels


def _squared_to(pixels: NDArray[np.uint8], color: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N,) float32 squared distances of (N, 3) pixels to a colour."""
    offset = pixels.astype(np.float32) - color.astype(np.float32)
    squared: NDArray[np.float32] = np.einsum("nc,nc->n", offset, offset)
    return squared


def _joined(centres: NDArray[np.float64], known: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Which of all colours each centre stands for; and all colours, the known ones first."""
    owners = np.empty(len(centres), np.int32)
    free: list[NDArray[np.float64]] = []
    for position, centre in enumerate(centres):
        distances = ((known - centre) ** 2).sum(axis=1)
        if len(distances) and distances.min() < _KNOWN**2:
            owners[position] = int(distances.argmin())
        else:
            owners[position] = len(known) + len(free)
            free.append(centre)
    return owners, np.concatenate([known, np.array(free, np.float64).reshape(-1, 3)])
