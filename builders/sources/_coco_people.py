"""People with joints from a file in COCO's form, image by image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.coco_annotations import keep_annotation
from ..reading.coco_values import checked_box, checked_joints, is_id, is_size, is_text
from ..reading.json_stream import stream_json
from ..reading.spool import Spool
from ..source import Reject


@dataclass(frozen=True, slots=True)
class CrowdedImage:
    """A photograph and its people.

    Attributes:
        id: of the image record.
        name: of the file.
        width, height: pixels.
        people: as `instances_of` takes them.
    """

    id: int
    name: str
    width: int
    height: int
    people: list[dict[str, Any]]


def read_people(file: Path, joints: int, reject: Reject) -> Iterator[CrowdedImage]:
    """Photographs in the order of their ids, those without people too.

    `num_keypoints` and the category's skeleton are ignored: they are wrong in some official files.

    Args:
        file: with `images`, `annotations` and, perhaps, `categories`.
        joints: how many a person has.
        reject: told of what cannot be used.

    Raises:
        SourceLayoutError: the file is no complete JSON, or its people have another number of joints.
    """
    images: dict[int, tuple[str, int, int]] = {}
    with Spool() as stored:
        for key, value in stream_json(file):
            if key == "images":
                _note_image(value, images, reject)
            elif key == "annotations":
                keep_annotation(value, stored, reject)
            elif key == "categories":
                _check_category(value, joints, file)
        stored.seal()
        for image_id in stored.keys():  # noqa: SIM118 - a Spool is no mapping
            if image_id not in images:
                reject(f"image {image_id}", f"annotations point to it, but {file.name} does not list it")
        for image_id in sorted(images):
            name, width, height = images[image_id]
            people = []
            for data in stored.get(image_id):
                annotation = orjson.loads(data)
                try:
                    people.append(_person(annotation, joints, width, height))
                except BadItem as fault:
                    reject(name, f"annotation {annotation.get('id')!s:.80}: {fault}")
            yield CrowdedImage(image_id, name, width, height, people)


def _note_image(value: Any, images: dict[int, tuple[str, int, int]], reject: Reject) -> None:
    found = value if isinstance(value, dict) else {}
    name, image_id, width, height = (found.get(key) for key in ("file_name", "id", "width", "height"))
    if not is_text(name) or not is_id(image_id) or not is_size(width, height):
        reject(f"{name!s:.80}", "image record lacks a usable id, file_name, width or height")
    elif images.setdefault(image_id, (name, int(found["width"]), int(found["height"])))[0] != name:
        reject(name, f"image id {image_id} is listed twice; the first, {images[image_id][0]}, is used")


def _check_category(value: Any, joints: int, file: Path) -> None:
    names = value.get("keypoints") if isinstance(value, dict) else None
    if isinstance(names, list) and len(names) != joints:
        raise SourceLayoutError(f"{file}: people have {len(names)} joints; {joints} are expected of this dataset")


def _person(annotation: Mapping[str, Any], joints: int, width: int, height: int) -> dict[str, Any]:
    """One annotation.

    Raises:
        BadItem: neither a box nor joints, or one of them is broken.
    """
    crowd, box = bool(annotation.get("iscrowd")), annotation.get("bbox")
    labelled = [] if crowd else checked_joints(annotation.get("keypoints"), joints)
    if box is None and not labelled:
        raise BadItem("neither a box nor labelled joints")
    return {
        "k": labelled,
        "b": None if box is None else checked_box(box, width, height),
        **({"w": 1} if crowd else {}),
    }
