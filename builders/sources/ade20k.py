"""ADE20K in the form of the 2016 scene parsing challenge: a label map of 150 classes an image.

20,210 training and 2,000 validation images. Pixel 0 means "other", 1 to 150 the classes of objectInfo150.txt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.images import read_map
from ...manifests.recipe import Block
from ..sample import Feature, FileBytes, LabelMap, Sample
from ..source import Entry, Reject, Source

_FOLDER = "ADEChallengeData2016"
_CLASSES = 150


class Ade20k(Source):
    """ADE20K from `ADEChallengeData2016`, or from the folder that holds it."""

    name = "ade20k"
    title = "ADE20K (scene parsing challenge 2016, 150 classes)"
    homepage = "http://sceneparsing.csail.mit.edu"
    license = "ADE20K terms: research and education only; annotations BSD 3-Clause"
    splits = ("training", "validation")
    features = Feature.SEMANTIC
    tree = """  ADEChallengeData2016/
    objectInfo150.txt
    images/training/ADE_train_00000001.jpg …
    annotations/training/ADE_train_00000001.png …"""

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        super().__init__(path / _FOLDER if (path / _FOLDER).is_dir() else path, split, options)

    def inputs(self) -> list[Path]:
        return [
            self.require("objectInfo150.txt"),
            self.require(f"images/{self.split}", folder=True),
            self.require(f"annotations/{self.split}", folder=True),
        ]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        names, images, maps = self.inputs()
        self.header["names"] = {str(value): name for value, name in _read_names(names).items()}
        photographs, label_maps = _stems(images, ".jpg"), _stems(maps, ".png")
        for stem in sorted(photographs | label_maps):
            if stem not in label_maps:
                reject(stem, f"label map annotations/{self.split}/{stem}.png is missing")
            elif stem not in photographs:
                reject(stem, f"photograph images/{self.split}/{stem}.jpg is missing")
            else:
                yield Entry(stem, f"ade20k/{stem}", Feature.SEMANTIC, {"stem": stem})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        label_map = self.file(f"annotations/{self.split}/{record['stem']}.png")
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"images/{self.split}/{record['stem']}.jpg")),
            label_map=LabelMap(
                names={int(value): name for value, name in self.header["names"].items()},
                load=partial(_load_map, FileBytes(label_map)),
            ),
        )


def _stems(folder: Path, suffix: str) -> set[str]:
    return {file.stem for file in folder.iterdir() if file.suffix.lower() == suffix}


def _read_names(file: Path) -> dict[int, str]:
    """Class names by pixel value. Each line holds a number first and the name last, tabs between.

    Raises:
        SourceLayoutError: a line does not; or the classes are not 1 to 150.
    """
    names: dict[int, str] = {}
    text = file.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines()[1:]:
        columns = [column.strip() for column in line.split("\t") if column.strip()]
        if not columns:
            continue
        if len(columns) < 2 or not columns[0].isdecimal():
            raise SourceLayoutError(f"{file}: {line[:80]!r} is no class number and name with tabs between")
        names[int(columns[0])] = columns[-1]
    if sorted(names) != list(range(1, _CLASSES + 1)):
        raise SourceLayoutError(f"{file} lists {len(names)} classes; expected are those from 1 to {_CLASSES}")
    return names


def _load_map(file: FileBytes) -> NDArray[np.integer]:
    values = read_map(file.read())
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise BadItem(f"label map {file.path.name} is a colour image; one class number a pixel is needed")
    if values.min(initial=0) < 0 or values.max(initial=0) > _CLASSES:
        raise BadItem(f"label map {file.path.name} holds {values.max()}; classes go from 0 to {_CLASSES}")
    return values
