"""DOTA: aerial pictures whose objects have four corners, at any angle.

v1.0 has 15 classes on 2,806 pictures, v1.5 the same pictures with smaller objects and container cranes, v2.0 18
classes on 11,268 pictures. A file a picture: up to two lines `imagesource:GoogleEarth` and `gsd:0.146`, then a line an
object: x and y of four corners, clockwise, the class, and 1 when it is difficult. The test split has no labels.

Pictures reach 20,000 x 20,000 pixels; those over taskpaint's limit become rejects. DOTA's own tool cuts them into
pieces named P0000__1__0___0, which are read as well and stay in one split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.coco_values import are_finite, is_text
from ..sample import Category, Feature, FileBytes, Instance, LabelSet, Sample
from ..source import Entry, Reject, Source
from ._people import clipped, photograph_with_size

_NAMES: Final = (
    "plane", "baseball-diamond", "bridge", "ground-track-field", "small-vehicle", "large-vehicle", "ship",
    "tennis-court", "basketball-court", "storage-tank", "soccer-ball-field", "roundabout", "harbor",
    "swimming-pool", "helicopter", "container-crane", "airport", "helipad",
)  # fmt: skip
"""In the order of DOTA's papers: 15 of v1.0, one more in v1.5, two more in v2.0."""
_CLASSES_OF: Final = {"v1.0": 15, "v1.5": 16, "v2.0": 18}
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_CORNERS: Final = 8
_HEADERS: Final = ("imagesource:", "gsd:", "acquisition dates:")
_MOST_BYTES: Final = 1 << 24


class DotaOptions(Block):
    """Options of the DOTA source."""

    labels: Literal["auto", "v1.0", "v1.5", "v2.0"] = Field(
        "auto", description="which labels; auto: the newest that is there, else the folder labelTxt"
    )
    difficult: Literal["object", "crowd", "skip"] = Field(
        "object",
        description="what objects marked as difficult count as; crowd: boxes of their class are not asked for; "
        "skip: they are left out, so that some objects go unmarked",
    )


