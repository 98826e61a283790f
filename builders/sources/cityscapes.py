"""Cityscapes: street scenes of German cities with 30 classes a pixel and every road user by itself.

2,975 training and 500 validation photographs with fine annotations (gtFine); the maps of the test split are empty, so
it is left out. In labelIds a pixel is the class's raw number, 0 to 33. In instanceIds a road user is 1000 times its
class plus a number; a class of road users without one is a group that is not told apart. The void classes (ego
vehicle, rectification border, out of roi, static, dynamic, ground) count as unlabelled.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import BadItem
from ...manifests.images import map_size
from ...manifests.recipe import Block
from ..kept import Kept, Late
from ..sample import Category, Feature, FileBytes, Instance, LabelMap, Sample, Segment, SegmentMap
from ..source import Entry, Reject, Source
from ._map_objects import MapObject, objects_in, read_grey

# Numbers and names of cityscapesscripts/helpers/labels.py; 0 to 6 are void.
_STUFF = {
    7: "road", 8: "sidewalk", 9: "parking", 10: "rail track", 11: "building", 12: "wall", 13: "fence",
    14: "guard rail", 15: "bridge", 16: "tunnel", 17: "pole", 18: "polegroup", 19: "traffic light",
    20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky",
}  # fmt: skip
_THINGS = {
    24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 29: "caravan", 30: "trailer", 31: "train",
    32: "motorcycle", 33: "bicycle",
}  # fmt: skip
_NAMES = {**_STUFF, **_THINGS}
_MOST = 1000
"""Road users of a class in one photograph; factor between classes."""
_PHOTOGRAPH, _LABELS, _INSTANCES = "_leftImg8bit.png", "_gtFine_labelIds.png", "_gtFine_instanceIds.png"


class CityscapesOptions(Block):
    """Options of the Cityscapes source."""

    masks: bool = Field(
        False,
        description="give every road user its mask, for segmentation with `unit: instance`; "
        "segmentation then asks for road users only, not for road, sky or trees",
    )


class Cityscapes(Source):
    """Cityscapes with fine annotations, from its official folders."""

    name = "cityscapes"
    title = "Cityscapes (fine annotations: 30 classes a pixel, road users one by one)"
    homepage = "https://www.cityscapes-dataset.com"
    license = "Cityscapes terms: non-commercial research and teaching"
    splits = ("train", "val")
    features = Feature.SEMANTIC | Feature.SEGMENTS | Feature.BOXES | Feature.INSTANCES
    tree = """  cityscapes/
    leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png …
    gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png …
    gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png …     (optional)"""
    options_type = CityscapesOptions

    def inputs(self) -> list[Path]:
        return [
            self.require(f"leftImg8bit/{self.split}", folder=True),
            self.require(f"gtFine/{self.split}", folder=True),
        ]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        images, maps = self.inputs()
        photographs, labels = _frames(images, _PHOTOGRAPH), _frames(maps, _LABELS)
        instances = _frames(maps, _INSTANCES)
        for frame in sorted(photographs | labels):
            if frame not in labels:
                reject(frame, f"label map gtFine/{self.split}/{frame}{_LABELS} is missing")
            elif frame not in photographs:
                reject(frame, f"photograph leftImg8bit/{self.split}/{frame}{_PHOTOGRAPH} is missing")
            else:
                features = Feature.SEMANTIC
                if frame in instances:
                    features |= Feature.SEGMENTS | Feature.BOXES
                    features |= Feature.INSTANCES if self._masks() else Feature(0)
                stem = Path(frame).name
                yield Entry(stem, f"cityscapes/{stem}", features, {"frame": frame, "instances": frame in instances})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        label_map = FileBytes(self.file(f"gtFine/{self.split}/{record['frame']}{_LABELS}"))
        image = FileBytes(self.file(f"leftImg8bit/{self.split}/{record['frame']}{_PHOTOGRAPH}"))
        labels = LabelMap(_NAMES, partial(_load_labels, label_map))
        if not record["instances"]:
            return Sample(entry_id, image, label_map=labels)
        file = FileBytes(self.file(f"gtFine/{self.split}/{record['frame']}{_INSTANCES}"))
        data = file.read()
        width, height = map_size(data)
        values = Kept(partial(_load_instances, FileBytes(file.path, data)))
        objects = Kept(partial(_objects, values, self._masks()))
        return Sample(
            id=entry_id,
            image=image,
            width=width,
            height=height,
            instances=Late(partial(_instances, objects)),
            unmasked=not self._masks(),
            label_map=labels,
            segments=SegmentMap(Late(partial(_segments, objects)), values),
        )

    def _masks(self) -> bool:
        assert isinstance(self.options, CityscapesOptions)
        return self.options.masks


def _objects(values: Kept[NDArray[np.integer]], masks: bool) -> dict[int, MapObject]:
    """What the instance map holds, void left out.

    Raises:
        BadItem: the map cannot be read.
    """
    return {number: one for number, one in objects_in(values(), masks=masks).items() if _class_of(number) in _NAMES}


def _class_of(number: int) -> int:
    return number // _MOST if number >= _MOST else number


def _segments(objects: Kept[dict[int, MapObject]]) -> tuple[Segment, ...]:
    found = []
    for number in objects():
        label = _class_of(number)
        thing = label in _THINGS
        found.append(Segment(number, Category(label, _NAMES[label]), thing, thing and number < _MOST))
    return tuple(found)


def _instances(objects: Kept[dict[int, MapObject]]) -> tuple[Instance, ...]:
    """The road users."""
    return tuple(
        Instance(Category(label, _NAMES[label]), one.box_xyxy, one.segmentation, number < _MOST)
        for number, one in objects().items()
        if (label := _class_of(number)) in _THINGS
    )


def _frames(folder: Path, ending: str) -> set[str]:
    """ "aachen/aachen_000000_000019" for every file with that ending, one folder a city."""
    found = set()
    for base, folders, files in os.walk(folder):
        folders.sort()
        city = Path(base).relative_to(folder).as_posix()
        found |= {f"{city}/{name.removesuffix(ending)}" for name in files if name.endswith(ending)}
    return found


def _load_labels(file: FileBytes) -> NDArray[np.integer]:
    values = read_grey(file, "label map")
    most = max(_NAMES)
    if values.dtype != np.uint8 or values.max(initial=0) > most:
        raise BadItem(f"label map {file.path.name} holds {values.max()}; raw label numbers go from 0 to {most}")
    return values


def _load_instances(file: FileBytes) -> NDArray[np.integer]:
    values = read_grey(file, "instance map")
    if values.max(initial=0) >= (max(_NAMES) + 1) * _MOST:
        raise BadItem(f"instance map {file.path.name} holds {values.max()}, which stands for no class")
    return values
