"""PASCAL VOC 2007 to 2012: 20 classes, boxes, and for some photographs a class and an object a pixel.

VOC2012 trainval has 11,540 photographs with boxes, 2,913 of them with masks; VOC2007 has 5,011, and 4,952 to test.
Boxes count pixels from 1. Objects nest `part` elements (head, hand, foot), which are no objects. Maps are palette
images: their indices count, 0 is background and 255 the border between. Objects and masks are matched by class and
place, not by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import BadItem
from ...manifests.recipe import Block
from ..marks.matching import assign_within
from ..reading.annotation_xml import box_of, number_of, parse_xml, text_of
from ..reading.whole_files import text_lines
from ..sample import Category, Feature, FileBytes, Instance, LabelMap, LabelSet, Sample
from ..source import Entry, Reject, Source
from ._map_objects import MapObject, objects_in, read_grey

_NAMES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
_CATEGORIES = {number: Category(number, name) for number, name in enumerate(_NAMES, start=1)}
_NUMBERS = {name: number for number, name in enumerate(_NAMES, start=1)}
_BORDER = 255
_MATCH = 0.4
"""Least IoU of an object's box and the box around its mask; masks leave out the border, a few pixels wide."""


class PascalVocOptions(Block):
    """Options of the PASCAL VOC source."""

    year: int = Field(2012, ge=2007, le=2012, description="which VOC folder of VOCdevkit")
    image_set: Literal["Main", "Segmentation"] = Field(
        "Main", description="list of photographs: all with boxes, or those that have masks"
    )
    difficult: Literal["object", "crowd"] = Field(
        "object",
        description="what objects marked as difficult count as; crowd: detection does not ask for their class, and "
        "segmentation not for single objects of it",
    )


class PascalVoc(Source):
    """PASCAL VOC from `VOCdevkit`, from the folder that holds it, or from one year's folder."""

    name = "pascal_voc"
    title = "PASCAL VOC (20 classes: boxes, class masks, object masks)"
    homepage = "http://host.robots.ox.ac.uk/pascal/VOC/"
    license = "PASCAL VOC terms; photographs under Flickr's terms"
    splits = ("trainval", "train", "val", "test")
    features = Feature.BOXES | Feature.LABELS | Feature.SEMANTIC | Feature.INSTANCES
    tree = """  VOCdevkit/VOC2012/
    ImageSets/Main/trainval.txt               (and train, val, test; also ImageSets/Segmentation/)
    JPEGImages/2007_000027.jpg …
    Annotations/2007_000027.xml …
    SegmentationClass/2007_000032.png …       (optional)
    SegmentationObject/2007_000032.png …      (optional)"""
    options_type = PascalVocOptions

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        super().__init__(path, split, options)
        year = f"VOC{self._options().year}"
        folders = (path / "VOCdevkit" / year, path / year)
        self.path = next((folder for folder in folders if folder.is_dir()), path)

    def inputs(self) -> list[Path]:
        listing = self.require(f"ImageSets/{self._options().image_set}/{self.split}.txt")
        photographs = self.require("JPEGImages", folder=True)
        maps = [folder for kind in ("Class", "Object") if (folder := self._maps(kind)).is_dir()]
        stems = dict.fromkeys(stem for stem in _read_list(listing) if _is_stem(stem))
        annotations = (self.path / "Annotations" / f"{stem}.xml" for stem in stems)
        return [listing, photographs, *maps, *(file for file in annotations if file.is_file())]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        listing, photographs, *_ = self.inputs()
        has = {file.name for file in photographs.iterdir()}
        maps = {kind: self._names(kind) for kind in ("Class", "Object")}
        seen: set[str] = set()
        for stem in _read_list(listing):
            if not _is_stem(stem):
                reject(stem, f"{listing.name} holds {stem[:80]!r}, which is no image name")
            elif stem in seen:
                reject(stem, f"{listing.name} lists it twice")
            elif f"{stem}.jpg" not in has:
                reject(stem, f"photograph JPEGImages/{stem}.jpg is missing")
            else:
                seen.add(stem)
                classes = f"{stem}.png" in maps["Class"]
                entry = self._entry(stem, classes, classes and f"{stem}.png" in maps["Object"], reject)
                if entry is not None:
                    yield entry

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        classes = FileBytes(self.file(f"SegmentationClass/{entry_id}.png"))
        boxed = [self._instance(item) for item in record["objects"]]
        width, height = record.get("size", (0, 0))
        if record["object_map"]:
            masks, shape = _masks(FileBytes(self.file(f"SegmentationObject/{entry_id}.png")), classes)
            if record["boxes"] and shape != (height, width):
                raise BadItem(f"the masks are {shape[1]}x{shape[0]}, the boxes are for {width}x{height}")
            boxed, (height, width) = _joined(boxed, masks), shape
        labels: tuple[LabelSet, ...] = ()
        if record["boxes"]:
            present = dict.fromkeys(_NAMES[number - 1] for number, *_ in record["objects"])
            labels = (LabelSet("object", tuple(present), _NAMES),)
        names = {number: category.name for number, category in _CATEGORIES.items()}
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"JPEGImages/{entry_id}.jpg")),
            width=width,
            height=height,
            instances=tuple(boxed),
            label_map=LabelMap(names, partial(_load_classes, classes)) if record["class_map"] else None,
            labels=labels,
        )

    def _options(self) -> PascalVocOptions:
        assert isinstance(self.options, PascalVocOptions)
        return self.options

    def _maps(self, kind: str) -> Path:
        return self.path / f"Segmentation{kind}"

    def _names(self, kind: str) -> set[str]:
        folder = self._maps(kind)
        return {file.name for file in folder.iterdir()} if folder.is_dir() else set()

    def _instance(self, item: Sequence[Any]) -> Instance:
        number, difficult, left, top, right, bottom = item
        crowd = bool(difficult) and self._options().difficult == "crowd"
        return Instance(_CATEGORIES[number], (left, top, right, bottom), crowd=crowd)

    def _entry(self, stem: str, class_map: bool, object_map: bool, reject: Reject) -> Entry | None:
        file = self.file(f"Annotations/{stem}.xml")
        objects: list[list[Any]] = []
        size: list[int] | None = None
        boxes = False
        if file.is_file():
            try:
                objects, size = _read_objects(FileBytes(file).read())
                boxes = True
            except BadItem as fault:
                reject(stem, f"annotation Annotations/{stem}.xml: {fault}")
        elif not class_map:
            reject(stem, f"neither Annotations/{stem}.xml nor SegmentationClass/{stem}.png is there")
        if not boxes and not class_map:
            return None
        features = Feature.SEMANTIC if class_map else Feature(0)
        features |= Feature.LABELS if boxes else Feature(0)
        features |= Feature.BOXES if objects or (object_map and not boxes) else Feature(0)
        features |= Feature.INSTANCES if object_map else Feature(0)
        record = {"objects": objects, "boxes": boxes, "class_map": class_map, "object_map": object_map}
        return Entry(
            id=stem,
            image_key=f"voc/{stem}",
            features=features,
            record={**record, **({"size": size} if size else {})},
        )


