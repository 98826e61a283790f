"""Floors of what is painted by masks: classes and sentences, over the photo or on black."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
import orjson
from pycocotools import mask as coco_mask
from taskpaint.builders.view import View

from .item import COCO, Drawn, Floor, Item
from .pictures import Image, decoded, encoded, jpeg, opened, read, sized, sized_map, source_of, two_color_png

OPACITY = 0.5
_OPTIONS = {"absent": 0, "opacity": OPACITY}


def overlay(item: Item) -> Drawn:
    """A class under a half-transparent colour, over the photo."""
    data, photo = opened(item)
    rle, mask = class_mask(item)
    left, top, width, height = cv2.boundingRect(mask)
    source = source_of(item, data, photo)
    part = photo[top : top + height, left : left + width]
    coat = cv2.LUT(part, _coat(item.colors[0]))
    cv2.copyTo(coat, mask[top : top + height, left : left + width], part)
    return source, encoded(photo, item), _region(item, rle)


def mask(item: Item) -> Drawn:
    """A class in a colour on black; pixels of the photo are only touched when it is resized."""
    data = read(item.file)
    rle, index = class_mask(item)
    source = data if item.is_native else jpeg(sized(item, decoded(data)))
    return source, two_color_png(index, item.colors[0]), _region(item, rle)


def class_mask(item: Item) -> tuple[dict[str, Any], Image]:
    """Run lengths and pixels of the union of COCO segmentations, at output size, exactly as the COCO API has them."""
    rle, pixels = region_mask(item, orjson.loads(item.facts))
    return rle if item.is_native else coco_mask.encode(cv2.transpose(pixels).T), pixels


def region_mask(item: Item, segmentations: Sequence[Any]) -> tuple[dict[str, Any], Image]:
    """Run lengths of the union in the photograph, and its pixels at output size."""
    width, height = item.size
    parts = [coco_mask.frPyObjects(region, height, width) for region in segmentations]
    rle = coco_mask.merge([one for part in parts for one in (part if isinstance(part, list) else [part])])
    return rle, sized_map(item, cv2.transpose(coco_mask.decode(rle).T))  # pycocotools decodes column-major


def _polygons(row: Mapping[str, Any], view: View) -> bytes:
    """COCO segmentations of the class's objects, still JSON, as any index would have to keep them."""
    name = row["params"]["targets"][0]["name"]
    return orjson.dumps([one.segmentation for one in view.sample.instances if one.category.name == name])


def _meant(row: Mapping[str, Any], view: View) -> bytes:
    """The same of what a sentence means."""
    said = row["params"]["targets"][0]["name"]
    sample = view.sample
    (members,) = {one.members for one in sample.expressions if any(said in _tidied(text) for text in one.sentences)}
    return orjson.dumps([sample.instances[member].segmentation for member in members])


def _tidied(sentence: str) -> str:
    return " ".join(sentence.replace('"', "'").split())


@cache
def _coat(rgb: tuple[int, int, int]) -> Image:
    levels = np.arange(256, dtype=np.float64)[:, None]
    return np.rint(levels + OPACITY * (np.array(rgb) - levels)).astype(np.uint8)[None]


def _region(item: Item, rle: dict[str, Any]) -> bytes:
    size = [item.out[1], item.out[0]]
    region = {
        "name": item.params["targets"][0]["name"],
        "rle": {"size": size, "counts": rle["counts"].decode()},
        "area": int(coco_mask.area(rle)),
    }
    return orjson.dumps({"size": size, "regions": [region]})


FLOORS = {
    "overlay": Floor(COCO, "segmentation", {**_OPTIONS, "style": "overlay"}, overlay, _polygons),
    "mask": Floor(COCO, "segmentation", {**_OPTIONS, "style": "mask"}, mask, _polygons),
    "sentence": Floor([("refcoco", "refcocog", "val")], "referring", {**_OPTIONS, "style": "overlay"}, overlay, _meant),
}
