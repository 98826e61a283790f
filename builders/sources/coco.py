"""COCO 2014/2017: instances, person keypoints and captions in one source.

About 118,000 training and 5,000 validation photographs (2017), 80 classes whose ids have gaps (1 to 90).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.coco_annotations import keep_annotation
from ..reading.coco_values import (
    are_bones,
    checked_box,
    checked_joints,
    checked_segmentation,
    is_id,
    is_size,
    is_text,
)
from ..reading.json_stream import stream_json
from ..reading.spool import Spool
from ..sample import Category, Feature, FileBytes, Instance, Joint, LabelSet, Sample, Skeleton
from ..source import Entry, Reject, Source

_KINDS = ("instances", "person_keypoints", "captions")


class Coco(Source):
    """COCO from its official folders."""

    name = "coco"
    title = "COCO (instances, person keypoints, captions)"
    homepage = "https://cocodataset.org"
    license = "annotations CC BY 4.0; photographs under their Flickr licences"
    splits = ("train2017", "val2017", "train2014", "val2014")
    features = Feature.INSTANCES | Feature.BOXES | Feature.KEYPOINTS | Feature.LABELS | Feature.CAPTIONS
    tree = """  coco/
    annotations/instances_train2017.json
    annotations/person_keypoints_train2017.json   (optional; alone it serves as the instances file)
    annotations/captions_train2017.json           (optional)
    train2017/000000000009.jpg …                  (or images/train2017/)"""
    reader_version = 2

    def inputs(self) -> list[Path]:
        self._image_folder()
        found = [self._annotations(kind) for kind in self._kinds()]
        return found or [self.require(f"annotations/instances_{self.split}.json")]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        images: dict[int, dict[str, Any]] = {}
        annotated: set[int] = set()  # an image that only the captions file lists is not without objects
        kinds = self._kinds()
        objects_kind = "instances" if "instances" in kinds else "person_keypoints"
        with Spool() as objects, Spool() as captions, Spool() as joints:
            for kind in kinds:
                for key, value in stream_json(self._annotations(kind)):
                    if key == "images":
                        image_id = self._note_image(value, images, reject)
                        if image_id is not None and kind == objects_kind:
                            annotated.add(image_id)
                    elif key == "categories":
                        self._note_category(kind, value, named=kind == objects_kind)
                    elif key == "annotations" and kind == objects_kind:
                        keep_annotation(value, objects, reject)
                    elif key == "annotations" and kind == "captions":
                        keep_annotation(value, captions, reject)
                    elif key == "annotations":
                        _keep_joints(value, joints, reject)
            for spool in (objects, captions, joints):
                spool.seal()
                if spool is not joints:
                    _reject_strays(spool, images, reject)
            yield from self._entries(images, annotated, objects, captions, joints, reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        classes, skeleton = self._classes, self._skeleton
        instances = tuple(_instance(item, classes, skeleton) for item in record["objects"])
        labels: tuple[LabelSet, ...] = ()
        if "lost" in record:
            seen = [instance.category.id for instance in instances] + record["lost"]
            present = tuple(dict.fromkeys(classes[category].name for category in seen))
            labels = (LabelSet("object", present, self._class_names),)
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"{self._image_folder_name}/{record['file']}")),
            width=record["size"][0],
            height=record["size"][1],
            instances=instances,
            labels=labels,
            captions=tuple(record["captions"]),
        )

    @cached_property
    def _image_folder_name(self) -> str:
        return str(self._image_folder().relative_to(self.path))

    @cached_property
    def _classes(self) -> dict[int, Category]:
        return {int(key): Category(int(key), name) for key, name in self.header.get("categories", {}).items()}

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(category.name for category in self._classes.values()))

    @cached_property
    def _skeleton(self) -> Skeleton | None:
        return _skeleton(self.header)

    def _annotations(self, kind: str) -> Path:
        return self.path / "annotations" / f"{kind}_{self.split}.json"

    def _image_folder(self) -> Path:
        return self.require(self.split, f"images/{self.split}", folder=True)

    def _kinds(self) -> list[str]:
        return [kind for kind in _KINDS if self._annotations(kind).is_file()]

    def _note_image(self, value: Any, images: dict[int, dict[str, Any]], reject: Reject) -> int | None:
        found = value if isinstance(value, dict) else {}
        name, image_id, width, height = (found.get(key) for key in ("file_name", "id", "width", "height"))
        if not is_text(name) or not is_id(image_id) or not is_size(width, height):
            reject(str(name), "image record lacks a usable id, file_name, width or height")
            return None
        try:
            self.file(name)
        except BadItem as fault:
            reject(name, str(fault))
            return None
        image = {"file_name": name, "width": int(found["width"]), "height": int(found["height"])}
        first = images.setdefault(image_id, image)
        if first != image:
            reject(name, f"image id {image_id} is listed twice; the first, {first['file_name']}, is used")
        return image_id

    def _note_category(self, kind: str, value: Any, named: bool) -> None:
        if not isinstance(value, dict) or not is_id(value.get("id")) or not is_text(value.get("name")):
            raise SourceLayoutError(f"{self._annotations(kind)}: category {value!r} has no id and name")
        names = self.header.setdefault("categories", {}) if named else {}
        if names.setdefault(str(value["id"]), value["name"]) != value["name"]:
            raise SourceLayoutError(f"{self._annotations(kind)}: two categories have the id {value['id']}")
        joints, bones = value.get("keypoints"), value.get("skeleton") or []
        if not isinstance(joints, list):
            return
        if not all(is_text(joint) for joint in joints) or not are_bones(bones, len(joints)):
            raise SourceLayoutError(
                f"{self._annotations(kind)}: category {value['name']!r} needs joint names and a skeleton of "
                "pairs of joint numbers, counted from 1"
            )
        self.header["joints"] = [joint.replace("_", " ") for joint in joints]
        self.header["bones"] = [[first - 1, second - 1] for first, second in bones]

    def _entries(
        self,
        images: Mapping[int, Mapping[str, Any]],
        annotated: set[int],
        objects: Spool,
        captions: Spool,
        joints: Spool,
        reject: Reject,
    ) -> Iterator[Entry]:
        joined: set[int] = set()
        for image_id in sorted(images):
            image = images[image_id]
            kept, lost = self._objects(objects.get(image_id), joints, joined, image, reject)
            sentences = [orjson.loads(data).get("caption") for data in captions.get(image_id)]
            record = {
                "file": image["file_name"],
                "size": [image["width"], image["height"]],
                "objects": kept,
                **({"lost": lost} if image_id in annotated and "categories" in self.header else {}),
                "captions": [text.strip() for text in sentences if is_text(text)],
            }
            yield Entry(
                id=f"{image_id:012d}",
                image_key=f"coco/{image_id:012d}",
                features=self._features_of(record),
                record=record,
            )
        for annotation_id in joints.keys():  # noqa: SIM118 - a Spool is no mapping
            if annotation_id not in joined:
                reject(f"annotation {annotation_id}", "keypoints annotation has no object of the same id")

    def _features_of(self, record: dict[str, Any]) -> Feature:
        features = Feature(0)
        if "lost" in record:
            features |= Feature.LABELS
        if record["captions"]:
            features |= Feature.CAPTIONS
        for item in record["objects"]:
            features |= Feature.BOXES
            if item["s"] is not None:
                features |= Feature.INSTANCES
            if item.get("k"):
                features |= Feature.KEYPOINTS
        return features

    def _objects(
        self,
        stored: Iterable[bytes],
        joints: Spool,
        joined: set[int],
        image: Mapping[str, Any],
        reject: Reject,
    ) -> tuple[list[dict[str, Any]], list[int]]:
        """An image's objects that can be used, and the classes of those that cannot: they are not absent."""
        kept, lost = [], set()
        for data in stored:
            annotation = orjson.loads(data)
            try:
                kept.append(self._object(annotation, joints, joined, image))
            except BadItem as fault:
                reject(image["file_name"], f"annotation {annotation.get('id')}: {fault}")
                if self._knows(category := annotation.get("category_id")):
                    lost.add(category)
        return kept, sorted(lost)

    def _object(self, annotation: Any, joints: Spool, joined: set[int], image: Mapping[str, Any]) -> dict[str, Any]:
        """One annotation, checked and cut to what a Sample needs.

        Raises:
            BadItem: it cannot be used; says why.
        """
        category, crowd = annotation.get("category_id"), bool(annotation.get("iscrowd", 0))
        keypoints = annotation.get("keypoints")
        if keypoints is None and is_id(annotation.get("id")):
            joined.add(annotation["id"])
            keypoints = next((orjson.loads(data) for data in joints.get(annotation["id"])), None)
        if not self._knows(category):
            raise BadItem(f"category id {category!r} is not in the file's categories")
        labelled = []
        if "joints" in self.header and not crowd:
            labelled = checked_joints(keypoints, len(self.header["joints"]))
        return {
            "c": category,
            "b": checked_box(annotation.get("bbox"), image["width"], image["height"]),
            "s": checked_segmentation(annotation.get("segmentation"), image["width"], image["height"]),
            **({"w": 1} if crowd else {}),
            **({"k": labelled} if labelled else {}),
        }

    def _knows(self, category: Any) -> bool:
        return is_id(category) and str(category) in self.header.get("categories", {})


