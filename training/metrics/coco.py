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

JOINTS: Final = (
    "nose",
    *(
        f"{side} {part}"
        for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("left", "right")
    ),
)
"""COCO's 17, in its order."""
Kind = Literal["bbox", "segm", "keypoints"]


def average_precision(
    found: Sequence[Sequence[dict[str, Any]]], true: Sequence[Sequence[dict[str, Any]]], kind: Kind
) -> dict[str, float]:
    """AP over IoU (or OKS) 0.5 to 0.95, and AP at 0.5.

    Args:
        found, true: of each picture its objects: `name` and `xyxy`, or `rle`, or `keypoints` (17 of x, y and 2 where
            asked, else 0) with `xyxy` and `area`.
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
        judge = COCOeval(dataset, dataset.loadRes(guesses), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return {"ap": float(judge.stats[0]), "ap50": float(judge.stats[1])}


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
    left, top, right, bottom = one["xyxy"]
    box = {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
    if kind == "bbox":
        return {**common, **box}
    points = np.array(one["keypoints"], float)
    return {
        **common,
        **box,
        "area": one["area"],
        "keypoints": points.ravel().tolist(),
        "num_keypoints": int((points[:, 2] > 0).sum()),
    }
