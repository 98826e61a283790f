"""Masks: COCO's polygons and run lengths to pixels and back, exactly as pycocotools has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...manifests.errors import BadItem
from ..number_maps import Runs
from .run_lengths import check_cover, counts_of_each, paint_runs, read_counts

Rle = dict[str, Any]
"""COCO run lengths: `size` [h, w] and compressed `counts` (bytes here, text in JSON)."""


def to_rle(segmentation: Any, height: int, width: int) -> Rle:
    """Polygons, or uncompressed or compressed run lengths, as compressed run lengths.

    Raises:
        BadItem: pycocotools refuses them.
    """
    return rasterise([segmentation], height, width)


def rasterise(segmentations: Iterable[Any], height: int, width: int) -> Rle:
    """The pixels of any of the segmentations, each as for `to_rle`; all polygons are joined in one go.

    Raises:
        BadItem: pycocotools refuses one.
    """
    pieces: list[Rle] = []
    try:
        for segmentation in segmentations:
            if isinstance(segmentation, dict):
                pieces.append(_from_runs(segmentation["counts"], height, width))
            else:
                _check_polygons(segmentation, 2 * max(height, width))
                pieces += coco_mask.frPyObjects(segmentation, height, width)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as fault:
        raise BadItem(f"segmentation cannot be rasterised: {fault}") from fault
    return union(pieces)


def union(rles: Sequence[Rle]) -> Rle:
    """The pixels of any of them."""
    return rles[0] if len(rles) == 1 else coco_mask.merge(list(rles))


def area(rle: Rle) -> int:
    """Number of pixels."""
    return int(coco_mask.area(rle))


def intersection(rles: Sequence[Rle]) -> Rle:
    """The pixels of all of them."""
    return coco_mask.merge(list(rles), intersect=True)


def box(rle: Rle) -> tuple[float, float, float, float]:
    """Left, top, right, bottom edges of its pixels."""
    x, y, width, height = (float(value) for value in coco_mask.toBbox(rle))
    return x, y, x + width, y + height


def decode(rle: Rle) -> NDArray[np.uint8]:
    """(H, W) uint8 of 0 and 1, C-contiguous.

    Raises:
        ValueError: the run lengths do not hold.
    """
    height, width = rle["size"]
    mask: NDArray[np.uint8] = cv2.transpose(paint_runs(read_counts(rle["counts"]), height, width))
    return mask


def encode(mask: NDArray[np.uint8]) -> Rle:
    """Run lengths of a (H, W) uint8 mask of 0 and 1."""
    rle: Rle = coco_mask.encode(cv2.transpose(mask).T)
    return rle


def encode_each(labels: NDArray[np.integer], count: int) -> list[Rle]:
    """Run lengths of every region of a (H, W) map: 0 belongs to none, i + 1 to the i-th of so many."""
    numbers = labels.astype(np.uint8 if count < 256 else np.int32, copy=False)
    strings = counts_of_each(Runs.of(cv2.transpose(numbers)), count)
    return [{"size": list(labels.shape), "counts": counts} for counts in strings]


def encode_values(values: NDArray[np.integer], wanted: Sequence[int]) -> list[Rle]:
    """Run lengths of where a (H, W) map has each of these values, all different."""
    order = np.argsort(np.array(wanted, np.int64))
    known = np.array(wanted, np.int64)[order]
    runs = Runs.of(cv2.transpose(values))
    places = np.minimum(np.searchsorted(known, runs.numbers), len(known) - 1)
    numbers = np.where(known[places] == runs.numbers, order[places] + 1, 0)
    strings = counts_of_each(Runs(numbers, runs.lengths, runs.shape), len(wanted))
    return [{"size": list(values.shape), "counts": counts} for counts in strings]


def to_json(rle: Rle) -> dict[str, Any]:
    """Run lengths as JSON has them: counts as text."""
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode()}


def from_json(stored: dict[str, Any]) -> Rle:
    """The inverse of `to_json`."""
    return {"size": stored["size"], "counts": stored["counts"].encode()}


def bounds(mask: NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom edges of the pixels that are set; None when none is."""
    x, y, width, height = cv2.boundingRect(mask)
    return (x, y, x + width, y + height) if width and height else None


def _from_runs(counts: Any, height: int, width: int) -> Rle:
    size = [height, width]
    if isinstance(counts, (str, bytes)):
        text = counts.encode() if isinstance(counts, str) else counts
        check_cover(read_counts(text), height, width)  # pycocotools reads past broken ones
        return {"size": size, "counts": text}
    if not isinstance(counts, list) or set(map(type, counts)) != {int} or min(counts) < 0:
        raise ValueError("run lengths are not whole numbers")
    if sum(counts) != height * width:  # pycocotools would leave the rest of the mask's memory unset
        raise ValueError(f"run lengths cover {sum(counts)} pixels, the image has {height * width}")
    compressed: Rle = coco_mask.frPyObjects({"size": size, "counts": counts}, height, width)
    return compressed


def _check_polygons(polygons: Any, farthest: float) -> None:
    """pycocotools takes short lists for boxes, and walks every pixel of an edge however long it is."""
    if not isinstance(polygons, list) or not polygons:
        raise ValueError("there are no polygons")
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("a polygon is no list of x and y of at least three points")
        if not math.isfinite(sum(polygon)) or max(polygon) > farthest or min(polygon) < -farthest:
            raise ValueError("a polygon lies far outside the image")
