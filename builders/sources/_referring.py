"""What RefCOCO and gRefCOCO share: sentences about objects of COCO, given as `refs` beside an instances.json."""

from __future__ import annotations

import abc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.coco_values import checked_box, checked_segmentation, is_id, is_size, is_text
from ..reading.json_stream import stream_json
from ..reading.spool import Spool
from ..sample import Category, Expression, Feature, FileBytes, Instance, Sample
from ..source import Entry, Reject, Source
from ._refs import Ref, checked_ref, ref_name

_PHOTOGRAPHS = (
    "images/train2014",
    "train2014",
    "mscoco/train2014",
    "images/mscoco/images/train2014",
    "images/mscoco/train2014",
    "mscoco/images/train2014",
    "coco/train2014",
    "images/train2017",
    "train2017",
    "coco/train2017",
    "images",
)
"""Where the photographs may stand. All of train2014 is in train2017 too, there without "COCO_train2014_"."""


class ReferringOptions(Block):
    """Options of the referring sources."""

    images: str = Field(
        "",
        description="folder of COCO's train2014 (or train2017) photographs, in the dataset's folder or a full path; "
        "empty: looked for in the usual places",
    )


@dataclass(slots=True)
class _Objects:
    """instances.json while it is read."""

    images: dict[int, dict[str, Any]]
    image_of: dict[int, int]
    """The photograph of every annotation that a ref names."""
    stored: Spool


