"""Writes outdoor scenes in the layout of COCO 2017: images, instances, keypoints, captions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import Picture, Thing
from .captions import captions
from .coco_names import COCO_CATEGORIES, COCO_ID, COCO_JOINTS, COCO_LICENSES, COCO_SKELETON
from .files import write_jpeg, write_json
from .outlines import mask_to_counts, mask_to_polygons, polygons_area, polygons_xywh
from .scenes import draw_scene

KINDS = ("street", "park", "beach", "farm", "playground", "lake", "street", "park", "beach", "quiet", "farm", "park")
SIZES = ((640, 480), (640, 427), (480, 640), (640, 480))
SMALLEST_VISIBLE_PX = 40
HIGHEST_IMAGE_ID = 581929
NO_KNOWN_RESTRICTIONS = 7

Row = dict[str, Any]


@dataclass
class _Split:
    """What one split's three annotation files will hold."""

    images: list[Row] = field(default_factory=list)
    instances: list[Row] = field(default_factory=list)
    keypoints: list[Row] = field(default_factory=list)
    captions: list[Row] = field(default_factory=list)


def write_coco(folder: Path, scenes: int, seed: int) -> None:
    """Write scenes pictures, a third of them into val2017.

    Args:
        folder: becomes the COCO root, with train2017, val2017 and annotations below.
    """
    random = Random(f"{seed}/coco")
    ids = sorted(random.sample(range(1000, HIGHEST_IMAGE_ID), scenes))
    held_out = set(random.sample(range(scenes), scenes // 3))
    start, splits = random.randrange(len(KINDS)), {"train2017": _Split(), "val2017": _Split()}
    for name in (*splits, "annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index, image_id in enumerate(ids):
        name = "val2017" if index in held_out else "train2017"
        # Steps of five visit all twelve kinds before any comes again.
        kind = KINDS[(start + 5 * index) % len(KINDS)]
        _add_image(folder / name, splits[name], image_id, kind, index, seed)
    for name, split in splits.items():
        _write_annotations(folder / "annotations", name, split)


def _add_image(folder: Path, split: _Split, image_id: int, kind: str, index: int, seed: int) -> None:
    random = Random(f"{seed}/coco/{index}")
    width, height = SIZES[index % len(SIZES)]
    scene = draw_scene(random, kind, width, height, index + seed)
    file_name = f"{image_id:012d}.jpg"
    write_jpeg(folder / file_name, scene.picture.rgb)
    split.images.append(
        {"license": NO_KNOWN_RESTRICTIONS, "file_name": file_name, "coco_url": "", "height": height, "width": width,
         "date_captured": "2017-01-01 00:00:00", "flickr_url": "", "id": image_id}
    )  # fmt: skip
    annotated = []
    for number, thing in enumerate(scene.picture.things):
        row = _annotation(scene.picture, number, thing, image_id)
        if row is None:
            continue
        annotated.append(thing)
        split.instances.append(row)
        if thing.category == "person":
            split.keypoints.append(_with_keypoints(row, scene.picture, number, thing))
    for number, caption in enumerate(captions(random, scene, annotated)):
        split.captions.append({"image_id": image_id, "id": image_id * 10 + number, "caption": caption})


def _annotation(picture: Picture, number: int, thing: Thing, image_id: int) -> Row | None:
    """Return an instance row, or None where next to nothing of the object shows."""
    mask = picture.mask(number)
    if int(mask.sum()) < SMALLEST_VISIBLE_PX:
        return None
    category = COCO_ID[thing.category]
    if thing.crowd:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = [int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)]
        return {"segmentation": {"counts": mask_to_counts(mask), "size": list(mask.shape)}, "area": int(mask.sum()),
                "iscrowd": 1, "image_id": image_id, "bbox": box, "category_id": category,
                "id": 900_000_000_000 + category * 100_000_000 + image_id}  # fmt: skip
    polygons = mask_to_polygons(mask)
    if not polygons:
        return None
    return {"segmentation": polygons, "area": round(polygons_area(polygons), 4), "iscrowd": 0, "image_id": image_id,
            "bbox": polygons_xywh(polygons), "category_id": category, "id": image_id * 100 + number}  # fmt: skip


def _with_keypoints(row: Row, picture: Picture, number: int, thing: Thing) -> Row:
    """Return the row with keypoints and their count, in the key order of COCO's file."""
    joints = visible_joints(picture, number, thing)
    flat = [int(value) for value in joints.reshape(-1)]
    count = int((joints[:, 2] > 0).sum())
    return {"segmentation": row["segmentation"], "num_keypoints": count, "area": row["area"], "iscrowd": row["iscrowd"],
            "keypoints": flat, "image_id": row["image_id"], "bbox": row["bbox"], "category_id": row["category_id"],
            "id": row["id"]}  # fmt: skip


def visible_joints(picture: Picture, number: int, thing: Thing) -> NDArray[np.int64]:
    """Return a person's joints as COCO writes them, (17, 3) int64.

    A joint outside the picture becomes 0, 0, 0; one that another object covers gets visibility 1. Crowds are all
    zero.
    """
    joints = np.zeros((len(COCO_JOINTS), 3), np.int64)
    if thing.keypoints is None:
        return joints
    height, width = picture.labels.shape
    scale = picture.owners.shape[0] // height
    for place, (x, y, visibility) in enumerate(thing.keypoints):
        column, row = round(float(x)), round(float(y))
        if not (0 <= column < width and 0 <= row < height):
            continue
        reach = 2 * scale
        top, left = max(row * scale - reach, 0), max(column * scale - reach, 0)
        near = picture.owners[top : row * scale + reach, left : column * scale + reach]
        shown = bool((near == number).any())
        joints[place] = (column, row, int(visibility) if shown else 1)
    return joints


def _write_annotations(folder: Path, name: str, split: _Split) -> None:
    info = {"description": "taskpaint demo world in the layout of COCO 2017", "url": "", "version": "1.0",
            "year": 2017, "contributor": "taskpaint", "date_created": "2017/01/01"}  # fmt: skip
    licenses = [{"url": url, "id": number, "name": text} for number, (url, text) in enumerate(COCO_LICENSES, start=1)]
    head = {"info": info, "licenses": licenses, "images": split.images}
    categories = [{"supercategory": group, "id": number, "name": text} for number, text, group in COCO_CATEGORIES]
    person = {**categories[0], "keypoints": list(COCO_JOINTS), "skeleton": [list(bone) for bone in COCO_SKELETON]}
    write_json(folder / f"instances_{name}.json", {**head, "annotations": split.instances, "categories": categories})
    write_json(
        folder / f"person_keypoints_{name}.json", {**head, "annotations": split.keypoints, "categories": [person]}
    )
    write_json(folder / f"captions_{name}.json", {**head, "annotations": split.captions})
