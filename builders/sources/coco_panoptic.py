"""COCO panoptic: every pixel of COCO 2017 belongs to one thing or one region of stuff.

About 118,000 training and 5,000 validation photographs; 80 classes of things and 53 of stuff, merged from COCO-Stuff.
A pixel of the PNG is the number of its segment, red + 256 green + 65536 blue; 0 is void. The json names the PNG; the
photograph has the same stem. Boxes of things come from the json; masks are read from the PNG, and only on demand, so
the json in detection form (panopticapi can make one) is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..kept import Kept
from ..number_maps import Runs, packed
from ..reading.coco_values import checked_box, is_id, is_size, is_text
from ..reading.json_stream import stream_json
from ..reading.spool import Spool
from ..sample import Category, Feature, FileBytes, Instance, LabelMap, Sample, Segment, SegmentMap
from ..source import Entry, Reject, Source
from ._map_objects import MapObject, objects_in, read_colour

_VOID = -1
"""Of the label map; the json's class numbers are never negative."""
_MOST_IDS = 1 << 24


class CocoPanopticOptions(Block):
    """Options of the COCO panoptic source."""

    masks: bool = Field(
        False,
        description="give every thing its mask, for segmentation with `unit: instance`; "
        "segmentation then asks for things only, not for sky, grass or walls",
    )


class CocoPanoptic(Source):
    """COCO panoptic from its json and its folder of PNG."""

    name = "coco_panoptic"
    title = "COCO panoptic (80 things one by one, 53 kinds of stuff)"
    homepage = "https://cocodataset.org/#panoptic-2018"
    license = "annotations CC BY 4.0; photographs under their Flickr licences"
    splits = ("train2017", "val2017")
    features = Feature.SEGMENTS | Feature.SEMANTIC | Feature.BOXES | Feature.INSTANCES
    tree = """  coco_panoptic/
    annotations/panoptic_train2017.json
    annotations/panoptic_train2017/000000000009.png …     (or panoptic_train2017/)
    train2017/000000000009.jpg …                          (or images/train2017/)"""
    options_type = CocoPanopticOptions

    def inputs(self) -> list[Path]:
        self._maps()
        self._photographs()
        return [self.require(f"annotations/panoptic_{self.split}.json")]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        (file,) = self.inputs()
        images: dict[int, dict[str, Any]] = {}
        self.header["categories"] = {}
        with Spool() as annotations:
            for key, value in stream_json(file):
                if key == "images":
                    self._note_image(value, images, reject)
                elif key == "categories":
                    self._note_category(file, value)
                elif key == "annotations":
                    _keep(value, annotations, reject)
            annotations.seal()
            yield from self._entries(images, annotations, reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        vocabulary = {int(key): (name, bool(thing)) for key, (name, thing) in self.header["categories"].items()}
        file = FileBytes(self.file(f"{self._maps().relative_to(self.path)}/{record['map']}"))
        segments = tuple(
            Segment(number, Category(category, vocabulary[category][0]), vocabulary[category][1], bool(crowd))
            for number, category, crowd, *_ in record["segments"]
        )
        present = {segment.category.name for segment in segments}
        names = {category: name for category, (name, _) in vocabulary.items()}
        classes = {segment.id: segment.category.id for segment in segments}
        ids = Kept(partial(_load_ids, file))
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"{self._photographs().relative_to(self.path)}/{record['file']}")),
            width=record["size"][0],
            height=record["size"][1],
            instances=self._instances(record, segments, file),
            unmasked=not self._masks(),
            label_map=LabelMap(names, partial(_load_classes, ids, classes)),
            segments=SegmentMap(segments, ids),
            absent=tuple(name for name in dict.fromkeys(names.values()) if name not in present),
        )

    def _instances(
        self, record: Mapping[str, Any], segments: tuple[Segment, ...], file: FileBytes
    ) -> tuple[Instance, ...]:
        """The things with their boxes, and with their masks if wanted.

        Raises:
            BadItem: a mask is wanted, and the PNG has no pixel of the thing, another size, or cannot be read.
        """
        masks = _objects(file, record["size"]) if self._masks() else None
        found = []
        for segment, (*_, left, top, right, bottom) in zip(segments, record["segments"], strict=True):
            if not segment.thing:
                continue
            if masks is not None and segment.id not in masks:
                raise BadItem(f"segment {segment.id} has no pixel in {file.path.name}")
            mask = None if masks is None else masks[segment.id].segmentation
            found.append(Instance(segment.category, (left, top, right, bottom), mask, segment.crowd))
        return tuple(found)

    def _masks(self) -> bool:
        assert isinstance(self.options, CocoPanopticOptions)
        return self.options.masks

    def _maps(self) -> Path:
        return self.require(f"annotations/panoptic_{self.split}", f"panoptic_{self.split}", folder=True)

    def _photographs(self) -> Path:
        return self.require(self.split, f"images/{self.split}", folder=True)

    def _note_image(self, value: Any, images: dict[int, dict[str, Any]], reject: Reject) -> None:
        found = value if isinstance(value, dict) else {}
        name, image_id, width, height = (found.get(key) for key in ("file_name", "id", "width", "height"))
        if not is_text(name) or not is_id(image_id) or image_id < 0 or not is_size(width, height):
            reject(str(name), "image record lacks a usable id, file_name, width or height")
            return
        try:
            self.file(name)
        except BadItem as fault:
            reject(name, str(fault))
            return
        image = {"file": name, "size": [int(found["width"]), int(found["height"])]}
        if images.setdefault(image_id, image) != image:
            reject(name, f"image id {image_id} is listed twice; the first, {images[image_id]['file']}, is used")

    def _note_category(self, file: Path, value: Any) -> None:
        found = value if isinstance(value, dict) else {}
        number, name, thing = found.get("id"), found.get("name"), found.get("isthing")
        if not is_id(number) or not 0 <= number < 1 << 31 or not is_text(name) or thing not in (0, 1):
            raise SourceLayoutError(f"{file}: category {value!r} has no id, name and isthing of 0 or 1")
        if self.header["categories"].setdefault(str(number), [name, int(thing)]) != [name, int(thing)]:
            raise SourceLayoutError(f"{file}: two categories have the id {number}")

    def _entries(self, images: Mapping[int, dict[str, Any]], annotations: Spool, reject: Reject) -> Iterator[Entry]:
        for image_id in sorted({*images, *annotations.keys()}):
            stored = annotations.get(image_id)
            if image_id not in images:
                reject(f"image {image_id}", "the annotation's image is not in the file's list of images")
                continue
            image = images[image_id]
            try:
                if len(stored) != 1:
                    raise BadItem(f"{len(stored)} annotations belong to the image; one is needed")
                name, segments = self._checked(orjson.loads(stored[0]), image["size"])
            except BadItem as fault:
                reject(image["file"], str(fault))
                continue
            yield Entry(
                id=f"{image_id:012d}",
                image_key=f"coco/{image_id:012d}",
                features=self._features_of(segments),
                record={**image, "map": name, "segments": segments},
            )

    def _features_of(self, segments: list[list[Any]]) -> Feature:
        features = Feature.SEGMENTS | Feature.SEMANTIC
        if any(self.header["categories"][str(category)][1] for _, category, *_ in segments):
            features |= Feature.BOXES | (Feature.INSTANCES if self._masks() else Feature(0))
        return features

    def _checked(self, annotation: Mapping[str, Any], size: list[int]) -> tuple[str, list[list[Any]]]:
        """Name of the PNG, and [id, category, crowd, left, top, right, bottom] of every segment.

        Raises:
            BadItem: anything about it does not hold; a segment that is left out would make its class look absent.
        """
        name, segments = annotation.get("file_name"), annotation.get("segments_info")
        if not is_text(name):
            raise BadItem(f"the annotation names {name!r} as its PNG")
        self.file(name)
        if not isinstance(segments, list) or not segments:
            raise BadItem("the annotation has no list of segments")
        found: list[list[Any]] = []
        for segment in segments:
            one = segment if isinstance(segment, dict) else {}
            number, category = one.get("id"), one.get("category_id")
            if not is_id(number) or not 0 < number < _MOST_IDS:
                raise BadItem(f"segment id {number!r} is not from 1 to {_MOST_IDS - 1}")
            if not is_id(category) or str(category) not in self.header["categories"]:
                raise BadItem(f"segment {number}: category id {category!r} is not in the file's categories")
            box = checked_box(one.get("bbox"), size[0], size[1])
            found.append([number, category, int(bool(one.get("iscrowd", 0))), *box])
        if len({number for number, *_ in found}) != len(found):
            raise BadItem("two segments have the same id")
        return name, found