class ReferringSource(Source):
    """A source of expressions; a subclass knows its refs file."""

    features = Feature.INSTANCES | Feature.BOXES | Feature.EXPRESSIONS
    options_type = ReferringOptions
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test", "testA", "testB")

    @abc.abstractmethod
    def refs_file(self) -> Path:
        """The file of refs.

        Raises:
            SourceLayoutError: it is missing.
        """

    @abc.abstractmethod
    def stored_refs(self) -> Iterable[Any]:
        """What the file of refs lists, of all splits; untrusted."""

    def inputs(self) -> list[Path]:
        refs = self.refs_file()
        self._photographs()
        return [refs, self._instances_file()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        self.header["names"] = {}
        refs = self._refs(reject)
        named = {number for ref in refs for number in ref.annotations}
        with Spool() as stored:
            objects = self._read_instances(named, stored, reject)
            stored.seal()
            by_image = _by_image(refs, objects, reject)
            by_number = self._photographs().name == "train2017"
            for image_id in sorted(by_image):
                yield from self._entry(image_id, by_image[image_id], objects, by_number, reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        names: dict[str, str] = self.header["names"]
        self.file(record["file"])  # refuses a name that climbs out
        return Sample(
            id=entry_id,
            image=FileBytes(self._photographs() / record["file"]),
            width=record["size"][0],
            height=record["size"][1],
            instances=tuple(_instance(item, names) for item in record["objects"]),
            expressions=tuple(Expression(tuple(said), tuple(meant)) for said, meant in record["said"]),
        )

    def _instances_file(self) -> Path:
        return self.require(str(self.refs_file().with_name("instances.json").relative_to(self.path)))

    def _photographs(self) -> Path:
        assert isinstance(self.options, ReferringOptions)
        if not self.options.images:
            return self.require(*_PHOTOGRAPHS, folder=True)
        folder = self.path / self.options.images  # a full path stays as it is
        if not folder.is_dir():
            raise SourceLayoutError(f"source {self.name}: folder {folder} is missing; correct the option `images`")
        return folder

    def _refs(self, reject: Reject) -> list[Ref]:
        """The refs of the split.

        Raises:
            SourceLayoutError: there are none; names the splits that there are.
        """
        refs, splits = [], set()
        for position, value in enumerate(self.stored_refs()):
            found = value if isinstance(value, dict) else {}
            split = found.get("split")
            if not is_text(split):
                reject(ref_name(found, position), "ref names no split")
                continue
            splits.add(split)
            if split == self.split:
                try:
                    refs.append(checked_ref(found, position))
                except BadItem as fault:
                    reject(ref_name(found, position), str(fault))
        if splits and self.split not in splits:
            raise SourceLayoutError(
                f"source {self.name}: {self.refs_file()} has no split {self.split}; choose one of "
                f"{', '.join(sorted(splits)[:8])}"
            )
        return refs

    def _read_instances(self, named: set[int], stored: Spool, reject: Reject) -> _Objects:
        file, objects = self._instances_file(), _Objects({}, {}, stored)
        for key, value in stream_json(file):
            if key == "images":
                self._note_image(value, objects.images, reject)
            elif key == "categories":
                self._note_category(value, file)
            elif key == "annotations":
                _keep(value, named, objects, reject)
        return objects

    def _note_image(self, value: Any, images: dict[int, dict[str, Any]], reject: Reject) -> None:
        found = value if isinstance(value, dict) else {}
        name, image_id, width, height = (found.get(key) for key in ("file_name", "id", "width", "height"))
        if not is_text(name) or not is_id(image_id) or not is_size(width, height):
            reject(f"{name!s:.80}", "image record lacks a usable id, file_name, width or height")
            return
        try:
            self.file(name)
        except BadItem as fault:
            reject(name, str(fault))
            return
        images.setdefault(image_id, {"file_name": name, "size": [int(found["width"]), int(found["height"])]})

    def _note_category(self, value: Any, file: Path) -> None:
        if not isinstance(value, dict) or not is_id(value.get("id")) or not is_text(value.get("name")):
            raise SourceLayoutError(f"{file}: category {value!s:.80} has no id and name")
        if self.header["names"].setdefault(str(value["id"]), value["name"]) != value["name"]:
            raise SourceLayoutError(f"{file}: two categories have the id {value['id']}")

    def _entry(
        self, image_id: int, refs: Sequence[Ref], objects: _Objects, by_number: bool, reject: Reject
    ) -> Iterator[Entry]:
        """The photograph with all its objects and all that is said of them, unless nothing of that can be used."""
        image = objects.images.get(image_id)
        if image is None:
            for ref in refs:
                reject(ref.name, f"image id {image_id} is not in instances.json")
            return
        kept, place = self._usable(image_id, image, objects, reject)
        said = []
        for ref in refs:
            if all(number in place for number in ref.annotations):
                said.append([list(ref.sentences), [place[number] for number in ref.annotations]])
            else:
                reject(ref.name, "an object that it means cannot be used")
        if not said:
            return
        features = Feature.EXPRESSIONS
        if kept:
            features |= Feature.BOXES
        if any(item["s"] is not None for item in kept):
            features |= Feature.INSTANCES
        name = f"{image_id:012d}.jpg" if by_number else image["file_name"]
        yield Entry(
            id=f"{image_id:012d}",
            image_key=f"coco/{image_id:012d}",
            features=features,
            record={"file": name, "size": image["size"], "objects": kept, "said": said},
        )

    def _usable(
        self, image_id: int, image: Mapping[str, Any], objects: _Objects, reject: Reject
    ) -> tuple[list[dict[str, Any]], dict[int, int]]:
        """The photograph's objects, and the position of each by its id."""
        kept: list[dict[str, Any]] = []
        place: dict[int, int] = {}
        for data in objects.stored.get(image_id):
            annotation = orjson.loads(data)
            try:
                kept.append(self._object(annotation, *image["size"]))
            except BadItem as fault:
                reject(image["file_name"], f"annotation {annotation['id']}: {fault}")
            else:
                place.setdefault(annotation["id"], len(kept) - 1)
        return kept, place

    def _object(self, annotation: Mapping[str, Any], width: int, height: int) -> dict[str, Any]:
        category = annotation.get("category_id")
        if not is_id(category) or str(category) not in self.header["names"]:
            raise BadItem(f"category id {category!s:.80} is not in the file's categories")
        return {
            "c": category,
            "b": checked_box(annotation.get("bbox"), width, height),
            "s": checked_segmentation(annotation.get("segmentation"), width, height),
            **({"w": 1} if annotation.get("iscrowd") else {}),
        }


def _keep(value: Any, named: set[int], objects: _Objects, reject: Reject) -> None:
    found = value if isinstance(value, dict) else {}
    number, image_id = found.get("id"), found.get("image_id")
    if not is_id(number) or not is_id(image_id):
        reject(f"annotation {number!s:.80}", "annotation lacks an id or an image id")
        return
    try:
        objects.stored.add(image_id, orjson.dumps(found))
    except TypeError as fault:
        reject(f"annotation {number}", f"annotation cannot be stored: {fault}")
        return
    if number in named:
        objects.image_of.setdefault(number, image_id)


def _by_image(refs: Iterable[Ref], objects: _Objects, reject: Reject) -> dict[int, list[Ref]]:
    """Refs by photograph: the one that their annotations are of, whatever the ref itself says."""
    found: dict[int, list[Ref]] = defaultdict(list)
    for ref in refs:
        lacking = [number for number in ref.annotations if number not in objects.image_of]
        places = {objects.image_of[number] for number in ref.annotations if number not in lacking}
        if lacking:
            reject(ref.name, f"annotation {lacking[0]} is not in instances.json")
        elif len(places) > 1:
            reject(ref.name, "ref means objects of more than one image")
        else:
            image_id = next(iter(places), ref.image_id)
            assert image_id is not None
            found[image_id].append(ref)
    return found


def _instance(item: Mapping[str, Any], names: Mapping[str, str]) -> Instance:
    left, top, right, bottom = item["b"]
    return Instance(
        category=Category(item["c"], names[str(item["c"])]),
        box_xyxy=(left, top, right, bottom),
        segmentation=item["s"],
        crowd=bool(item.get("w")),
    )
