"""COCO 2014/2017: instances, person keypoints and captions in one source.

About 118,000 training and 5,000 validation photographs (2017), 80 classes whose ids have gaps (1 to 90).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ...manifests.errors import BadItem, SourceLayoutError
from ..json_stream import stream_json
from ..sample import Category, Feature, FileBytes, Instance, Joint, LabelSet, Sample, Skeleton
from ..source import Entry, Reject, Source
from ..spool import Spool

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
    annotations/person_keypoints_train2017.json   (optional)
    annotations/captions_train2017.json           (optional)
    train2017/000000000009.jpg …                  (or images/train2017/)"""

    def inputs(self) -> list[Path]:
        self._image_folder()
        found = [path for kind in _KINDS if (path := self._annotations(kind)).is_file()]
        if not found:
            self.require(f"annotations/instances_{self.split}.json")
        return found

    def scan(self, reject: Reject) -> Iterator[Entry]:
        images: dict[int, dict[str, Any]] = {}
        with Spool() as objects, Spool() as captions:
            joints: dict[int, list[float]] = {}
            for kind in ("person_keypoints", "captions", "instances"):
                if not self._annotations(kind).is_file():
                    continue
                for key, value in stream_json(self._annotations(kind)):
                    if key == "images":
                        _note_image(value, images, reject)
                    elif key == "categories":
                        self._note_category(kind, value)
                    elif key == "annotations" and kind == "person_keypoints":
                        _note_joints(value, joints)
                    elif key == "annotations":
                        _keep(value, objects if kind == "instances" else captions, reject)
            objects.seal()
            captions.seal()
            yield from self._entries(images, objects, captions, joints, reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        vocabulary: dict[str, str] = self.header.get("categories", {})
        skeleton = _skeleton(self.header)
        instances = tuple(_instance(item, vocabulary, skeleton) for item in record["objects"])
        labels: tuple[LabelSet, ...] = ()
        if vocabulary:
            present = tuple(dict.fromkeys(instance.category.name for instance in instances))
            labels = (LabelSet("object", present, tuple(vocabulary.values())),)
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"{self._image_folder().relative_to(self.path)}/{record['file']}")),
            width=record["size"][0],
            height=record["size"][1],
            instances=instances,
            labels=labels,
            captions=tuple(record["captions"]),
        )

    def _annotations(self, kind: str) -> Path:
        return self.path / "annotations" / f"{kind}_{self.split}.json"

    def _image_folder(self) -> Path:
        return self.require(self.split, f"images/{self.split}", folder=True)

    def _note_category(self, kind: str, value: Any) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("id"), int) or "name" not in value:
            raise SourceLayoutError(f"{self._annotations(kind)}: category {value!r} has no id and name")
        if kind == "instances":
            self.header.setdefault("categories", {})[str(value["id"])] = str(value["name"])
        elif isinstance(value.get("keypoints"), list):
            self.header["joints"] = [str(name).replace("_", " ") for name in value["keypoints"]]
            bones = value.get("skeleton") or []
            self.header["bones"] = [[int(first) - 1, int(second) - 1] for first, second in bones]

    def _entries(
        self,
        images: dict[int, dict[str, Any]],
        objects: Spool,
        captions: Spool,
        joints: dict[int, list[float]],
        reject: Reject,
    ) -> Iterator[Entry]:
        for image_id in sorted(images):
            image = images[image_id]
            name = str(image["file_name"]).rpartition("/")[2]
            kept = []
            for data in objects.get(image_id):
                annotation = orjson.loads(data)
                try:
                    kept.append(self._object(annotation, joints, image))
                except BadItem as fault:
                    reject(name, f"annotation {annotation.get('id')}: {fault}")
            sentences = [str(orjson.loads(data).get("caption", "")).strip() for data in captions.get(image_id)]
            record = {
                "file": image["file_name"],
                "size": [int(image["width"]), int(image["height"])],
                "objects": kept,
                "captions": [sentence for sentence in sentences if sentence],
            }
            yield Entry(
                id=f"{image_id:012d}",
                image_key=f"coco/{image_id:012d}",
                features=self._features_of(record),
                record=record,
                categories=tuple(sorted({item["c"] for item in kept})),
            )

    def _features_of(self, record: dict[str, Any]) -> Feature:
        features = Feature(0)
        if "categories" in self.header:
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

    def _object(self, annotation: Any, joints: dict[int, list[float]], image: Mapping[str, Any]) -> dict[str, Any]:
        """One annotation, checked and cut to what a Sample needs.

        Raises:
            BadItem: it cannot be used; says why.
        """
        category = annotation.get("category_id")
        if str(category) not in self.header.get("categories", {}):
            raise BadItem(f"category id {category!r} is not in the file's categories")
        crowd = bool(annotation.get("iscrowd", 0))
        keypoints = joints.get(annotation.get("id"), [])
        labelled = any(value > 0 for value in keypoints[2::3])
        return {
            "c": category,
            "b": checked_box(annotation.get("bbox"), int(image["width"]), int(image["height"])),
            "s": checked_segmentation(annotation.get("segmentation"), int(image["width"]), int(image["height"])),
            **({"w": 1} if crowd else {}),
            **({"k": keypoints} if labelled and not crowd else {}),
        }


