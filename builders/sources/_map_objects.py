"""Objects read out of a map that holds an object's number in every pixel: run lengths and boxes in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.images import read_map
from ..sample import FileBytes


@dataclass(frozen=True, slots=True)
class MapObject:
    """One number's pixels.

    Attributes:
        box_xyxy: left, top, right, bottom edges of the pixels.
        segmentation: COCO's uncompressed run lengths.
    """

    box_xyxy: tuple[float, float, float, float]
    segmentation: dict[str, Any]


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
    """(H, W, 3) red, green and blue.

    Raises:
        BadItem: the file is missing, no image, or not 8-bit RGB.
    """
    values = read_map(file.read())
    if values.ndim != 3 or values.dtype != np.uint8:
        raise BadItem(f"{what} {file.path.name} is no RGB image of 8 bits")
    return values.astype(np.uint8, copy=False)


def objects_in(values: NDArray[np.integer]) -> dict[int, MapObject]:
    """Every number of a (H, W) map of up to 32 bits with its pixels, ascending."""
    height, width = values.shape
    if not values.size:
        return {}
    flat = cv2.transpose(values.astype(np.int32)).ravel()  # run lengths go down the columns
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    ends = np.append(starts[1:], flat.size)
    order = np.argsort(flat[starts], kind="stable")
    numbers, firsts = np.unique(flat[starts][order], return_index=True)
    groups = np.split(order, firsts[1:])
    return {
        number: _object(starts[group], ends[group], height, width)
        for number, group in zip(numbers.tolist(), groups, strict=True)
    }


def _object(starts: NDArray[np.int64], ends: NDArray[np.int64], height: int, width: int) -> MapObject:
    """One number's runs, from `starts` up to `ends`, none touching the next."""
    edges = np.stack([starts, ends], axis=1).ravel()
    counts = np.diff(edges, prepend=0, append=height * width)
    tops, bottoms = starts % height, (ends - 1) % height + 1
    wraps = bool((starts // height != (ends - 1) // height).any())  # goes on at the top of the next column
    box = (
        float(starts[0] // height),
        0.0 if wraps else float(tops.min()),
        float((ends[-1] - 1) // height + 1),
        float(height) if wraps else float(bottoms.max()),
    )
    runs: list[int] = counts.tolist()
    return MapObject(box, {"size": [height, width], "counts": runs if runs[-1] else runs[:-1]})
