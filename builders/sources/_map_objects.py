"""Objects read out of a map that holds an object's number in every pixel: run lengths and boxes in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.images import read_map
from ..masks.run_lengths import counts_of_each
from ..number_maps import Runs
from ..sample import FileBytes


@dataclass(frozen=True, slots=True)
class MapObject:
    """One number's pixels.

    Attributes:
        box_xyxy: left, top, right, bottom edges of the pixels.
        segmentation: COCO's compressed run lengths; None when only boxes were asked for.
    """

    box_xyxy: tuple[float, float, float, float]
    segmentation: dict[str, Any] | None


def read_grey(file: FileBytes, what: str) -> NDArray[np.integer]:
    """(H, W) whole numbers of an 8- or 16-bit map, or the indices of a palette image.

    Raises:
        BadItem: the file is missing, no image, or in colour; `what` says what it should have been.
    """
    values = read_map(file.read())
    if values.ndim != 2:
        raise BadItem(f"{what} {file.path.name} is a colour image; one number a pixel is needed")
    return values


def read_colour(file: FileBytes, what: str) -> NDArray[np.uint8]:
    """(H, W, 3) blue, green and red, in this order.

    Raises:
        BadItem: the file is missing, no image, or not 8-bit RGB.
    """
    values = read_map(file.read(), "BGR")
    if values.ndim != 3 or values.dtype != np.uint8:
        raise BadItem(f"{what} {file.path.name} is no RGB image of 8 bits")
    return values.astype(np.uint8, copy=False)


def objects_in(values: NDArray[np.integer], *, masks: bool = True) -> dict[int, MapObject]:
    """Every number of a (H, W) map with its pixels, ascending."""
    return objects_of(Runs.of(values), masks=masks)


def objects_of(runs: Runs, *, masks: bool = True) -> dict[int, MapObject]:
    """As `objects_in`, of a map that is at hand in runs; `masks` says whether run lengths are wanted too."""
    height, width = runs.shape
    if not len(runs.numbers):
        return {}
    numbers, places = np.unique(runs.numbers, return_inverse=True)
    small = runs.spread(places.astype(np.uint8 if len(numbers) <= 256 else np.int32))
    columns = Runs.of(cv2.transpose(small))  # run lengths go down the columns
    boxes = _boxes(columns, len(numbers), height)
    found: list[dict[str, Any] | None] = [None] * len(numbers)
    if masks:
        named = Runs(columns.numbers.astype(np.int32) + 1, columns.lengths, columns.shape)
        found = [{"size": [height, width], "counts": counts} for counts in counts_of_each(named, len(numbers))]
    return {
        number: MapObject((float(left), float(top), float(right), float(bottom)), mask)
        for number, (left, top, right, bottom), mask in zip(numbers.tolist(), boxes.tolist(), found, strict=True)
    }


def _boxes(columns: Runs, count: int, height: int) -> NDArray[np.int64]:
    """(count, 4) left, top, right and bottom edges of each number from 0 on, given its runs down the columns."""
    lasts = np.cumsum(columns.lengths) - 1
    firsts = lasts - columns.lengths + 1
    left, right = firsts // height, lasts // height
    wraps = left != right  # goes on at the top of the next column
    top = np.where(wraps, 0, firsts - left * height)
    bottom = np.where(wraps, height - 1, lasts - right * height)
    order = np.argsort(columns.numbers, kind="stable")
    starts = np.concatenate([np.zeros(1, np.intp), np.cumsum(np.bincount(columns.numbers, minlength=count))[:-1]])
    low = [np.minimum.reduceat(side[order], starts) for side in (left, top)]
    high = [np.maximum.reduceat(side[order], starts) + 1 for side in (right, bottom)]
    return np.stack([*low, *high], axis=1)
