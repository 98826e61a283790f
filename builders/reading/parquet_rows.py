"""Single cells of Parquet files, by file, row group and row: what a reader of pictures in Parquet needs.

A row group of pictures may hold hundreds of megabytes, so a picture's page is sought out where that is possible
(`parquet_pages`), and only otherwise is its column's whole chunk read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ...manifests.errors import BadItem, SourceLayoutError
from ..sample import FileBytes
from .lazy_bytes import lazy
from .parquet_pages import PageFault, read_bytes_cell

FAULTS = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError)
"""What pyarrow raises over broken files; ArrowInvalid is a ValueError, ArrowKeyError a KeyError."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. column: the dotted path of a leaf, "source_img.bytes"; group and row count from 0."""

    file: Path
    column: str
    group: int
    row: int

    @property
    def name(self) -> str:
        """For messages: "source_img of row 3 of row group 0"."""
        return f"{self.column} of row {self.row} of row group {self.group}"


def parquet_files(folder: Path, split: str, config: str = "") -> list[Path]:
    """The files of one split, in order.

    A file belongs to a split by its own name ("data/train-00000-of-00051.parquet", "train.parquet") or by its
    folder's ("train/0000.parquet"). Where no file names any split, all belong to the split "train".

    Args:
        folder: of the dataset.
        split: its name.
        config: keep only files below a folder of this name; empty: all.
    """
    found = sorted(file for file in folder.rglob("*.parquet") if not file.name.startswith((".", "_")))
    if config:
        found = [file for file in found if config in file.relative_to(folder).parts[:-1]]
    named = {file: _split_of(file.relative_to(folder)) for file in found}
    if split == "train" and not any(named.values()):
        return found
    return [file for file in found if split == named[file] or _belongs(file.relative_to(folder), split)]


def _split_of(file: Path) -> str:
    """The usual split that a path names, or "" when it names none."""
    usual = ("train", "validation", "valid", "val", "dev", "test")
    return next((split for split in usual if _belongs(file, split)), "")


def _belongs(file: Path, split: str) -> bool:
    stem = file.name.removesuffix(".parquet")
    begins = stem == split or any(stem.startswith(split + mark) for mark in "-_.")
    return begins or split in file.parts[:-1]


def open_parquet(file: Path) -> pq.ParquetFile:
    """An open file, the same one for repeated calls of one process.

    Raises:
        BadItem: it is missing or no whole Parquet file.
    """
    try:
        state = file.stat()
        return _opened(file, (os.getpid(), state.st_size, state.st_mtime_ns))
    except FileNotFoundError as fault:
        raise BadItem(f"{file.name} is missing") from fault
    except FAULTS as fault:
        raise BadItem(f"{file.name} is no whole Parquet file ({fault}); download it again") from fault


@lru_cache(maxsize=16)
def _opened(file: Path, state: tuple[int, int, int]) -> pq.ParquetFile:
    """state: process, size and time of the file; a handle is not shared with a forked process."""
    return pq.ParquetFile(file)


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of the ClassLabel columns, by dotted column, that `datasets` noted in a schema."""
    try:
        noted = orjson.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = noted["info"]["features"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return dict(_class_labels("", features))


def _class_labels(prefix: str, feature: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(feature, list):
        for item in feature:
            yield from _class_labels(prefix, item)
    elif isinstance(feature, dict):
        names = feature.get("names")
        if feature.get("_type") == "ClassLabel" and isinstance(names, list) and all(isinstance(n, str) for n in names):
            yield prefix, names
        elif feature.get("_type") in ("Sequence", "List", "LargeList"):
            yield from _class_labels(prefix, feature.get("feature"))
        elif "_type" not in feature:
            for key, inner in feature.items():
                yield from _class_labels(f"{prefix}.{key}" if prefix else key, inner)


def rows_of(file: Path, columns: list[str]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Row group, row in it, and the values of some columns, for every row of a file; flat memory.

    Raises:
        SourceLayoutError: the file is broken, or has no such column.
    """
    try:
        opened = open_parquet(file)
        missing = [column for column in columns if column not in opened.schema_arrow.names]
        if missing:
            there = ", ".join(opened.schema_arrow.names)
            raise SourceLayoutError(f"{file} has no column {missing[0]!r}; there are: {there}")
        for group in range(opened.num_row_groups):
            row = 0
            for batch in opened.iter_batches(1024, row_groups=[group], columns=columns):
                for values in batch.to_pylist():
                    yield group, row, values
                    row += 1
    except BadItem as fault:
        raise SourceLayoutError(f"{file}: {fault}") from fault
    except FAULTS as fault:
        raise SourceLayoutError(f"{file} is no whole Parquet file ({fault}); download it again") from fault


def read_cell(cell: Cell) -> Any:
    """The value of a cell, as Python has it.

    Raises:
        BadItem: the file is missing or broken, or there is no such cell.
    """
    opened = open_parquet(cell.file)
    try:
        if cell.group >= opened.num_row_groups:
            raise BadItem(f"{cell.file.name} has no row group {cell.group}; build the index again")
        table = opened.read_row_group(cell.group, columns=[cell.column])
        column = table.column(0)
        for name in cell.column.split(".")[1:]:
            column = pa.chunked_array([chunk.field(name) for chunk in column.chunks], column.type.field(name).type)
        return column[cell.row].as_py()
    except FAULTS as fault:
        raise BadItem(f"{cell.name} of {cell.file.name} cannot be read: {fault}") from fault


def read_bytes(cell: Cell) -> bytes:
    """A cell of a binary column.

    Raises:
        BadItem: the file is missing or broken, or the cell is empty or holds no bytes.
    """
    try:
        value = read_bytes_cell(open_parquet(cell.file), cell.file, cell.column, cell.group, cell.row)
    except PageFault:
        value = read_cell(cell)
    if not isinstance(value, bytes):
        raise BadItem(f"{cell.name} of {cell.file.name} is empty")
    return value


def lazy_cell(cell: Cell) -> FileBytes:
    """A binary cell's bytes, read when asked for."""
    return lazy(cell.file, cell.name, partial(read_bytes, cell))
