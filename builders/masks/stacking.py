"""Masks laid over each other: every pixel gets the topmost, looking only where each mask is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Geometry, GridAxis
from . import regions
from .regions import Rle
from .run_lengths import columns_of

_BYTE = 255


@dataclass(frozen=True, slots=True)
class Stack:
    """Masks at output size, the larger first, since the smaller lie on top.

    Attributes:
        labels: (H, W) uint8, or int32 for more than 255 masks: i + 1 where the i-th of `order` is on top, 0 for none.
        order: positions of the masks, the larger first; equals as they were given.
        areas: pixels of each mask as given, covered ones too.
    """

    labels: NDArray[np.integer]
    order: list[int]
    areas: list[int]


def stack(rles: Sequence[Rle], geometry: Geometry) -> Stack:
    """Lay masks over each other.

    Args:
        rles: of the source image.
        geometry: how it is shown.

    Raises:
        ValueError: run lengths do not hold.
    """
    width, height = geometry.size_wh
    grid = None if geometry.is_native else geometry.grid()
    shown = [_shown(rle, geometry, grid) for rle in rles]
    areas = [cv2.countNonZero(part) if part.size else 0 for _, part in shown]
    order = sorted(range(len(rles)), key=lambda position: -areas[position])
    kind = np.uint8 if len(rles) <= _BYTE else np.int32
    labels = np.zeros((width, height), kind)  # by columns, as run lengths are
    for rank, position in enumerate(order, start=1):
        first, part = shown[position]
        below = labels[first : first + len(part)]
        np.maximum(below, part * kind(rank), out=below)
    return Stack(cv2.transpose(labels), order, areas)


def _shown(rle: Rle, geometry: Geometry, grid: tuple[GridAxis, GridAxis] | None) -> tuple[int, NDArray[np.uint8]]:
    """A mask at output size, as `columns_of` gives it; grid: of a geometry that has one and changes something."""
    if geometry.is_native:
        return columns_of(rle["counts"], *rle["size"])
    if grid is None:
        return 0, cv2.transpose(geometry.labels(regions.decode(rle)))
    first, part = columns_of(rle["counts"], *rle["size"])
    (left, across), (top, down) = grid
    start, stop = np.searchsorted(across, [first, first + len(part)]).tolist()
    shown = np.zeros((stop - start, geometry.size_wh[1]), np.uint8)
    shown[:, top : top + len(down)] = part[across[start:stop] - first][:, down]
    return left + start, shown
