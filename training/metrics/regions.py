"""Regions: mIoU, cIoU, gIoU and precision of segmentation, referring segmentation and their like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from .coco import average_precision
from .measure import Judged, Measure


def intersection(first: Mapping[str, Any], second: Mapping[str, Any]) -> int:
    """Pixels that two regions have in common; each has `rle`, COCO's compressed run lengths as JSON has them."""
    merged = coco_mask.merge([one["rle"] for one in (first, second)], intersect=True)
    return int(coco_mask.area(merged))


class Regions(Measure):
    """Regions that belong to each other by their place in the list; a lone one stands in for a list of one.

    Result: `miou`, intersection over union of each class over all rows, then the mean over the classes that are
    there (semantic segmentation's); `ciou`, the same over everything at once, and `giou`, the mean over regions, 1
    for an absent one that is left alone (both referring segmentation's, as gRefCOCO defines them); `p@0.5`, share of
    regions with an IoU of at least a half.
    """

    primary = "iou"

    def __init__(self) -> None:
        self._classes: dict[str, list[int]] = {}
        self._ious: list[float] = []

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: `iou`, the mean over its regions."""
        ious = []
        for found, true in zip(_listed(row.decoded), _listed(row.annotation), strict=True):
            both = intersection(found, true)
            union = found["area"] + true["area"] - both
            ious.append(both / union if union else 1.0)
            sums = self._classes.setdefault(str(true.get("name", "")), [0, 0, 0])
            for place, pixels in enumerate((both, union, true["area"])):
                sums[place] += int(pixels)
        self._ious += ious
        return {"iou": float(np.mean(ious))} if ious else {}

    def result(self) -> dict[str, float]:
        """The metrics."""
        sums = np.array(list(self._classes.values()), np.float64).reshape(-1, 3)
        there = sums[sums[:, 2] > 0]
        found: dict[str, float] = {}
        if len(there):
            found["miou"] = float(np.mean(there[:, 0] / there[:, 1]))
        if sums[:, 1].sum():
            found["ciou"] = float(sums[:, 0].sum() / sums[:, 1].sum())
        if self._ious:
            found["giou"] = float(np.mean(self._ious))
            found["p@0.5"] = float(np.mean(np.array(self._ious) >= 0.5))
        return found


class SemanticRegions(Regions):
    """As `Regions`, and `accuracy`, the share of all pixels, background too, that are right."""

    def __init__(self) -> None:
        super().__init__()
        self._right = self._pixels = 0.0

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: `iou` and `accuracy`."""
        pixels = float(np.prod(row.annotation["size"]))
        self._right += row.compared["accuracy"] * pixels
        self._pixels += pixels
        return {**super().add(row), "accuracy": row.compared["accuracy"]}

    def result(self) -> dict[str, float]:
        """The metrics."""
        return {**super().result(), "accuracy": self._right / self._pixels} if self._pixels else {}


class Segments(Measure):
    """Segments in free colours, without classes but for those of a legend.

    Result: `pq`, panoptic quality over all rows (Kirillov et al. 2019), with `sq` and `rq`; for instances also `ap`
    and `ap50` of masks by pycocotools. A picture tells no confidence: every segment counts 1.
    """

    primary = "pq"

    def __init__(self) -> None:
        self._ious: list[float] = []
        self._missed = self._extra = 0
        self._found: list[list[dict[str, Any]]] = []
        self._true: list[list[dict[str, Any]]] = []

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: `pq`."""
        listed = len(row.params.get("legend", ()))
        found, true = row.decoded["segments"], row.annotation["segments"]
        ious = [
            iou
            for first, second in zip(found[:listed], true[:listed], strict=True)
            if first["area"] and second["area"] and (iou := _iou(first, second)) > 0.5
        ]
        ious += [iou for first in found[listed:] for second in true[listed:] if (iou := _iou(first, second)) > 0.5]
        present = [sum(1 for one in side if one["area"]) for side in (found, true)]
        self._ious += ious
        self._extra += present[0] - len(ious)
        self._missed += present[1] - len(ious)
        for kept, side in ((self._found, found), (self._true, true)):
            kept.append([{"name": "segment", "rle": one["rle"]} for one in side[listed:] if one["area"]])
        weight = sum(present) / 2
        return {"pq": sum(ious) / weight if weight else 1.0}

    def result(self) -> dict[str, float]:
        """The metrics."""
        matched = len(self._ious)
        weight = matched + (self._missed + self._extra) / 2
        if not weight:
            return {}
        sq = float(np.mean(self._ious)) if matched else 0.0
        found = {"pq": sum(self._ious) / weight, "sq": sq, "rq": matched / weight}
        return {**found, **average_precision(self._found, self._true, "segm")}


def _listed(side: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(side["regions"]) if "regions" in side else [side]


def _iou(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    both = intersection(first, second)
    union = first["area"] + second["area"] - both
    return both / union if union else 0.0
