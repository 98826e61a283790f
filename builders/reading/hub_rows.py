"""Rows of a Hugging Face dataset by place: in Parquet files, or in the Arrow files that `datasets` keeps.

Files are opened by whoever needs a row, in any process; pictures are read one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...manifests.errors import BadItem, SourceLayoutError
from ..sample import FileBytes
from .lazy_bytes import lazy
from .parquet_rows import FAULTS, Cell, lazy_cell, open_parquet, read_cell, rows_of

Place = tuple[int, int]
"""Row group or record batch, and row in it, counted from 0."""


def schema_of(file: Path) -> pa.Schema:
    """Columns of a file.

    Raises:
        SourceLayoutError: it is missing or broken.
    """
    try:
        return _schema(file)
    except BadItem as fault:
        raise SourceLayoutError(f"{file}: {fault}") from fault


def type_of(file: Path, column: str) -> pa.DataType:
    """The type of a column.

    Raises:
        BadItem: the file is missing or broken, or has no such column.
    """
    schema = _schema(file)
    if column not in schema.names:
        raise BadItem(f"{file.name} has no column {column!r} any more; build the index again")
    return schema.field(column).type


def _schema(file: Path) -> pa.Schema:
    return open_parquet(file).schema_arrow if _is_parquet(file) else _schema_and_batches(file)[0]


def rows_in(file: Path, columns: list[str]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every row of a file: its place and the values of some columns.

    Raises:
        SourceLayoutError: the file is broken, or has no such column.
    """
    if _is_parquet(file):
        yield from (((group, row), values) for group, row, values in rows_of(file, columns))
        return
    try:
        schema, batches = _schema_and_batches(file)
        missing = [column for column in columns if column not in schema.names]
        if missing:
            raise SourceLayoutError(f"{file} has no column {missing[0]!r}; there are: {', '.join(schema.names)}")
        for number, batch in enumerate(batches):
            # without columns, Arrow forgets how many rows there are
            rows = batch.select(columns).to_pylist() if columns else [{}] * batch.num_rows
            for row, values in enumerate(rows):
                yield (number, row), values
    except BadItem as fault:
        raise SourceLayoutError(f"{file}: {fault}") from fault
    except FAULTS as fault:
        raise SourceLayoutError(f"{file} is no whole Arrow file ({fault}); load the dataset again") from fault


def value_at(file: Path, place: Place, column: str) -> Any:
    """One value.

    Raises:
        BadItem: the file is missing or broken, or has no such row.
    """
    group, row = place
    if _is_parquet(file):
        return read_cell(Cell(file, column, group, row))
    batches = _schema_and_batches(file)[1]
    if group >= len(batches) or row >= batches[group].num_rows:
        raise BadItem(f"{file.name} has no row {row} in batch {group}; build the index again")
    try:
        first, *rest = column.split(".")
        values = batches[group].column(first)
        for name in rest:
            values = values.field(name)
        return values[row].as_py()
    except FAULTS as fault:
        raise BadItem(f"{column} of row {row} of {file.name} cannot be read: {fault}") from fault


def picture_at(file: Path, place: Place, column: str, roots: tuple[Path, ...]) -> FileBytes:
    """A picture, read when asked for: a column of `datasets`' Image type, of plain bytes, or of paths.

    Args:
        file, place, column: where it is.
        roots: folders that pictures named by path may lie in; relative paths start from the first.

    Raises:
        BadItem: the file is missing or broken, or has no such column.
    """
    kind = type_of(file, column)
    if _is_parquet(file) and _holds_bytes(kind):
        leaf = f"{column}.bytes" if pa.types.is_struct(kind) else column
        cell = Cell(file, leaf, *place)
        return lazy(file, cell.name, partial(_bytes_or_file, cell, pa.types.is_struct(kind), roots))
    return lazy(file, f"{column} of row {place[1]} of part {place[0]}", partial(_picture, file, place, column, roots))


def is_picture(kind: pa.DataType) -> bool:
    """Whether a column of this type may hold pictures: bytes, paths, or both."""
    return _holds_bytes(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(kind.field(position).name == "bytes" for position in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _bytes_or_file(cell: Cell, is_struct: bool, roots: tuple[Path, ...]) -> bytes:
    try:
        return lazy_cell(cell).read()
    except BadItem:
        path = read_cell(Cell(cell.file, cell.column.removesuffix("bytes") + "path", cell.group, cell.row))
        if not is_struct or not isinstance(path, str):
            raise
        return _below(path, roots).read()


def _picture(file: Path, place: Place, column: str, roots: tuple[Path, ...]) -> bytes:
    value = value_at(file, place, column)
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _below(value, roots).read()
    raise BadItem(f"{column} of row {place[1]} of {file.name} is empty")


def _below(name: str, roots: tuple[Path, ...]) -> FileBytes:
    """A file that the data names, kept inside the folders it may lie in.

    Raises:
        BadItem: it lies elsewhere.
    """
    path = roots[0] / name  # a full path stays as it is
    if "\x00" in name or ".." in path.parts or not any(path.is_relative_to(root) for root in roots):
        raise BadItem(f"file name {name!r} leads out of the dataset's folder")
    return FileBytes(path)


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == ".parquet"


def _schema_and_batches(file: Path) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """An Arrow file, stream or random access form, mapped into memory.

    Raises:
        BadItem: it is missing or broken.
    """
    try:
        return _mapped(file, file.stat().st_mtime_ns)
    except FileNotFoundError as fault:
        raise BadItem(f"{file} is missing; delete the folder `index` of taskpaint's cache and build again") from fault
    except FAULTS as fault:
        raise BadItem(f"{file.name} is no whole Arrow file ({fault}); load the dataset again") from fault


@lru_cache(maxsize=16)
def _mapped(file: Path, changed_ns: int) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    mapped = pa.memory_map(str(file))
    if mapped.read(6) == b"ARROW1":
        opened = pa.ipc.open_file(mapped)
        return opened.schema, [opened.get_batch(number) for number in range(opened.num_record_batches)]
    mapped.seek(0)
    stream = pa.ipc.open_stream(mapped)
    return stream.schema, list(stream)


def write_rows(file: Path, tables: Iterator[pa.Table]) -> None:
    """Write tables of one schema to Parquet in a form that gives up single pictures quickly: nothing compressed, a
    page a picture.
    """
    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            if writer is None:
                writer = pq.ParquetWriter(
                    file, table.schema, compression="none", use_dictionary=False, write_batch_size=1
                )
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
