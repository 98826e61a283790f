"""ADE20K in full, version 2021: all objects of over 3,600 classes, their parts, and the scene.

25,574 training and 2,000 validation photographs of 365 scenes, sorted into folders by scene. Beside each photograph
lie a json with the objects' names, `_seg.png` with the objects, and `_parts_1.png` with their parts: a pixel's class
is red // 10 * 256 + green, its blue tells objects of a class apart. Masks are what is seen of an object; the polygons
of the json and the masks in the photograph's own folder also cover what other objects hide, and are not read, nor are
parts of parts. The vocabulary is open, so no class is known to be absent. Some json are in Latin-1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.images import map_size
from ...manifests.recipe import Block
from ..kept import Kept, Late
from ..number_maps import Runs, packed_runs
from ..reading.coco_values import is_id, is_text
from ..sample import Category, Feature, FileBytes, Instance, LabelMap, LabelSet, Sample, Segment, SegmentMap
from ..source import Entry, Reject, Source
from ._map_objects import objects_of, read_colour

_FOLDER = "ADE20K_2021_17_01"
_MOST_CLASSES = 26 * 256
"""Red goes up to 255, so classes end below 26 * 256."""
_MOST_JSON_BYTES = 1 << 26


class Ade20kFull(Source):
    """ADE20K from `ADE20K_2021_17_01`, or from the folder that holds it."""

    name = "ade20k_full"
    title = "ADE20K in full, 2021 (objects of over 3,600 classes, parts, scenes)"
    homepage = "https://groups.csail.mit.edu/vision/datasets/ADE20K/"
    license = "ADE20K terms: research and education only"
    splits = ("training", "validation")
    features = Feature.SEMANTIC | Feature.INSTANCES | Feature.PARTS | Feature.LABELS
    tree = """  ADE20K_2021_17_01/
    images/ADE/training/urban/street/ADE_train_00016869.jpg …
    images/ADE/training/urban/street/ADE_train_00016869.json …
    images/ADE/training/urban/street/ADE_train_00016869_seg.png …
    images/ADE/training/urban/street/ADE_train_00016869_parts_1.png …     (where there are parts)"""

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        super().__init__(path / _FOLDER if (path / _FOLDER).is_dir() else path, split, options)

    def inputs(self) -> list[Path]:
        folder = self._images()
        return [folder / f"{stem}.json" for stem in _stems(folder, ".json")] or [folder]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        folder = self._images()
        annotations, photographs = _stems(folder, ".json"), set(_stems(folder, ".jpg"))
        for stem in sorted(photographs - set(annotations)):
            reject(stem, f"annotation {stem}.json is missing")
        scenes: dict[str, None] = {}
        for stem in annotations:
            if stem not in photographs:
                reject(stem, f"photograph {stem}.jpg is missing")
                continue
            try:
                record = _read_annotation(FileBytes(folder / f"{stem}.json"))
            except BadItem as fault:
                reject(stem, f"annotation {stem}.json: {fault}")
                continue
            scenes |= dict.fromkeys(record["scene"])
            yield _entry(stem, record)
        self.header["scenes"] = sorted(scenes)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        place = f"{self._images().relative_to(self.path).as_posix()}/{record['stem']}"
        names = {int(number): name for number, name in record["names"].items()}
        file = FileBytes(self.file(f"{place}_seg.png"))
        data = file.read()
        width, height = map_size(data)
        numbers = Kept(partial(_read_numbers, FileBytes(file.path, data)))
        scenes = tuple(record["scene"])
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"{place}.jpg")),
            width=width,
            height=height,
            instances=Late(partial(_instances, numbers, names)),
            label_map=LabelMap(names, partial(_class_map, numbers)),
            parts=_parts(FileBytes(self.file(f"{place}_parts_1.png")), record["parts"]),
            labels=(LabelSet("scene", scenes, tuple(self.header["scenes"])),) if scenes else (),
        )

    def _images(self) -> Path:
        return self.require(f"images/ADE/{self.split}", folder=True)


def _entry(stem: str, record: dict[str, Any]) -> Entry:
    features = Feature.SEMANTIC | Feature.INSTANCES if record["names"] else Feature(0)
    features |= Feature.PARTS if record["parts"] else Feature(0)
    features |= Feature.LABELS if record["scene"] else Feature(0)
    name = Path(stem).name
    return Entry(
        id=name,
        image_key=f"ade20k_full/{name}",
        features=features,
        record={"stem": stem, **record},
    )


def _stems(folder: Path, suffix: str) -> list[str]:
    """ "urban/street/ADE_train_00016869" for every file with the suffix, sorted."""
    found = []
    for base, folders, files in os.walk(folder):
        photographs = {Path(name).stem for name in files}
        folders[:] = [name for name in folders if name not in photographs]  # hundreds of masks, a folder a photograph
        place = Path(base).relative_to(folder)
        found += [(place / Path(name).stem).as_posix() for name in files if name.endswith(suffix)]
    return sorted(found)


def _read_annotation(file: FileBytes) -> dict[str, Any]:
    """Class names of the objects and of their parts, by class number, and the scene.

    Raises:
        BadItem: no json, or not of this form.
    """
    data = file.read()
    if len(data) > _MOST_JSON_BYTES:
        raise BadItem(f"{len(data)} bytes are too many for an annotation")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise BadItem(f"it is no json ({fault})") from fault
    annotation = document.get("annotation") if isinstance(document, dict) else None
    objects = annotation.get("object") if isinstance(annotation, dict) else None
    if not isinstance(objects, list):
        raise BadItem("it holds no list annotation.object")
    names: dict[int, dict[str, str]] = {0: {}, 1: {}}
    for one in objects:
        number, name, level = _named(one)
        if level in names and names[level].setdefault(str(number), name) != name:
            raise BadItem(f"class {number} is called both {names[level][str(number)]!r} and {name!r}")
    return {"names": names[0], "parts": names[1], "scene": _scene(annotation)}


def _named(one: Any) -> tuple[int, str, int]:
    """An object's class number, the class's name, and its level: 0 an object, 1 a part, 2 a part's part.

    The level is -1 for what cannot be named: its pixels stay unlabelled.
    """
    found = one if isinstance(one, dict) else {}
    parts, number, name = found.get("parts"), found.get("name_ndx"), found.get("name")
    level = parts.get("part_level") if isinstance(parts, dict) else None
    if not is_id(number) or not 0 < number < _MOST_CLASSES or not is_id(level) or not is_text(name):
        return 0, "", -1
    return number, name, level


def _scene(annotation: Any) -> list[str]:
    """The narrowest word for the scene: ["outdoor", "urban", "street"] -> "street"."""
    words = annotation.get("scene")
    words = [words] if isinstance(words, str) else words
    return [words[-1]] if isinstance(words, list) and words and is_text(words[-1]) else []


def _read_numbers(file: FileBytes) -> Runs:
    """Runs of (H, W) int32: 256 times the class, plus what tells objects of a class apart.

    Raises:
        BadItem: the map cannot be read.
    """
    colors = packed_runs(read_colour(file, "object map"), order="BGR")
    tenths = (colors.numbers >> 16) // 10
    return colors.renumbered((tenths << 16) | (colors.numbers & 0xFFFF))


def _instances(numbers: Kept[Runs], names: Mapping[int, str]) -> tuple[Instance, ...]:
    return tuple(
        Instance(Category(number // 256, names[number // 256]), found.box_xyxy, found.segmentation)
        for number, found in objects_of(numbers()).items()
        if number // 256 in names
    )


def _class_map(numbers: Kept[Runs]) -> NDArray[np.integer]:
    """(H, W) uint16 classes."""
    runs = numbers()
    return runs.spread((runs.numbers >> 8).astype(np.uint16))


def _parts(file: FileBytes, stored: Mapping[str, str]) -> SegmentMap | None:
    """The parts of objects; which there are, only the map itself knows, and it is read when that is asked."""
    if not stored:
        return None
    numbers = Kept(partial(_read_numbers, file))
    names = {int(number): name for number, name in stored.items()}
    return SegmentMap(Late(partial(_segments, numbers, names)), partial(_segment_map, numbers))


def _segments(numbers: Kept[Runs], names: Mapping[int, str]) -> tuple[Segment, ...]:
    return tuple(
        Segment(number, Category(number // 256, names[number // 256]))
        for number in numbers().counts()
        if number // 256 in names
    )


def _segment_map(numbers: Kept[Runs]) -> NDArray[np.integer]:
    """(H, W) int32 as `_read_numbers` has them."""
    runs = numbers()
    return runs.spread(runs.numbers)
