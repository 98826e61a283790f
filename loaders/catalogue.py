"""What a dataset folder holds, from its Parquet footers and two small columns; no image is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..manifests.errors import DatasetFolderError, UsageError
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.triplet import COLUMNS


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows that lie together in a file. file: position in `Catalogue.files`; first: number of its first row."""

    file: int
    position: int
    first: int
    rows: int


@dataclass(frozen=True)
class Catalogue:
    """A split's rows, in the order of the files.

    Attributes:
        files: its shards.
        groups: their row groups.
        tasks: names; `task_of` points into it.
        task_of: (rows,) int16, each row's task.
    """

    root: Path
    split: str
    files: tuple[Path, ...]
    groups: tuple[RowGroup, ...]
    tasks: tuple[str, ...]
    task_of: NDArray[np.int16]

    @classmethod
    def open(cls, root: Path, split: str) -> Catalogue:
        """Read the footers.

        Raises:
            DatasetFolderError: no dataset folder, or a file that cannot be read.
            UsageError: no such split.
        """
        files = [file for file in DatasetFolder(root).shards() if split_of(file.name) == split]
        if not files:
            known = sorted({split_of(file.name) for file in DatasetFolder(root).shards()})
            raise UsageError(f"{root} has no split {split!r}; it has {', '.join(known)}")
        groups: list[RowGroup] = []
        names: list[pa.ChunkedArray] = []
        first = 0
        for number, file in enumerate(files):
            try:
                with pq.ParquetFile(file) as parquet:
                    _check_columns(file, parquet.schema_arrow.names)
                    for position in range(parquet.num_row_groups):
                        rows = parquet.metadata.row_group(position).num_rows
                        groups.append(RowGroup(number, position, first, rows))
                        first += rows
                    names.append(parquet.read(["task"])["task"])
            except (pa.ArrowException, OSError) as fault:
                raise DatasetFolderError(f"{file} cannot be read: {fault}; run taskpaint verify {root}") from fault
        encoded = pa.chunked_array([chunk for column in names for chunk in column.chunks]).combine_chunks()
        found = encoded.dictionary_encode()
        tasks = tuple(found.dictionary.to_pylist())
        task_of = found.indices.to_numpy(zero_copy_only=False).astype(np.int16)
        return cls(root, split, tuple(files), tuple(groups), tasks, task_of)

    def __len__(self) -> int:
        return len(self.task_of)

    def of_tasks(self, wanted: Iterable[str]) -> NDArray[np.bool_]:
        """(rows,) whether a row's task is wanted.

        Raises:
            UsageError: no row is of such a task.
        """
        names = set(wanted)
        if unknown := sorted(names - set(self.tasks)):
            raise UsageError(
                f"split {self.split} of {self.root} has no task {unknown[0]!r}; it has {', '.join(sorted(self.tasks))}"
            )
        table = np.array([name in names for name in self.tasks], bool)
        return table[self.task_of]


def read_rows(catalogue: Catalogue, group: RowGroup) -> list[dict[str, Any]]:
    """All rows of a row group, images still encoded (`bytes`).

    Raises:
        DatasetFolderError: the file cannot be read any more.
    """
    file = catalogue.files[group.file]
    try:
        with pq.ParquetFile(file, memory_map=True) as parquet:
            rows: list[dict[str, Any]] = parquet.read_row_group(group.position, columns=list(COLUMNS)).to_pylist()
    except (pa.ArrowException, OSError) as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}") from fault
    return rows


def _check_columns(file: Path, names: Iterable[str]) -> None:
    if missing := [name for name in COLUMNS if name not in set(names)]:
        raise DatasetFolderError(f"{file} lacks the column {missing[0]}; it is no shard of a taskpaint dataset")
