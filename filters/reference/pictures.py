"""The pictures of one stretch of input, as encoded bytes. Names are for messages; none is ever used as a path."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from .inputs import PICTURE_SUFFIXES, Stretch

MOST_BYTES: Final = 512 * 2**20
"""Longer files are no pictures that anybody scores."""


def pictures_of(stretch: Stretch) -> Iterator[tuple[str, bytes | str]]:
    """Name, and bytes or else the reason why there are none, of each picture of a stretch."""
    if stretch.kind == "pictures":
        for file in stretch.files:
            yield str(file), _read(file)
    elif stretch.kind == "parquet":
        yield from _parquet_pictures(stretch)
    else:
        yield from _tar_pictures(stretch.files[0])


def _read(file: Path) -> bytes | str:
    try:
        if file.stat().st_size > MOST_BYTES:
            return f"the file has more than {MOST_BYTES} bytes"
        return file.read_bytes()
    except OSError as fault:
        return f"the file cannot be read: {fault.strerror}"


def _parquet_pictures(stretch: Stretch) -> Iterator[tuple[str, bytes | str]]:
    file, row = stretch.files[0], stretch.start
    try:
        with pq.ParquetFile(file) as opened:
            for value in _cells(opened, stretch):
                yield f"{file}, row {row}", value or "the row holds no bytes (a path alone is not followed)"
                row += 1
    except (pa.ArrowException, OSError, ValueError) as fault:
        yield f"{file}, from row {row} on", f"the file cannot be read: {fault}"


def _cells(opened: pq.ParquetFile, stretch: Stretch) -> Iterator[bytes | None]:
    """Cells of rows [start, stop); row groups before are not read."""
    first = 0
    for group in range(opened.num_row_groups):
        after = first + opened.metadata.row_group(group).num_rows
        if first < stretch.stop and after > stretch.start:
            at = first
            for batch in opened.iter_batches(64, row_groups=[group], columns=[stretch.column]):
                column = batch.column(0)
                if "." in stretch.column:
                    column = column.field("bytes")
                for value in column:
                    if stretch.start <= at < stretch.stop:
                        yield value.as_py()
                    at += 1
        first = after


def _tar_pictures(file: Path) -> Iterator[tuple[str, bytes | str]]:
    """Pictures of a webdataset tar, in its order; read from front to end, nothing is extracted."""
    try:
        with tarfile.open(file, "r|") as opened:
            for member in opened:
                if not member.isfile() or PurePosixPath(member.name).suffix.lower() not in PICTURE_SUFFIXES:
                    continue
                name = f"{file}, {member.name!r}"
                if member.size > MOST_BYTES:
                    yield name, f"the file has more than {MOST_BYTES} bytes"
                    continue
                content = opened.extractfile(member)
                yield name, content.read() if content else "the member holds no bytes"
        if not _has_end_mark(file):  # tarfile ends in silence where a header is cut off
            yield f"{file}", "the tar is cut off: it has no end mark"
    except (tarfile.TarError, OSError, EOFError) as fault:
        yield f"{file}", f"the tar is cut off or broken, what follows is lost: {fault}"


def _has_end_mark(file: Path) -> bool:
    """Whether a tar ends in two blocks of zeros, as POSIX has it."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - 2 * tarfile.BLOCKSIZE))
        return not opened.read().strip(b"\0")