class Dota(Source):
    """DOTA from its official folders, or anything in its form; classes that it does not know are added."""

    name = "dota"
    title = "DOTA v1.0, v1.5, v2.0 (objects in aerial pictures, four corners each)"
    homepage = "https://captain-whu.github.io/DOTA/"
    license = "academic use only; pictures under Google Earth's and others' terms"
    splits = ("train", "val")
    features = Feature.INSTANCES | Feature.BOXES | Feature.LABELS
    tree = """  dota/
    train/images/P0000.png …              (and val/)
    train/labelTxt/P0000.txt …            (or labelTxt-v1.0/, labelTxt-v1.5/, labelTxt-v2.0/, also with the
                                           archive's folder in it: labelTxt-v1.5/DOTA-v1.5_train/)"""
    options_type = DotaOptions

    def inputs(self) -> list[Path]:
        images = self.require(f"{self.split}/images", folder=True)
        folder = self._labels()[0]
        files = sorted(file for file in folder.iterdir() if file.suffix == ".txt")
        if not files:
            raise SourceLayoutError(f"source {self.name}: {folder} holds no .txt file; expected is\n{self.tree}")
        return [images, folder, *files]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        images, folder, *files = self.inputs()
        pictures = {file.stem: file.name for file in sorted(images.iterdir()) if file.suffix.lower() in _PICTURES}
        read: dict[str, list[list[Any]]] = {}
        for file in files:
            try:
                read[file.stem] = _read_objects(file)
            except BadItem as fault:
                reject(file.stem, f"{folder.name}/{file.name}: {fault}")
                pictures.pop(file.stem, None)
        self.header["names"] = self._vocabulary(read)
        for stem in sorted(pictures.keys() - read.keys()):
            reject(stem, f"labels {folder.name}/{stem}.txt are missing")
        for stem, objects in read.items():
            if stem not in pictures:
                reject(stem, f"picture {self.split}/images/{stem}.png is missing")
                continue
            record = {"file": pictures[stem], "objects": objects}
            features = Feature.LABELS | (Feature.INSTANCES | Feature.BOXES if objects else Feature(0))
            yield Entry(stem, f"dota/{stem.partition('__')[0]}", features, record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        names: list[str] = self.header["names"]
        numbers = {name: number for number, name in enumerate(names, start=1)}
        picture, size_wh = photograph_with_size(self.file(f"{self.split}/images/{record['file']}"))
        found = []
        for name, difficult, *corners in record["objects"]:
            if difficult and self._options().difficult == "skip":
                continue
            points = np.array(corners, float).reshape(4, 2)
            box = clipped([*points.min(axis=0), *points.max(axis=0)], size_wh)
            if box is None:  # wholly outside, as a few are where the picture was cut
                continue
            crowd = bool(difficult) and self._options().difficult == "crowd"
            category = Category(numbers[name], _tidy(name))
            found.append(Instance(category, box, [[float(number) for number in corners]], crowd))
        present = tuple(dict.fromkeys(_tidy(name) for name, *_ in record["objects"]))
        labels = LabelSet("object", present, tuple(_tidy(name) for name in names))
        return Sample(entry_id, picture, *size_wh, instances=tuple(found), labels=(labels,))

    def _options(self) -> DotaOptions:
        assert isinstance(self.options, DotaOptions)
        return self.options

    def _labels(self) -> tuple[Path, str]:
        """The folder of labels, and its version; "" when only the files can tell."""
        wanted = self._options().labels
        versions = ["v2.0", "v1.5", "v1.0"] if wanted == "auto" else [wanted]
        tried = []
        for version in versions:
            top = f"{self.split}/labelTxt-{version}"
            for name in (f"{top}/DOTA-{version}_{self.split}", f"{top}/labelTxt", top):
                tried.append(name)
                if (self.path / name).is_dir() and any((self.path / name).glob("*.txt")):
                    return self.path / name, version
        plain = f"{self.split}/labelTxt"
        return self.require(plain, *(tried[-1:] if wanted != "auto" else ()), folder=True), wanted.replace("auto", "")

    def _vocabulary(self, read: Mapping[str, list[list[Any]]]) -> list[str]:
        """DOTA's classes as far as the version, or what the files hold, reaches; then others, in alphabetic order."""
        seen = {name for objects in read.values() for name, *_ in objects}
        if seen and not seen & set(_NAMES):
            return sorted(seen)
        version = self._labels()[1]
        reached = max((_NAMES.index(name) + 1 for name in seen if name in _NAMES), default=0)
        count = max(_CLASSES_OF[version or "v1.0"], reached)
        count = next(whole for whole in _CLASSES_OF.values() if whole >= count)
        return [*_NAMES[:count], *sorted(seen - set(_NAMES))]


def _tidy(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")


def _read_objects(file: Path) -> list[list[Any]]:
    """[class, difficult, x, y, …] of every object; corners in pixel edges.

    Raises:
        BadItem: a line does not hold; with one object left out, no question about "all" would be right.
    """
    data = FileBytes(file).read()
    if len(data) > _MOST_BYTES:
        raise BadItem(f"the file has {len(data)} bytes, more than {_MOST_BYTES}")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as fault:
        raise BadItem(f"the file is no text ({fault.reason})") from fault
    found: list[list[Any]] = []
    for number, line in enumerate(lines, start=1):
        header = number <= len(_HEADERS) and line.strip(" '").lower().startswith(_HEADERS)
        if line.strip() and not header:
            try:
                found.append(_read_line(line))
            except BadItem as fault:
                raise BadItem(f"line {number}: {fault}") from fault
    return found


def _read_line(line: str) -> list[Any]:
    words = line.split()
    if len(words) not in (_CORNERS + 1, _CORNERS + 2) or not is_text(words[_CORNERS]):
        raise BadItem(f"{len(words)} columns; eight numbers, a class, and 0 or 1 are expected")
    try:
        corners = [float(word) for word in words[:_CORNERS]]
    except ValueError as fault:
        raise BadItem(f"something is no number: {fault!s:.80}") from fault
    if not are_finite(corners) or max(map(abs, corners)) > _MOST_BYTES:
        raise BadItem("a corner is no finite number of pixels")
    if words[-1] not in ("0", "1", "2") and len(words) > _CORNERS + 1:
        raise BadItem(f"difficult is {words[-1][:20]!r}; it must be 0 or 1")
    return [words[_CORNERS], int(len(words) > _CORNERS + 1 and words[-1] != "0"), *corners]
