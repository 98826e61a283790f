"""Average precision by COCO's own evaluator."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ...builders.marks.rotated_boxes import box_of_corners, overlap

JOINTS: Final = (
    "nose",
    *(
        f"{side} {part}"
        for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("left", "right")
    ),
)
"""COCO's 17, in its order."""
Kind = Literal["bbox", "rotated", "segm", "keypoints"]


def average_precision(
    found: Sequence[Sequence[dict[str, Any]]], true: Sequence[Sequence[dict[str, Any]]], kind: Kind
) -> dict[str, float]:
    """AP over IoU (or OKS) 0.5 to 0.95, and AP at 0.5.

    Args:
        found, true: of each picture its objects: `name` and `xyxy`, or `rle`, or `keypoints` (17 of x, y and 2 where
            asked, else 0) with `xyxy` and `area`, or `corners`, four of x and y around a rectangle.
        kind: what is compared.

    Returns:
        `ap` and `ap50`; nothing when no picture has a true object, since AP is not defined then.
    """
    names = sorted({one["name"] for objects in true for one in objects})
    if not names:
        return {}
    numbers = {name: number for number, name in enumerate(names, start=1)}
    truth = [
        {"id": number, **_object(one, image, numbers[one["name"]], kind)}
        for number, (image, one) in enumerate(_numbered(true), start=1)
    ]
    guesses = [
        {"score": 1.0, **_object(one, image, numbers[one["name"]], kind)}
        for image, one in _numbered(found)
        if one["name"] in numbers
    ]
    if not guesses:
        return {"ap": 0.0, "ap50": 0.0}
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO()
        dataset.dataset = {
            "info": {},
            "images": [{"id": image, **_size(found[image], true[image])} for image in range(len(true))],
            "annotations": truth,
            "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        }
        dataset.createIndex()
        judge = (
            _RotatedEval(dataset, dataset.loadRes(guesses))
            if kind == "rotated"
            else COCOeval(dataset, dataset.loadRes(guesses), kind)
        )
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return {"ap": float(judge.stats[0]), "ap50": float(judge.stats[1])}


class _RotatedEval(COCOeval):  # type: ignore[misc]
    """COCO's evaluator with the IoU of rectangles at any angle."""

    def __init__(self, truth: COCO, guesses: COCO) -> None:
        super().__init__(truth, guesses, "bbox")

    def computeIoU(self, imgId: int, catId: int) -> Any:  # noqa: N802, N803 - pycocotools' names
        true, found = (
            [box_of_corners(one["corners"]) for one in side[imgId, catId]] for side in (self._gts, self._dts)
        )
        found = found[: self.params.maxDets[-1]]
        return np.array([[overlap(one, other) for other in true] for one in found]) if found and true else []


def _size(*sides: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Height and width, which pycocotools asks for where there are masks."""
    masks = [one["rle"]["size"] for side in sides for one in side if "rle" in one]
    return {"height": masks[0][0], "width": masks[0][1]} if masks else {}


def _numbered(pictures: Sequence[Sequence[dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    return [(image, one) for image, objects in enumerate(pictures) for one in objects]


def _object(one: dict[str, Any], image: int, category: int, kind: Kind) -> dict[str, Any]:
    common = {"image_id": image, "category_id": category, "iscrowd": 0}
    if kind == "segm":
        area = float(coco_mask.area(one["rle"]))
        return {**common, "segmentation": one["rle"], "area": area, "bbox": coco_mask.toBbox(one["rle"]).tolist()}
    if kind == "rotated":
        box = box_of_corners(one["corners"])
        around = np.array(one["corners"], float)
        low, high = around.min(axis=0), around.max(axis=0)
        area = box.width * box.height
        return {**common, "corners": one["corners"], "bbox": [*low.tolist(), *(high - low).tolist()], "area": area}
    left, top, right, bottom = one["xyxy"]
    upright = {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
    if kind == "bbox":
        return {**common, **upright}
    points = np.array(one["keypoints"], float)
    return {
        **common,
        **upright,
        "area": one["area"],
        "keypoints": points.ravel().tolist(),
        "num_keypoints": int((points[:, 2] > 0).sum()),
    }
