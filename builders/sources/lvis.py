"""LVIS: COCO's photographs with objects of more than a thousand classes, each photograph annotated for some of them.

v1 has about 100,000 training and 19,800 validation photographs and 1,203 classes, v0.5 57,000 and 5,000 with 1,230. A
class that is neither annotated nor listed in `neg_category_ids` may be there or not; one listed in
`not_exhaustive_category_ids` has more objects than are marked. v0.5 gives `file_name`s of 2014 though the photographs
are those of 2017, v1 only addresses; either way the photograph is looked for in all of COCO's folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import orjson
from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.coco_annotations import keep_annotation
from ..reading.coco_values import checked_box, checked_segmentation, is_id, is_size, is_text
from ..reading.json_stream import stream_json
from ..reading.spool import Spool
from ..sample import Category, Feature, FileBytes, Instance, Sample
from ..source import Entry, Reject, Source

_FOLDERS = ("train2017", "val2017", "test2017", "train2014", "val2014")


class LvisOptions(Block):
    """Options of the LVIS source."""

    not_exhaustive: Literal["exclude", "include"] = Field(
        "exclude", description="objects of classes that have more objects in the photograph than are marked"
    )


class Lvis(Source):
    """LVIS v1 and v0.5 from their json, beside COCO's photographs."""

    name = "lvis"
    title = "LVIS (objects of over 1,200 classes on COCO's photographs)"
    homepage = "https://www.lvisdataset.org"
    license = "annotations CC BY 4.0; photographs under their Flickr licences"
    splits = ("v1_train", "v1_val", "v0.5_train", "v0.5_val")
    features = Feature.INSTANCES | Feature.BOXES | Feature.LABELS
    tree = """  lvis/
    lvis_v1_train.json                                     (or annotations/; v0.5: lvis_v0.5_train.json)
    train2017/000000000009.jpg …, val2017/… (both needed)  (or images/train2017/ …)"""
    options_type = LvisOptions

    def inputs(self) -> list[Path]:
        folders = [f"{base}{folder}" for base in ("", "images/") for folder in _FOLDERS[:2]]
        self.require(*folders, folder=True)
        return [self.require(f"lvis_{self.split}.json", f"annotations/lvis_{self.split}.json")]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        (file,) = self.inputs()
        images: dict[int, dict[str, Any]] = {}
        self.header["categories"] = {}
        with Spool() as objects:
            for key, value in stream_json(file):
                if key == "images":
                    _note_image(value, images, reject)
                elif key == "categories":
                    self._note_category(file, value)
                elif key == "annotations":
                    keep_annotation(value, objects, reject)
            objects.seal()
            yield from self._entries(images, objects, reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        names: dict[str, str] = self.header["categories"]
        instances = []
        for item in record["objects"]:
            left, top, right, bottom = item["b"]
            category = Category(item["c"], names[str(item["c"])])
            instances.append(Instance(category, (left, top, right, bottom), item["s"]))
        return Sample(
            id=entry_id,
            image=FileBytes(self._photograph(record["photograph"])),
            width=record["size"][0],
            height=record["size"][1],
            instances=tuple(instances),
            absent=tuple(names[str(category)] for category in record["absent"]),
        )

    def _photograph(self, names: list[str]) -> Path:
        """Where the photograph lies; where it should, when it is nowhere."""
        candidates = [self.file(f"{base}{name}") for name in names for base in ("", "images/")]
        return next((file for file in candidates if file.is_file()), candidates[0])

    def _note_category(self, file: Path, value: Any) -> None:
        if not isinstance(value, dict) or not is_id(value.get("id")) or not is_text(value.get("name")):
            raise SourceLayoutError(f"{file}: category {value!r} has no id and name")
        if self.header["categories"].setdefault(str(value["id"]), value["name"]) != value["name"]:
            raise SourceLayoutError(f"{file}: two categories have the id {value['id']}")

    def _entries(self, images: Mapping[int, dict[str, Any]], objects: Spool, reject: Reject) -> Iterator[Entry]:
        for image_id in sorted({*images, *objects.keys()}):
            if image_id not in images:
                reject(f"image {image_id}", "objects point to an image that the file does not list")
                continue
            image = images[image_id]
            kept, seen = self._objects(objects.get(image_id), image, reject)
            absent = self._absent(image["absent"], seen)
            record = {"photograph": image["photograph"], "size": image["size"], "objects": kept, "absent": absent}
            features = Feature.LABELS if kept or absent else Feature(0)
            features |= Feature.BOXES if kept else Feature(0)
            features |= Feature.INSTANCES if any(item["s"] is not None for item in kept) else Feature(0)
            yield Entry(
                id=f"{image_id:012d}",
                image_key=f"coco/{image_id:012d}",
                features=features,
                record=record,
            )

    def _objects(
        self, stored: list[bytes], image: Mapping[str, Any], reject: Reject
    ) -> tuple[list[dict[str, Any]], set[int]]:
        """The objects of classes all of whose objects are known, and all classes that the image surely has."""
        assert isinstance(self.options, LvisOptions)
        partial = set(image["partial"]) if self.options.not_exhaustive == "exclude" else set()
        kept, seen = [], set(image["partial"])
        for data in stored:
            annotation = orjson.loads(data)
            category = annotation.get("category_id")
            if is_id(category):
                seen.add(category)
            try:
                if not self._knows(category):
                    raise BadItem(f"category id {category!r} is not in the file's categories")
                if category in image["absent"]:
                    raise BadItem(f"category id {category} is listed as absent too")
                box = checked_box(annotation.get("bbox"), *image["size"])
                mask = checked_segmentation(annotation.get("segmentation"), *image["size"])
            except BadItem as fault:
                reject(image["photograph"][0], f"annotation {annotation.get('id')}: {fault}")
                if is_id(category):
                    partial.add(category)
                continue
            kept.append({"c": category, "b": box, "s": mask})
        return [item for item in kept if item["c"] not in partial], seen

    def _absent(self, listed: list[int], seen: set[int]) -> list[int]:
        """The listed classes, but for those whose plain word fits a class that is there.

        Without its bracket "bow_(weapon)" is a bow, and so is "bow_(decorative_ribbons)".
        """
        names = self.header["categories"]
        words = {_word(names[str(category)]) for category in seen if self._knows(category)}
        return [one for one in dict.fromkeys(listed) if self._knows(one) and _word(names[str(one)]) not in words]

    def _knows(self, category: Any) -> bool:
        return is_id(category) and str(category) in self.header["categories"]


def _word(name: str) -> str:
    return name.partition("(")[0].strip("_ ")


def _note_image(value: Any, images: dict[int, dict[str, Any]], reject: Reject) -> None:
    found = value if isinstance(value, dict) else {}
    image_id, width, height = (found.get(key) for key in ("id", "width", "height"))
    label = str(found.get("file_name") or found.get("coco_url") or image_id)
    if not is_id(image_id) or image_id < 0 or not is_size(width, height):
        reject(label, "image record lacks a usable id, width or height")
        return
    lists = [found.get(key, []) for key in ("neg_category_ids", "not_exhaustive_category_ids")]
    if not all(isinstance(one, list) and all(map(is_id, one)) for one in lists):
        reject(label, "neg_category_ids or not_exhaustive_category_ids are no lists of numbers")
    elif image_id in images:
        reject(label, f"image id {image_id} is listed twice; the first is used")
    else:
        images[image_id] = {
            "photograph": _places(found, image_id),
            "size": [int(found["width"]), int(found["height"])],
            "absent": lists[0],
            "partial": lists[1],
        }


def _places(image: Mapping[str, Any], image_id: int) -> list[str]:
    """Where the photograph may lie, the likeliest first: the address tells the folder, the id the name."""
    name = f"{image_id:012d}.jpg"
    url = image.get("coco_url")
    told = PurePosixPath(url).parts[-2:] if is_text(url) else ()
    first = [told[0]] if len(told) == 2 and told[0] in _FOLDERS else []
    places = [f"{folder}/{name}" for folder in dict.fromkeys([*first, *_FOLDERS[:3]])]
    return places + [f"{folder}/COCO_{folder}_{name}" for folder in _FOLDERS[3:]]
