"""Oxford-IIIT Pet: cats and dogs of 37 breeds, with a trimap each and head boxes for half of them.

3,680 photographs in trainval and 3,669 in test. A trimap holds 1 for the pet, 2 for the background and 3 for
the border between them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import BadItem
from ...manifests.images import read_map
from ...manifests.recipe import Block
from ..reading.annotation_xml import parse_xml, text_of
from ..reading.whole_files import text_lines
from ..sample import Category, Feature, FileBytes, Instance, LabelMap, LabelSet, Sample
from ..source import Entry, Reject, Source

_SPECIES = {1: "cat", 2: "dog"}
_PET, _BACKGROUND, _BORDER = 1, 2, 3
_HEAD_ID_OFFSET = 2
"""Heads are classes of their own, 3 and 4, beside the species 1 and 2."""


class OxfordPetsOptions(Block):
    """Options of the Oxford-IIIT Pet source."""

    border: Literal["pet", "background", "ignore"] = Field(
        "pet", description="what the trimap's border counts as, a few pixels wide; ignore: neither"
    )


class OxfordPets(Source):
    """Oxford-IIIT Pet from its official folders."""

    name = "oxford_pets"
    title = "Oxford-IIIT Pet (trimaps, head boxes, breeds)"
    homepage = "https://www.robots.ox.ac.uk/~vgg/data/pets/"
    license = "CC BY-SA 4.0"
    splits = ("trainval", "test")
    features = Feature.SEMANTIC | Feature.LABELS | Feature.BOXES
    tree = """  oxford_pets/
    images/Abyssinian_1.jpg …
    annotations/trainval.txt                 (and test.txt)
    annotations/list.txt                     (optional: all breeds)
    annotations/trimaps/Abyssinian_1.png …
    annotations/xmls/Abyssinian_1.xml …      (optional: head boxes)"""
    options_type = OxfordPetsOptions

    def inputs(self) -> list[Path]:
        found = [
            self.require(f"annotations/{self.split}.txt"),
            self.require("images", folder=True),
            self.require("annotations/trimaps", folder=True),
        ]
        breeds, boxes = self.path / "annotations/list.txt", self.path / "annotations/xmls"
        return [*found, *([breeds] if breeds.is_file() else []), *sorted(boxes.glob("*.xml"))]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        split, images, trimaps, *others = self.inputs()
        everything = others[0] if others and others[0].name == "list.txt" else split
        breeds = {line.breed for line in _read_list(everything, None) + _read_list(split, None)}
        self.header["breeds"] = sorted(breeds, key=str.casefold)
        photographs, maps = ({file.name for file in folder.iterdir()} for folder in (images, trimaps))
        seen: set[str] = set()
        for line in _read_list(split, reject):
            if f"{line.stem}.jpg" not in photographs:
                reject(line.stem, f"photograph images/{line.stem}.jpg is missing")
            elif line.stem in seen:
                reject(line.stem, f"{split.name} lists it twice")
            else:
                seen.add(line.stem)
                yield self._entry(line, f"{line.stem}.png" in maps, reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        species = _SPECIES[record["species"]]
        head = Category(record["species"] + _HEAD_ID_OFFSET, f"{species} head")
        width, height = record.get("size", (0, 0))
        trimap = FileBytes(self.file(f"annotations/trimaps/{entry_id}.png"))
        assert isinstance(self.options, OxfordPetsOptions)
        load = partial(_load_trimap, trimap, self.options.border)
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"images/{entry_id}.jpg")),
            width=width,
            height=height,
            instances=tuple(Instance(head, (box[0], box[1], box[2], box[3])) for box in record["heads"]),
            label_map=LabelMap({_PET: species}, load) if record["trimap"] else None,
            labels=(
                LabelSet("species", (species,), tuple(_SPECIES.values())),
                LabelSet("breed", (record["breed"],), tuple(self.header["breeds"])),
            ),
            absent=tuple(name for name in _SPECIES.values() if name != species),
        )

    def _entry(self, line: _Line, has_trimap: bool, reject: Reject) -> Entry:
        if not has_trimap:
            reject(line.stem, f"trimap annotations/trimaps/{line.stem}.png is missing")
        heads, size = self._heads(line, reject)
        record: dict[str, Any] = {
            "breed": line.breed,
            "species": line.species,
            "trimap": has_trimap,
            "heads": heads,
            **({"size": size} if size else {}),
        }
        features = Feature.LABELS | (Feature.SEMANTIC if has_trimap else Feature(0))
        return Entry(
            id=line.stem,
            image_key=f"oxford_pets/{line.stem}",
            features=features | (Feature.BOXES if heads else Feature(0)),
            record=record,
        )

    def _heads(self, line: _Line, reject: Reject) -> tuple[list[list[int]], list[int]]:
        """Head boxes and the image's size, both empty when there are none or they cannot be used."""
        file = FileBytes(self.file(f"annotations/xmls/{line.stem}.xml"))
        if not file.path.is_file():
            return [], []
        try:
            return _read_heads(file.read(), _SPECIES[line.species])
        except BadItem as fault:
            reject(line.stem, f"head box annotations/xmls/{line.stem}.xml: {fault}")
            return [], []


