"""What an export format is: the layout that one trainer reads, written shard by shard."""

from __future__ import annotations

import abc
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Literal

import pyarrow as pa

from ..manifests.errors import DatasetFolderError
from ..manifests.folder import write_text
from ..manifests.plugins import Plugins
from ..manifests.triplet import Triplet
from . import exports

TextToImage = Literal["kept", "without source", "left out"]
"""What becomes of rows that have a caption in place of an instruction and a gray picture in place of a source: they
stay as they are, they are written as text and target, or the format has no form for them."""


_PART: Final = re.compile(r"(?P<split>[A-Za-z0-9_]+)-(?P<number>\d{5,})-of-(?P<total>\d{5,})")


@dataclass(frozen=True, slots=True)
class Part:
    """A shard of an export, the unit of work.

    Attributes:
        split: of its rows.
        number, total: its place among the shards of its split, from 0.
        rows: how many it has, at least 1.
    """

    split: str
    number: int
    total: int
    rows: int

    @classmethod
    def of(cls, name: str, rows: int) -> Part:
        """The shard of a name.

        Raises:
            DatasetFolderError: it is no name of a shard.
        """
        found = _PART.fullmatch(name)
        if not found:
            raise DatasetFolderError(f"{name!r} is no name of an export's shard; export again")
        return cls(found["split"], int(found["number"]), int(found["total"]), rows)

    @property
    def name(self) -> str:
        """train-00000-of-00012."""
        return f"{self.split}-{self.number:05d}-of-{self.total:05d}"

    @property
    def folder(self) -> str:
        """Sub-folder for its files, so that no folder gets more than a shard's."""
        return f"{self.number:05d}"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an export goes.

    Attributes:
        root: the folder that is written.
        location: the same folder as the trainer will see it: what absolute paths begin with.
    """

    root: Path
    location: str

    def table_part(self, table: str, part: Part) -> Path:
        """Where a shard's lines of a table wait until all shards are done."""
        return self.root / ".taskpaint" / "parts" / table / part.name

    def relative(self, path: Path) -> str:
        """A path as it stands in the destination."""
        return str(path.relative_to(self.root))

    def seen(self, *names: str) -> str:
        """An absolute path as the trainer will see it."""
        return "/".join((self.location.rstrip("/"), *names))


@dataclass(frozen=True, slots=True)
class Written:
    """What a shard came to.

    Attributes:
        files, bytes: that the trainer will read.
        proof: what a resumed run knows the shard by: path relative to the destination -> bytes of a file, or entries
            of a folder (later it may have more: trainers keep caches beside pictures).
    """

    files: int
    bytes: int
    proof: Mapping[str, int] = field(default_factory=dict)


class Export(abc.ABC):
    """A format. It has no state: a new object is made in every process.

    Attributes:
        name: as its module; on the command line `-` stands for `_`.
        summary: one line: what is written.
        trainer: one line: what reads it, and what that needs.
        text_to_image: what becomes of rows without a source.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    trainer: ClassVar[str]
    text_to_image: ClassVar[TextToImage] = "left out"

    def check(self, place: Destination) -> None:  # noqa: B027 (most formats take any)
        """Refuse a destination that the format cannot name.

        Raises:
            UsageError: says why.
        """

    @abc.abstractmethod
    def write(self, place: Destination, part: Part, batches: Iterator[pa.RecordBatch]) -> Written:
        """Write one shard, whole and on disk when this returns; what a killed run left of it is replaced.

        Args:
            place: where to.
            part: which.
            batches: its rows, of `triplet_schema()`; `triplets` reads them one by one.

        Raises:
            OSError: the disk is full or cannot be written.
        """

    @abc.abstractmethod
    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """Texts to write when all shards are done: file name relative to the destination -> content.

        Args:
            place: where the data are.
            splits: the shards of every split, in order.
        """

    def finish(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> None:
        """Write what needs all shards to be done; runs again when a finished export is resumed.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        for name, text in self.configs(place, splits).items():
            write_text(place.root / name, text)


EXPORTS: Final = Plugins[Export](Export, "exports", "export format", (exports,))  # type: ignore[type-abstract]


def find_export(name: str) -> type[Export]:
    """The format of that name; `-` and `_` are the same in it.

    Raises:
        PluginError: there is none; lists what there is.
    """
    return EXPORTS.find(name if name in EXPORTS.names() else name.replace("-", "_"))


def export_names() -> list[str]:
    """Names of all formats as the command line has them, sorted."""
    return sorted(name.replace("_", "-") for name in EXPORTS.names())


def triplets(batches: Iterator[pa.RecordBatch]) -> Iterator[Triplet]:
    """Rows one by one.

    Raises:
        DatasetFolderError: a row that breaks a promise of `Triplet`, its clean id among them.
    """
    for batch in batches:
        for row in batch.to_pylist():
            try:
                triplet = Triplet.from_row(row)
            except (ValueError, TypeError) as fault:
                raise DatasetFolderError(
                    f"row {row['id']!r} is no triplet: {fault}; taskpaint verify tells more"
                ) from fault
            yield triplet