def _read_list(file: Path) -> list[str]:
    """The first word of every line; lists of one class have a second, 1 or -1.

    Raises:
        SourceLayoutError: the file is no text.
    """
    lines = text_lines(file)
    return [words[0] for line in lines if (words := line.split())]


def _is_stem(word: str) -> bool:
    return word not in (".", "..") and not set("/\\\0") & set(word) and len(word) < 200


def _read_objects(data: bytes) -> tuple[list[list[Any]], list[int]]:
    """[class number, difficult, left, top, right, bottom] of every object, and the image's width and height.

    Raises:
        BadItem: anything about it does not hold; with one object left out, no question about "all" would be right.
    """
    root = parse_xml(data)
    width, height = (number_of(root, f"size/{side}") for side in ("width", "height"))
    if min(width, height) < 1 or width != int(width) or height != int(height):
        raise BadItem(f"size {width:g}x{height:g} is no image size")
    found: list[list[Any]] = []
    for item in root.findall("object"):  # not iter: parts have a name and a box as well
        name = text_of(item, "name")
        if name not in _NUMBERS:
            raise BadItem(f"object {name!r} is none of the {len(_NAMES)} classes")
        difficult = text_of(item, "difficult")
        if difficult not in ("", "0", "1"):
            raise BadItem(f"difficult is {difficult!r}, neither 0 nor 1")
        found.append([_NUMBERS[name], int(difficult or 0), *box_of(item, int(width), int(height))])
    return found, [int(width), int(height)]


def _load_classes(file: FileBytes) -> NDArray[np.integer]:
    values = read_grey(file, "class map")
    beyond = values[(values > len(_NAMES)) & (values != _BORDER)]
    if beyond.size:
        raise BadItem(f"class map {file.path.name} holds {beyond[0]}; classes go from 0 to {len(_NAMES)}, 255 is none")
    return values


def _masks(objects: FileBytes, classes: FileBytes) -> tuple[list[tuple[Category, MapObject]], tuple[int, int]]:
    """The objects of a map, each with the class that most of its pixels have, and the map's height and width.

    Raises:
        BadItem: a map cannot be read, the two differ in size, or an object has no class.
    """
    numbers, labels = read_grey(objects, "object map"), _load_classes(classes)
    if numbers.shape != labels.shape:
        raise BadItem(f"object map {objects.path.name} and the class map are not of one size")
    found = []
    for number, one in objects_in(numbers).items():
        if number in (0, _BORDER):
            continue
        counts = np.bincount(labels[numbers == number], minlength=_BORDER + 1)
        label = int(counts.argmax())
        if label not in _CATEGORIES:
            raise BadItem(f"object {number} of {objects.path.name} has no class in the class map")
        found.append((_CATEGORIES[label], one))
    return found, (numbers.shape[0], numbers.shape[1])


def _joined(boxed: list[Instance], masks: list[tuple[Category, MapObject]]) -> list[Instance]:
    """Objects with their masks, in the annotation's order; then masks that belong to none of them."""
    costs = np.array([[_cost(one, *mask) for mask in masks] for one in boxed], float).reshape(len(boxed), len(masks))
    partner = dict(assign_within(costs, 1 - _MATCH))
    found = [
        Instance(one.category, one.box_xyxy, masks[partner[row]][1].segmentation if row in partner else None, one.crowd)
        for row, one in enumerate(boxed)
    ]
    taken = set(partner.values())
    rest = [mask for column, mask in enumerate(masks) if column not in taken]
    return found + [Instance(category, one.box_xyxy, one.segmentation) for category, one in rest]


def _cost(one: Instance, category: Category, other: MapObject) -> float:
    """1 - IoU of the boxes; 2 for objects of different classes."""
    if one.category != category or one.box_xyxy is None:
        return 2.0
    first, second = one.box_xyxy, other.box_xyxy
    across = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    down = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return 1 - across * down / (areas - across * down)