def _keep(value: Any, spool: Spool, reject: Reject) -> None:
    found = value if isinstance(value, dict) else {}
    image_id = found.get("image_id")
    if not is_id(image_id):
        reject(str(found.get("file_name")), "annotation names no image id")
        return
    try:
        spool.add(image_id, orjson.dumps({key: found.get(key) for key in ("file_name", "segments_info")}))
    except TypeError as fault:
        reject(f"image {image_id}", f"annotation cannot be stored: {fault}")


def _load_ids(file: FileBytes) -> NDArray[np.int32]:
    """(H, W) int32 segment numbers; 0 is void."""
    return packed(read_colour(file, "panoptic map"), low="red", order="BGR")


def _objects(file: FileBytes, size: list[int]) -> dict[int, MapObject]:
    ids = _load_ids(file)
    if [ids.shape[1], ids.shape[0]] != size:
        raise BadItem(
            f"panoptic map {file.path.name} is {ids.shape[1]}x{ids.shape[0]}, the image is {size[0]}x{size[1]}"
        )
    return objects_in(ids)


def _load_classes(ids: Kept[NDArray[np.int32]], classes: Mapping[int, int]) -> NDArray[np.integer]:
    """(H, W) int32 class numbers; `classes` gives them by segment number, every other pixel is void."""
    runs = Runs.of(ids())
    numbers = np.array(sorted(classes), np.int32)
    values = np.array([classes[number] for number in numbers.tolist()], np.int32)
    places = np.searchsorted(numbers, runs.numbers).clip(max=len(numbers) - 1)
    return runs.spread(np.where(numbers[places] == runs.numbers, values[places], np.int32(_VOID)))
