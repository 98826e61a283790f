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
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.recipe import Block
from ..number_maps import counts_in, packed_with
from ..reading.coco_values import is_id, is_text
from ..sample import Category, Feature, FileBytes, Instance, LabelMap, LabelSet, Sample, Segment, SegmentMap
from ..source import Entry, Reject, Source
from ._map_objects import objects_in, read_colour

_FOLDER = "ADE20K_2021_17_01"
_MOST_CLASSES = 26 * 256
"""Red goes up to 255, so classes end below 26 * 256."""
_MOST_JSON_BYTES = 1 << 26
_TENTHS = (np.arange(256) // 10).astype(np.uint8)


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
        objects, parts = (FileBytes(self.file(f"{place}_{kind}.png")) for kind in ("seg", "parts_1"))
        values = _load_numbers(objects)
        scenes = tuple(record["scene"])
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"{place}.jpg")),
            width=values.shape[1],
            height=values.shape[0],
            instances=tuple(
                Instance(Category(number // 256, names[number // 256]), found.box_xyxy, found.segmentation)
                for number, found in objects_in(values).items()
                if number // 256 in names
            ),
            label_map=LabelMap(names, partial(np.floor_divide, values, 256)),
            parts=_UnreadParts(parts, record["parts"]) if record["parts"] else None,
            labels=(LabelSet("scene", scenes, tuple(self.header["scenes"])),) if scenes else (),
        )

    def _images(self) -> Path:
        return self.require(f"images/ADE/{self.split}", folder=True)


class _UnreadParts(SegmentMap):
    """The parts of objects, from a map that is read once a task asks for them; which there are, only the map knows."""

    __slots__ = ("_file", "_found", "_names")
    _file: FileBytes
    _found: SegmentMap | None
    _names: Mapping[str, str]

    def __init__(self, file: FileBytes, names: Mapping[str, str]) -> None:
        for name, value in (("_file", file), ("_names", names), ("_found", None)):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return _UnreadParts, (self._file, self._names)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every part that the map shows.

        Raises:
            BadItem: the map cannot be read.
        """
        return self._read().segments

    @property
    def load(self) -> Callable[[], NDArray[np.int32]]:
        """Gives the map; raises as `segments` does."""
        return self._read().load

    def _read(self) -> SegmentMap:
        found = self._found
        if found is None:
            names = {int(number): name for number, name in self._names.items()}
            values = _load_numbers(self._file)
            segments = (
                Segment(number, Category(number // 256, names[number // 256]))
                for number in counts_in(values)
                if number // 256 in names
            )
            found = SegmentMap(tuple(segments), partial(np.asarray, values))
            object.__setattr__(self, "_found", found)
        return found


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


def _load_numbers(file: FileBytes) -> NDArray[np.int32]:
    """(H, W) int32: 256 times the class, plus what tells objects of a class apart."""
    return packed_with(read_colour(file, "object map"), _TENTHS)
