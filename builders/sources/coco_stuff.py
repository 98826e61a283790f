"""COCO-Stuff: a class for every pixel of COCO 2017, 80 classes of things and 91 of stuff.

About 118,000 training and 5,000 validation photographs. A pixel is the class's number in labels.txt less one; 255 is
unlabelled. labels.txt also lists 11 classes of things that were never annotated (hat, shoe, mirror …): they are left
out, as a photograph in which no hat is marked may still show one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem, SourceLayoutError
from ..sample import Feature, FileBytes, LabelMap, Sample
from ..source import Entry, Reject, Source
from ._map_objects import read_grey

_CLASSES = 182
_UNLABELLED = 255
_NEVER_ANNOTATED = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91})
"""Numbers in labels.txt; the official README names them under "Label Names & Indices"."""


class CocoStuff(Source):
    """COCO-Stuff from its maps of stuff and things."""

    name = "coco_stuff"
    title = "COCO-Stuff (80 things and 91 kinds of stuff, a class a pixel)"
    homepage = "https://github.com/nightrome/cocostuff"
    license = "annotations CC BY 4.0; photographs under their Flickr licences"
    splits = ("train2017", "val2017")
    features = Feature.SEMANTIC
    tree = """  coco_stuff/
    labels.txt                                                   (from github.com/nightrome/cocostuff)
    stuffthingmaps_trainval2017/train2017/000000000009.png …     (or annotations/train2017/)
    train2017/000000000009.jpg …                                 (or images/train2017/)"""

    def inputs(self) -> list[Path]:
        return [self.require("labels.txt", "annotations/labels.txt"), self._folder(), self._photographs()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        names, maps, images = self.inputs()
        self.header["names"] = {str(value): name for value, name in _read_names(names).items()}
        label_maps, photographs = _stems(maps, ".png"), _stems(images, ".jpg")
        for stem in sorted(label_maps | photographs):
            if stem not in label_maps:
                reject(stem, f"label map {stem}.png is missing in {maps.relative_to(self.path)}")
            elif stem not in photographs:
                reject(stem, f"photograph {stem}.jpg is missing in {images.relative_to(self.path)}")
            elif not (stem.isascii() and stem.isdecimal()):
                reject(stem, "the file is not named by the number of a COCO image")
            else:
                yield Entry(stem, f"coco/{int(stem):012d}", Feature.SEMANTIC, {"stem": stem})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        photograph = self._photographs() / f"{record['stem']}.jpg"
        label_map = self._folder() / f"{record['stem']}.png"
        return Sample(
            id=entry_id,
            image=FileBytes(photograph),
            label_map=LabelMap(
                names={int(value): name for value, name in self.header["names"].items()},
                load=partial(_load_map, FileBytes(label_map)),
            ),
        )

    def _folder(self) -> Path:
        return self.require(f"stuffthingmaps_trainval2017/{self.split}", f"annotations/{self.split}", folder=True)

    def _photographs(self) -> Path:
        return self.require(self.split, f"images/{self.split}", folder=True)


def _stems(folder: Path, suffix: str) -> set[str]:
    return {file.stem for file in folder.iterdir() if file.suffix.lower() == suffix}


def _read_names(file: Path) -> dict[int, str]:
    """Class names by pixel value; lines are "number: name", from "0: unlabeled" to 182.

    Raises:
        SourceLayoutError: a line is not; or the classes are not 1 to 182.
    """
    names: dict[int, str] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        number, _, name = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not (number.isascii() and number.isdecimal()) or not name:
            raise SourceLayoutError(f"{file}: {line[:80]!r} is no class number and name with a colon between")
        names[int(number)] = name
    names.pop(0, None)
    if sorted(names) != list(range(1, _CLASSES + 1)):
        raise SourceLayoutError(f"{file} lists {len(names)} classes; expected are those from 1 to {_CLASSES}")
    return {number - 1: name for number, name in names.items() if number not in _NEVER_ANNOTATED}


def _load_map(file: FileBytes) -> NDArray[np.integer]:
    values = read_grey(file, "label map")
    beyond = values[(values >= _CLASSES) & (values != _UNLABELLED)]
    if beyond.size or values.min(initial=0) < 0:
        wrong = beyond[0] if beyond.size else values.min()
        raise BadItem(f"label map {file.path.name} holds {wrong}; classes go from 0 to {_CLASSES - 1}, 255 is none")
    return values
