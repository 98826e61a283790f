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
    flat = cv2.transpose(values.astype(np.int32, copy=False)).ravel()  # run lengths go down the columns
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    ends = np.append(starts[1:], flat.size)
    order = np.argsort(flat[starts], kind="stable")
    numbers, firsts = np.unique(flat[starts][order], return_index=True)
    found = _objects(starts[order], ends[order], firsts, height, width)
    return dict(zip(numbers.tolist(), found, strict=True))


def _objects(
    starts: NDArray[np.int64], ends: NDArray[np.int64], firsts: NDArray[np.int64], height: int, width: int
) -> list[MapObject]:
    """Objects by their runs, from `starts` up to `ends`, each object's ascending and none touching the next.

    firsts: the position of each object's first run.
    """
    lasts = np.append(firsts[1:], len(starts)) - 1
    counts = np.empty((len(starts), 2), np.int64)  # background and object by turns
    counts[1:, 0] = starts[1:] - ends[:-1]
    counts[firsts, 0] = starts[firsts]
    counts[:, 1] = ends - starts
    rests = height * width - ends[lasts]
    (left, top), (right, bottom) = np.divmod(starts, height), np.divmod(ends - 1, height)
    wraps = left != right  # goes on at the top of the next column
    uppers = np.minimum.reduceat(np.where(wraps, 0, top), firsts)
    lowers = np.maximum.reduceat(np.where(wraps, height, bottom + 1), firsts)
    boxes = np.stack([left[firsts], uppers, right[lasts] + 1, lowers], axis=1).astype(np.float64).tolist()
    flat: list[int] = counts.ravel().tolist()
    return [
        MapObject(tuple(box), {"size": [height, width], "counts": flat[2 * first : 2 * last + 2] + [rest] * (rest > 0)})
        for box, first, last, rest in zip(boxes, firsts.tolist(), lasts.tolist(), rests.tolist(), strict=True)
    ]
