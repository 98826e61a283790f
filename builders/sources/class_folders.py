"""Photographs in one folder a class, as ImageNet and many other classification datasets are kept."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from pydantic import Field

from ...manifests.errors import SourceLayoutError
from ...manifests.recipe import Block
from ..reading.pair_matching import IMAGE_SUFFIXES, files_below
from ..sample import Feature, FileBytes, LabelSet, Sample
from ..source import Entry, Reject, Source

_NAME_FILES = (
    "LOC_synset_mapping.txt",
    "synset_words.txt",
    "imagenet_class_index.json",
    "words.txt",
    "classes.json",
    "classes.csv",
)
_VAL_CLASSES = "LOC_val_solution.csv"
_IMAGENET = "ILSVRC/Data/CLS-LOC"
_SYNSET = re.compile(r"n\d{8}")
_IMAGENET_STEM = re.compile(r"n\d{8}_\d+|ILSVRC2012_val_\d{8}")
_WHOLE_FOLDER = "all"
_SUFFIXES = IMAGE_SUFFIXES | {".gif"}
_MOST_BYTES = 1 << 26


class ClassFoldersOptions(Block):
    """Options of the source for one folder a class."""

    names: str = Field(
        "",
        description="file with the classes' names, in the dataset's folder, or a full path: lines of folder and name, "
        ".csv with these two columns, or .json; empty: the usual one if it is there, else the folders' own names",
    )


class ClassFolders(Source):
    """One folder a class: ImageNet (1,281,167 training photographs of 1,000 classes), or any other such dataset.

    A class is called by the first of its synonyms; classes with the same first synonym count as one. Each photograph
    is of one class, and the others count as absent, as the dataset has it. Folders in a class's folder belong to it.
    ImageNet's validation photographs may also lie unsorted beside LOC_val_solution.csv.
    """

    name = "class_folders"
    title = "ImageNet, or photographs in one folder a class"
    homepage = "https://www.image-net.org"
    license = "that of the dataset; ImageNet: research and education only"
    splits = ("train", "val", "test", _WHOLE_FOLDER)
    features = Feature.LABELS
    tree = """  imagenet/
    train/n01440764/n01440764_10026.JPEG …              (or ILSVRC/Data/CLS-LOC/train/; split all: no such folder)
    LOC_synset_mapping.txt                              (or words.txt, or the option `names`)
    LOC_val_solution.csv                                (optional: when val/ has no class folders)
  or
    train/golden retriever/1.jpg …                      (folders named like their classes)"""
    options_type = ClassFoldersOptions

    def inputs(self) -> list[Path]:
        root = self._root()
        names, solution = self._names_file(), self.path / _VAL_CLASSES
        found = [root, *([names] if names else [])]
        return [*found, *([solution] if self.split == "val" and solution.is_file() else [])]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        root, images = self._root(), dict[str, str]()
        for path in files_below(root, [root], _SUFFIXES.__contains__):
            images[path] = path.partition("/")[0] if "/" in path else ""
        if "" in images.values():
            images = self._unsorted(images, reject)
        titles = self._titles(sorted(set(images.values())), reject)
        vocabulary = sorted(set(titles.values()), key=lambda title: (title.casefold(), title))
        self.header["classes"] = vocabulary
        numbers = {title: number for number, title in enumerate(vocabulary)}
        start = root.relative_to(self.path)
        for path, folder in images.items():
            if folder in titles:
                number = numbers[titles[folder]]
                record = {"image": (start / path).as_posix(), "class": number}
                item = str(PurePosixPath(path).with_suffix(""))
                yield Entry(item, self._image_key(item), Feature.LABELS, record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        classes = tuple(self.header["classes"])
        labels = LabelSet("class", (classes[record["class"]],), classes)
        return Sample(entry_id, FileBytes(self.file(record["image"])), labels=(labels,))

    def _root(self) -> Path:
        if self.split == _WHOLE_FOLDER:
            return self.require(".", folder=True)
        others = {"val": ("validation", "valid")}.get(self.split, ())
        return self.require(self.split, f"{_IMAGENET}/{self.split}", *others, folder=True)

    def _names_file(self) -> Path | None:
        assert isinstance(self.options, ClassFoldersOptions)
        if self.options.names:
            wanted = self.path / self.options.names  # a full path stays as it is
            if not wanted.is_file():
                raise SourceLayoutError(f"source {self.name}: {wanted} is missing; correct the option `names`")
            return wanted
        return next((file for name in _NAME_FILES if (file := self.path / name).is_file()), None)

    def _unsorted(self, images: Mapping[str, str], reject: Reject) -> dict[str, str]:
        """Class folders of images, with those outside any folder looked up in LOC_val_solution.csv."""
        file = self.path / _VAL_CLASSES
        known = _read_solution(file) if self.split == "val" and file.is_file() else {}
        found = {}
        for path, folder in images.items():
            if folder or (folder := known.get(PurePosixPath(path).stem, "")):
                found[path] = folder
            else:
                reject(path, f"the image lies in no class folder, and no {_VAL_CLASSES} tells its class")
        return found

    def _titles(self, folders: list[str], reject: Reject) -> dict[str, str]:
        """What the classes of some folders are called; folders without a name are rejected."""
        file = self._names_file()
        if file is None:
            if folders and all(_SYNSET.fullmatch(folder) for folder in folders):
                raise SourceLayoutError(
                    f"source {self.name}: the folders are WordNet numbers such as {folders[0]}; put "
                    f"LOC_synset_mapping.txt or words.txt in {self.path}, or give the option `names`"
                )
            return {folder: folder for folder in folders}
        names = _read_names(file)
        for folder in folders:
            if folder not in names:
                reject(folder, f"{file.name} has no name for this class folder")
        return {folder: names[folder] for folder in folders if folder in names}

    def _image_key(self, item: str) -> str:
        stem = item.rpartition("/")[2]
        return f"imagenet/{stem}" if _IMAGENET_STEM.fullmatch(stem) else f"{self.name}/{self.split}/{item}"


def _read_names(file: Path) -> dict[str, str]:
    """Names by folder: the first of the synonyms, which commas part.

    Raises:
        SourceLayoutError: the file is broken, or holds no names.
    """
    if file.stat().st_size > _MOST_BYTES:
        raise SourceLayoutError(f"{file} is too large for a list of class names; correct the option `names`")
    data = file.read_bytes()
    try:
        pairs = dict(_json_pairs(data) if file.suffix.lower() == ".json" else _text_pairs(file, data))
    except (ValueError, TypeError, csv.Error) as fault:
        raise SourceLayoutError(f"{file} is no list of class names ({fault})") from fault
    found = {folder: name.split(",")[0].strip() for folder, name in pairs.items()}
    found = {folder: name for folder, name in found.items() if folder and name}
    if not found:
        raise SourceLayoutError(f"{file} holds no class names; lines of folder and name are needed")
    return found


def _json_pairs(data: bytes) -> Iterator[tuple[str, str]]:
    """Of {"folder": "name"}, {"folder": ["name", …]} or Keras's {"0": ["folder", "name"]}."""
    content = orjson.loads(data)
    if not isinstance(content, dict):
        raise TypeError("it holds no object with a name for each folder")
    for folder, value in content.items():
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            raise TypeError(f"what stands at {folder!r} is no name")
        keras = folder.isdecimal() and len(words) == 2
        yield (words[0], words[1]) if keras else (folder, words[0])


def _text_pairs(file: Path, data: bytes) -> Iterator[tuple[str, str]]:
    """Of lines with a folder, a tab or blanks, and a name; or of a CSV's first two columns."""
    text = data.decode("utf-8-sig")
    if file.suffix.lower() == ".csv":
        yield from ((row[0].strip(), row[1]) for row in csv.reader(text.splitlines()) if len(row) > 1)
        return
    for line in text.splitlines():
        folder, _, name = line.partition("\t") if "\t" in line else line.strip().partition(" ")
        yield folder.strip(), name.strip()


def _read_solution(file: Path) -> dict[str, str]:
    """Classes by image name; each row holds a name, and a class with boxes after it.

    Raises:
        SourceLayoutError: the file is no such list.
    """
    try:
        rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (ValueError, csv.Error) as fault:
        raise SourceLayoutError(f"{file} is no CSV file ({fault}); download it again") from fault
    return {row[0]: row[1].split()[0] for row in rows if len(row) > 1 and row[1].split()}