def _keep_joints(value: Any, spool: Spool, reject: Reject) -> None:
    """Joints of the keypoints file, under the annotation's id; the object itself is in the instances file."""
    found = value if isinstance(value, dict) else {}
    annotation_id, numbers = found.get("id"), found.get("keypoints")
    if not isinstance(numbers, list) or not is_id(annotation_id):
        reject(f"annotation {annotation_id}", "keypoints annotation lacks an id or its keypoints")
    elif any(numbers[2::3]):
        try:
            spool.add(annotation_id, orjson.dumps(numbers))
        except TypeError as fault:
            reject(f"annotation {annotation_id}", f"keypoints cannot be stored: {fault}")


def _reject_strays(spool: Spool, images: Mapping[int, Any], reject: Reject) -> None:
    for image_id in spool.keys():  # noqa: SIM118 - a Spool is no mapping
        if image_id not in images:
            for data in spool.get(image_id):
                name = f"annotation {orjson.loads(data).get('id')}"
                reject(name, f"annotation points to image id {image_id}, which the file does not list")


def _skeleton(header: Mapping[str, Any]) -> Skeleton | None:
    if "joints" not in header:
        return None
    bones = tuple((first, second) for first, second in header.get("bones", []))
    return Skeleton("coco", tuple(header["joints"]), bones)


def _instance(item: Mapping[str, Any], classes: Mapping[int, Category], skeleton: Skeleton | None) -> Instance:
    plain = Instance(classes[item["c"]], tuple(item["b"]), item["s"], "w" in item)
    if "k" not in item:
        return plain
    numbers = item["k"]
    joints = tuple(map(Joint, numbers[::3], numbers[1::3], numbers[2::3]))
    return plain._replace(joints=joints, skeleton=skeleton)