class _Line(NamedTuple):
    """A line of trainval.txt, test.txt or list.txt."""

    stem: str
    species: int
    breed: str


def _read_list(file: Path, reject: Reject | None) -> list[_Line]:
    """The lines that hold; the others are told to `reject`.

    Raises:
        SourceLayoutError: the file is no text.
    """
    lines = text_lines(file)
    found = []
    for line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        breed, _, number = words[0].rpartition("_")
        known = len(words) >= 3 and words[2] in ("1", "2") and number.isdecimal() and breed
        if known and not set("/\\\0") & set(words[0]):
            found.append(_Line(words[0], int(words[2]), _breed_in_words(breed, int(words[2]))))
        elif reject is not None:
            reject(words[0], f"{file.name}: {line[:80]!r} is no image name, class, species 1 or 2, and breed")
    return found


def _breed_in_words(breed: str, species: int) -> str:
    """ "Maine_Coon" -> "Maine Coon cat"; a dog's breed stands by itself, as people say it: "pug"."""
    words = breed.replace("_", " ")
    return f"{words} cat" if _SPECIES[species] == "cat" else words


def _read_heads(data: bytes, species: str) -> tuple[list[list[int]], list[int]]:
    """Boxes [left, top, right, bottom] as edges from 0, and [width, height], of a PASCAL VOC annotation.

    Raises:
        BadItem: it is no such annotation, or a box lies outside the image or is of another species.
    """
    root = parse_xml(data)
    size = [_number(root, f"size/{side}") for side in ("width", "height")]
    if min(size) < 1:
        raise BadItem(f"size {size} is no image size")
    boxes = []
    for item in root.iter("object"):
        name = text_of(item, "name")
        if name != species:
            raise BadItem(f"it is the head of a {name!r}, the list says {species!r}")
        left, top, right, bottom = (_number(item, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax"))
        # PASCAL VOC counts pixels from 1 and includes the last one
        box = [left - 1, top - 1, right, bottom]
        if not (0 <= box[0] < box[2] <= size[0] and 0 <= box[1] < box[3] <= size[1]):
            raise BadItem(f"box {[left, top, right, bottom]} does not lie in the image of {size[0]}x{size[1]}")
        boxes.append(box)
    return boxes, size


def _number(element: ElementTree.Element, path: str) -> int:
    text = text_of(element, path)
    try:
        number = float(text)
        if number != int(number) or abs(number) > 1e6:
            raise ValueError
    except (ValueError, OverflowError) as fault:
        raise BadItem(f"{path} is {text!r}, no whole number of pixels") from fault
    return int(number)


def _load_trimap(file: FileBytes, border: str) -> NDArray[np.integer]:
    """(H, W) uint8: 1 pet, 2 background, 3 neither."""
    values = read_map(file.read())
    grey = values.ndim == 2 and values.dtype.kind in "iu"
    if not grey or values.min(initial=_PET) < _PET or values.max(initial=_PET) > _BORDER:
        raise BadItem(f"trimap {file.path.name} holds other values than 1, 2 and 3")
    meaning = {"pet": _PET, "background": _BACKGROUND, "ignore": _BORDER}[border]
    table = np.zeros(256, np.uint8)
    table[[_PET, _BACKGROUND, _BORDER]] = _PET, _BACKGROUND, meaning
    return np.asarray(cv2.LUT(values.astype(np.uint8, copy=False), table), np.uint8)