def checked_box(box: Any, width: int, height: int) -> list[float]:
    """COCO's [x, y, width, height] as [left, top, right, bottom], clipped to the image.

    Raises:
        BadItem: not four finite numbers, no area, or wholly outside.
    """
    if not isinstance(box, list) or len(box) != 4 or not all(_is_finite(value) for value in box):
        raise BadItem(f"bbox {box!r} is not four finite numbers")
    x, y, box_width, box_height = box
    if box_width <= 0 or box_height <= 0:
        raise BadItem(f"bbox {box!r} has no area")
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + box_width, width), min(y + box_height, height)
    if right <= left or bottom <= top:
        raise BadItem(f"bbox {box!r} lies outside the image of {width}x{height}")
    return [left, top, right, bottom]


def checked_segmentation(value: Any, width: int, height: int) -> Any:
    """A COCO segmentation that pycocotools will accept, or None when there is none.

    Raises:
        BadItem: polygons with fewer than three points, odd or non-finite coordinates; run lengths that do not
            cover the image.
    """
    if value is None or value == []:
        return None
    if isinstance(value, dict):
        return _checked_runs(value, width, height)
    if not isinstance(value, list):
        raise BadItem(f"segmentation is a {type(value).__name__}, neither polygons nor run lengths")
    for polygon in value:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            size = len(polygon) if isinstance(polygon, list) else polygon
            raise BadItem(f"polygon of {size} numbers; at least three points, as x and y, are needed")
        if not all(_is_finite(number) for number in polygon):
            raise BadItem("polygon has a coordinate that is no finite number")
        if max(polygon) > 1e6 or min(polygon) < -1e6:
            raise BadItem("polygon lies far outside the image")
    return value


def _checked_runs(value: dict[str, Any], width: int, height: int) -> dict[str, Any]:
    counts, size = value.get("counts"), value.get("size")
    if size != [height, width]:
        raise BadItem(f"run lengths are for a size of {size!r}, the image is {[height, width]}")
    if isinstance(counts, str):
        if not counts.isascii() or not counts:
            raise BadItem("compressed run lengths are not ASCII text")
        return {"size": size, "counts": counts}
    if not isinstance(counts, list) or not all(isinstance(run, int) and run >= 0 for run in counts):
        raise BadItem("run lengths are not whole numbers")
    if sum(counts) != width * height:
        raise BadItem(f"run lengths cover {sum(counts)} pixels, the image has {width * height}")
    return {"size": size, "counts": counts}


def _note_image(value: Any, images: dict[int, dict[str, Any]], reject: Reject) -> None:
    try:
        width, height, image_id = int(value["width"]), int(value["height"]), int(value["id"])
        if width < 1 or height < 1 or not str(value["file_name"]):
            raise ValueError
    except (TypeError, KeyError, ValueError, OverflowError):
        name = value.get("file_name", "?") if isinstance(value, dict) else "?"
        reject(str(name), "image record lacks a usable id, file_name, width or height")
        return
    images.setdefault(image_id, {"file_name": str(value["file_name"]), "width": width, "height": height})


def _note_joints(value: Any, joints: dict[int, list[float]]) -> None:
    numbers = value.get("keypoints") if isinstance(value, dict) else None
    usable = isinstance(numbers, list) and len(numbers) % 3 == 0 and all(_is_finite(n) for n in numbers)
    if usable and any(numbers[2::3]) and isinstance(value.get("id"), int):
        joints[value["id"]] = numbers


def _keep(value: Any, spool: Spool, reject: Reject) -> None:
    image_id = value.get("image_id") if isinstance(value, dict) else None
    if not isinstance(image_id, int):
        reject(str(image_id), "annotation names no image id")
        return
    try:
        spool.add(image_id, orjson.dumps(value))
    except TypeError:
        reject(str(image_id), f"annotation {value.get('id')!r} cannot be stored")


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _skeleton(header: Mapping[str, Any]) -> Skeleton | None:
    if "joints" not in header:
        return None
    bones = tuple((first, second) for first, second in header.get("bones", []))
    return Skeleton("coco", tuple(header["joints"]), bones)


def _instance(item: Mapping[str, Any], vocabulary: Mapping[str, str], skeleton: Skeleton | None) -> Instance:
    numbers = item.get("k", [])
    left, top, right, bottom = item["b"]
    return Instance(
        category=Category(item["c"], vocabulary[str(item["c"])]),
        box_xyxy=(left, top, right, bottom),
        segmentation=item["s"],
        crowd=bool(item.get("w")),
        joints=tuple(Joint(*numbers[start : start + 3]) for start in range(0, len(numbers), 3)),
        skeleton=skeleton if numbers else None,
    )
