"""What a dataset folder holds, from its Parquet footers and two small columns; no image is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..manifests.errors import DatasetFolderError, UsageError
from ..manifests.folder import split_of
from ..manifests.storage.dataset import RemoteDataset, open_dataset
from ..manifests.storage.store import Store
from ..manifests.triplet import COLUMNS

ResultT = TypeVar("ResultT")
_AT_ONCE: Final = 16


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
        store: where the files are when they are not on disk; then ranges of them are read as they are needed.
    """

    root: Path | str
    split: str
    files: tuple[Path, ...]
    groups: tuple[RowGroup, ...]
    tasks: tuple[str, ...]
    task_of: NDArray[np.int16]
    store: Store | None = None

    @classmethod
    def open(cls, root: Path | str, split: str) -> Catalogue:
        """Read the footers.

        Raises:
            DatasetFolderError: no dataset folder, or a file that cannot be read.
            UsageError: no such split.
            StorageError: the store behind a URL refuses or cannot be reached.
        """
        folder = open_dataset(root)
        store = folder.store if isinstance(folder, RemoteDataset) else None
        present = folder.shards()
        files = [file for file in present if split_of(file.name) == split]
        if not files:
            known = sorted({split_of(file.name) for file in present})
            raise UsageError(f"{folder.place} has no split {split!r}; it has {', '.join(known)}")
        groups: list[RowGroup] = []
        names: list[pa.ChunkedArray] = []
        first = 0
        for number, (sizes, tasks) in enumerate(_footers(files, store, folder.place)):
            for position, rows in enumerate(sizes):
                groups.append(RowGroup(number, position, first, rows))
                first += rows
            names.append(tasks)
        encoded = pa.chunked_array([chunk for column in names for chunk in column.chunks]).combine_chunks()
        found = encoded.dictionary_encode()
        tasks = tuple(found.dictionary.to_pylist())
        task_of = found.indices.to_numpy(zero_copy_only=False).astype(np.int16)
        return cls(folder.place, split, tuple(files), tuple(groups), tasks, task_of, store)

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

    def read(parquet: pq.ParquetFile) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = parquet.read_row_group(group.position, columns=list(COLUMNS)).to_pylist()
        return rows

    return _with_parquet(catalogue.files[group.file], catalogue.store, read, "")


def _footers(files: list[Path], store: Store | None, root: Path | str) -> Iterator[tuple[list[int], pa.ChunkedArray]]:
    """Rows of each row group, and the task of each row, of file after file."""

    def footer(file: Path) -> tuple[list[int], pa.ChunkedArray]:
        def read(parquet: pq.ParquetFile) -> tuple[list[int], pa.ChunkedArray]:
            _check_columns(file, parquet.schema_arrow.names)
            sizes = [parquet.metadata.row_group(position).num_rows for position in range(parquet.num_row_groups)]
            return sizes, parquet.read(["task"])["task"]

        return _with_parquet(file, store, read, f"; run taskpaint verify {root}")

    if store is None:
        yield from map(footer, files)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # what takes time is waiting for the store
        yield from pool.map(footer, files)


def _with_parquet(file: Path, store: Store | None, read: Callable[[pq.ParquetFile], ResultT], remedy: str) -> ResultT:
    """Read from a shard on disk, or from ranges of one in a store.

    Raises:
        DatasetFolderError: it cannot be read.
        StorageError: the store refuses or cannot be reached.
    """

    def ranges(store: Store) -> ResultT:
        with store.open(f"data/{file.name}") as opened, pq.ParquetFile(opened, pre_buffer=True) as parquet:
            return read(parquet)

    try:
        if store is not None:
            return ranges(store)
        with pq.ParquetFile(file, memory_map=True) as parquet:
            return read(parquet)
    except (pa.ArrowException, OSError) as fault:
        where = file if store is None else f"{store.url}/data/{file.name}"
        raise DatasetFolderError(f"{where} cannot be read: {fault}{remedy}") from fault


def _check_columns(file: Path, names: Iterable[str]) -> None:
    if missing := [name for name in COLUMNS if name not in set(names)]:
        raise DatasetFolderError(f"{file} lacks the column {missing[0]}; it is no shard of a taskpaint dataset")
