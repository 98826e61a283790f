"""Formats whose pictures are files: a sub-folder a shard, and tables that name them."""

from __future__ import annotations

import abc
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from ...manifests.errors import DatasetFolderError, ItemError
from ...manifests.triplet import Triplet
from ..export import Destination, Export, Part, Written, triplets
from ._files import Table


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row becomes.

    Attributes:
        files: path relative to the split's folder -> content.
        lines: table -> its line or lines, with the line break at the end.
    """

    files: Mapping[str, bytes]
    lines: Mapping[str, str] = field(default_factory=dict)


class LooseExport(Export):
    """A format of files in `<split>/…/<shard>/`.

    Attributes:
        folders: folders of a split that hold one sub-folder a shard; "" for the split's folder itself.
        tables: files of a split that name the pictures.
    """

    folders: ClassVar[tuple[str, ...]] = ("",)
    tables: ClassVar[tuple[Table, ...]] = ()

    @abc.abstractmethod
    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """What a row becomes.

        Raises:
            BadItem: a picture that has to be encoded anew cannot be decoded.
        """

    def write(self, place: Destination, part: Part, batches: Iterator[pa.RecordBatch]) -> Written:
        """See `Export.write`."""
        home = place.root / part.split
        folders = [home / folder / part.folder for folder in self.folders]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        waiting = {table.name: place.table_part(table.name, part) for table in self.tables}
        files = size = 0
        with ExitStack() as stack:
            for lines in waiting.values():
                lines.parent.mkdir(parents=True, exist_ok=True)
            texts = {name: stack.enter_context(lines.open("wb")) for name, lines in waiting.items()}
            for row in triplets(batches):
                entry = self._entry(row, part, place)
                for path, data in entry.files.items():
                    file = home / path
                    file.parent.mkdir(exist_ok=True)
                    file.write_bytes(data)
                    files, size = files + 1, size + len(data)
                for name, line in entry.lines.items():
                    texts[name].write(line.encode())
        os.sync()  # once a shard: syncing small files one by one would take most of the time
        proof = {place.relative(folder): sum(1 for _ in os.scandir(folder)) for folder in folders}
        proof |= {place.relative(lines): lines.stat().st_size for lines in waiting.values()}
        return Written(files, size, proof)

    def _entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        try:
            return self.entry(row, part, place)
        except ItemError as fault:
            raise DatasetFolderError(
                f"a picture of row {row.id} cannot be encoded for {self.name}: {fault}; taskpaint verify tells more"
            ) from fault

    def finish(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> None:
        """Join the tables of every split, then write the configuration."""
        for split, parts in splits.items():
            for table in self.tables:
                waiting = [place.table_part(table.name, part) for part in parts]
                table.join((one for one in waiting if one.stat().st_size), place.root / split / table.name)
        super().finish(place, splits)


def filled(place: Destination, splits: Iterable[str], table: str) -> list[str]:
    """The splits that have a table."""
    return [split for split in splits if (place.root / split / table).exists()]
