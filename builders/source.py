"""Source: the interface of a dataset reader, and the small helpers that readers share."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..manifests.errors import BadItem, SourceLayoutError
from ..manifests.recipe import Block
from .sample import Feature, Sample

Reject = Callable[[str, str], None]
"""Called with an item's id and the reason when an annotation is left out."""


class NoOptions(Block):
    """Options of a source or task that has none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index keeps of one image.

    Attributes:
        id: stable and unique in the split.
        image_key: names the photograph, the same in every dataset that reuses it: "coco/000000000139".
        features: what the sample carries.
        record: JSON-able; what `Source.sample` needs to make the Sample.
    """

    id: str
    image_key: str
    features: Feature
    record: Mapping[str, Any]


class Source(abc.ABC):
    """One dataset on disk, in its official layout, one split of it.

    A subclass stands in a module of `builders/sources` named like its `name`, or behind an entry point
    `taskpaint.sources`. `scan` runs once; its entries go to a memory-mapped index keyed by the content of
    `inputs`. Workers then call `sample` with one entry's record and never parse the annotation files.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    homepage: ClassVar[str]
    license: str
    splits: ClassVar[tuple[str, ...]]
    """Known splits, the default first."""
    features: ClassVar[Feature]
    """The most that a sample of it can carry."""
    tree: ClassVar[str]
    """The folder tree it expects, for people."""
    reader_version: ClassVar[int] = 1
    """Raise it when the entries change, so that old indexes are not used."""
    options_type: ClassVar[type[Block]] = NoOptions

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        self.path = path
        self.split = split or self.splits[0]
        self.options = options or self.options_type()
        self.header: dict[str, Any] = {}
        """What `scan` learnt of the dataset as a whole (vocabulary …); JSON-able, kept with the index."""
        self._required: dict[tuple[bool, tuple[str, ...]], Path] = {}

    @abc.abstractmethod
    def inputs(self) -> list[Path]:
        """Files and folders that decide the index: files by content, folders by their listing.

        Raises:
            SourceLayoutError: one of them is missing; says which, and shows the tree.
        """

    @abc.abstractmethod
    def scan(self, reject: Reject) -> Iterator[Entry]:
        """Read the annotation files once, in a fixed order, filling `header`."""

    @abc.abstractmethod
    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        """Make the Sample of one entry.

        Raises:
            BadItem: the record does not hold.
        """

    def is_there(self) -> bool:
        """Whether there is a folder to read from at all."""
        return self.path.is_dir()

    def held_out_as(self) -> str:
        """The output split that this split means when a recipe says `splits: {by: source}`."""
        for word in ("test", "val"):
            if word in self.split.lower() and "trainval" not in self.split.lower():
                return {"test": "test", "val": "validation"}[word]
        return "train"

    def require(self, *relative: str, folder: bool = False) -> Path:
        """The first of the given paths that exists below the dataset's folder.

        Looked for once: `sample` asks for every row, and on a network file system each look is a round trip.

        Raises:
            SourceLayoutError: none does; names the first and shows the tree.
        """
        found = self._required.get((folder, relative))
        if found is not None:
            return found
        for name in relative:
            candidate = self.path / name
            if candidate.is_dir() if folder else candidate.is_file():
                self._required[folder, relative] = candidate
                return candidate
        kind = "folder" if folder else "file"
        others = f" (nor {' nor '.join(relative[1:])})" if len(relative) > 1 else ""
        raise SourceLayoutError(
            f"source {self.name}: {kind} {relative[0]}{others} is missing in {self.path}; expected is\n{self.tree}"
        )

    def file(self, name: str) -> Path:
        """A file that an annotation names, kept inside the dataset's folder.

        Raises:
            BadItem: the name climbs out of the folder or is absolute.
        """
        if not name.strip("/.") or name.startswith("/") or ".." in name.split("/") or "\x00" in name:
            raise BadItem(f"file name {name!r} leads out of the dataset's folder")
        return self.path / name
