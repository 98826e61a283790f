"""A made-up COCO of any size: annotation files of realistic shape, a few photographs under as many names as wanted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import orjson
import simplejpeg
from numpy.typing import NDArray

SIZES_WH = ((640, 480), (480, 640), (640, 427), (500, 375))
_CLASSES = 80
_JOINTS = 17
_POINTS = 25
_PERSON_SHARE = 0.3


def write_coco(
    root: Path, split: str, images: int, instances: int, photos: int, *, photo_names: int | None = None
) -> None:
    """Write annotations/{instances,person_keypoints,captions}_<split>.json and the photographs.

    Args:
        images: number of photographs listed; ids have gaps.
        instances: of all images; polygons of about 25 points with two decimals, 0.5 percent crowds.
        photos: different photographs drawn; all names are hard links to them.
        photo_names: how many of the names get a file, empty: all.
    """
    (root / "annotations").mkdir(parents=True)
    (root / split).mkdir()
    draw = random.Random(7)
    listed = [_image(number, draw) for number in range(images)]
    originals = {size: [_photo(root / split, size, n) for n in range(photos)] for size in SIZES_WH}
    for image in listed[:photo_names]:
        original = originals[image["width"], image["height"]][image["id"] % photos]
        (root / split / image["file_name"]).hardlink_to(original)
    _write_annotations(root / "annotations", split, listed, instances, draw)


def _write_annotations(
    folder: Path, split: str, listed: list[dict[str, Any]], instances: int, draw: random.Random
) -> None:
    joints = [f"joint_{number}" for number in range(_JOINTS)]
    classes = [{"id": 1 + number * 9 // 8, "name": f"class {number}"} for number in range(_CLASSES)]
    classes[0]["name"] = "person"
    person = {**classes[0], "keypoints": joints, "skeleton": [[n, n + 1] for n in range(1, _JOINTS)]}
    with (
        (folder / f"instances_{split}.json").open("wb") as objects,
        (folder / f"person_keypoints_{split}.json").open("wb") as people,
        (folder / f"captions_{split}.json").open("wb") as captions,
    ):
        for file in (objects, people, captions):
            file.write(b'{"images":' + orjson.dumps(listed))
        objects.write(b',"categories":' + orjson.dumps(classes))
        people.write(b',"categories":' + orjson.dumps([person]))
        first = [True, True, True]
        for annotation in _annotations(listed, instances, classes, draw):
            _append(objects, annotation, first, 0)
            if annotation["category_id"] == 1:
                keypoints = _keypoints(annotation["bbox"], draw)
                _append(people, {**annotation, "keypoints": keypoints, "num_keypoints": _JOINTS - 4}, first, 1)
        for number in range(5 * len(listed)):
            image = listed[number // 5]["id"]
            sentence = {"id": number, "image_id": image, "caption": "A made-up picture of several things in a row."}
            _append(captions, sentence, first, 2)
        for file in (objects, people, captions):
            file.write(b"]}")


def _append(file: BinaryIO, value: dict[str, Any], first: list[bool], position: int) -> None:
    file.write((b',"annotations":[' if first[position] else b",") + orjson.dumps(value))
    first[position] = False


def _image(number: int, draw: random.Random) -> dict[str, Any]:
    image_id = 9 + 5 * number
    width, height = draw.choice(SIZES_WH)
    return {
        "license": 3,
        "file_name": f"{image_id:012d}.jpg",
        "coco_url": f"http://images.example.org/train2017/{image_id:012d}.jpg",
        "height": height,
        "width": width,
        "date_captured": "2013-11-14 11:18:45",
        "id": image_id,
    }


def _annotations(
    listed: list[dict[str, Any]], instances: int, classes: list[dict[str, Any]], draw: random.Random
) -> Iterator[dict[str, Any]]:
    """In no order of images, as in the true file."""
    angles = np.arange(_POINTS) * (2 * np.pi / _POINTS)
    shapes = [_outline(angles, seed) for seed in range(200)]
    for number in range(instances):
        image = listed[number * 7919 % len(listed)]
        half = draw.uniform(0.03, 0.25) * image["height"]
        x = draw.uniform(half, image["width"] - half)
        y = draw.uniform(half, image["height"] - half)
        points = np.round(draw.choice(shapes) * half + (x, y), 2)
        left, top = points.min(axis=0).tolist()
        right, bottom = points.max(axis=0).tolist()
        crowd = draw.random() < 0.005
        category = 1 if draw.random() < _PERSON_SHARE else draw.choice(classes)["id"]
        yield {
            "segmentation": _runs(image, half) if crowd else [points.ravel().tolist()],
            "area": round(2.5 * half * half, 4),
            "iscrowd": int(crowd),
            "image_id": image["id"],
            "bbox": [round(left, 2), round(top, 2), round(right - left, 2), round(bottom - top, 2)],
            "category_id": category,
            "id": 100 + 3 * number,
        }


def _outline(angles: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """(N, 2) a wobbly closed outline inside [-1, 1]."""
    noise = np.random.default_rng(seed)
    radius = 0.75 + 0.25 * np.sin(angles * int(noise.integers(2, 5)) + noise.uniform(0, 6))
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _runs(image: dict[str, Any], half: float) -> dict[str, Any]:
    """A crowd: uncompressed run lengths, a bar a column."""
    width, height, bar = image["width"], image["height"], max(1, int(half))
    counts = [height // 4] + [bar, height - bar] * (width - 1)
    return {"counts": [*counts, bar, width * height - sum(counts) - bar], "size": [height, width]}


def _keypoints(box: list[float], draw: random.Random) -> list[float]:
    x, y, width, height = box
    numbers: list[float] = []
    for joint in range(_JOINTS):
        seen = 0 if joint % 4 == 3 else 2
        numbers += [round(x + draw.random() * width) * bool(seen), round(y + draw.random() * height) * bool(seen), seen]
    return numbers


def _photo(folder: Path, size_wh: tuple[int, int], seed: int) -> Path:
    """Smooth colour with fine grain: about as many bytes as a COCO photograph."""
    noise = np.random.default_rng(seed)
    width, height = size_wh
    coarse = noise.integers(0, 256, (height // 40, width // 40, 3), np.uint8)
    smooth = cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = noise.normal(0, 9, (height, width, 1)).astype(np.int16)
    rgb = np.clip(smooth + grain, 0, 255).astype(np.uint8)
    file = folder / f"original-{width}x{height}-{seed}.jpg"
    file.write_bytes(simplejpeg.encode_jpeg(rgb, 92, "RGB", colorsubsampling="444"))
    return file
