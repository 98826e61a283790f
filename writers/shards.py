"""Write one Parquet shard so that it is whole or not there, with the same bytes every time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..manifests.errors import OutputError
from ..manifests.folder import part_of, sync_folder
from ..manifests.triplet import COLUMNS, IMAGE_COLUMNS, Triplet, to_batch, triplet_schema
from .hashed_file import HashedFile

_DICTIONARY: Final = ["task", "template_id", "source_dataset", "source_split", "license"]
_IMAGE_LEAVES: Final = [f"{name}.bytes" for name in IMAGE_COLUMNS]
_TEXT_LEAVES: Final = [
    *(name for name in COLUMNS if name not in IMAGE_COLUMNS),
    *(f"{n}.path" for n in IMAGE_COLUMNS),
]

WRITER_OPTIONS: Final[dict[str, Any]] = {
    "compression": {**dict.fromkeys(_IMAGE_LEAVES, "none"), **dict.fromkeys(_TEXT_LEAVES, "zstd")},
    "use_dictionary": _DICTIONARY,
    "write_statistics": ["id", "task", "source_dataset", "source_split", "width", "height"],
    "write_page_index": True,
    "write_batch_size": 4,
    "use_content_defined_chunking": {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024},
}
"""Image bytes stored as they are; a page index so that the Hub's viewer can seek, with a look at the page's size
(1 MiB) every 4 rows; page edges that follow the content, as `datasets` writes them, so that a changed row changes few
of the blocks that a store keeps."""


ROW_GROUP_BYTES: Final = 256 << 20
"""Image bytes of a row group that is cut short: a reader holds a row group in memory, as the writer does, and Arrow's
columns end at 2 GiB, which 64 aerial pictures reach."""


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A finished shard. bytes: file size; sha256: of the file."""

    rows: int
    bytes: int
    sha256: str


def write_shard(file: Path, triplets: Iterable[Triplet], row_group_rows: int) -> ShardFile:
    """Write triplets to a Parquet file; it appears under its name only when it is complete and on disk.

    A row group has `row_group_rows` rows, or as many as fit into `ROW_GROUP_BYTES`.

    Raises:
        OutputError: the disk is full or cannot be written.
    """
    return write_batches(file, map(to_batch, _groups(triplets, row_group_rows)))


def write_batches(file: Path, batches: Iterable[pa.RecordBatch]) -> ShardFile:
    """Write record batches of `triplet_schema()`, each as one row group; otherwise as `write_shard`.

    Raises:
        OutputError: the disk is full or cannot be written.
    """
    part = part_of(file)
    with output_errors(file):
        try:
            written = _write(part, batches)
            part.replace(file)
            sync_folder(file.parent)
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
    return written


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextlib.contextmanager
def output_errors(file: Path) -> Iterator[None]:
    """Turn the system's refusal to write into an OutputError that says what to do."""
    try:
        yield
    except OSError as fault:
        remedies = {
            errno.ENOSPC: "the disk is full; free some space and run the same command again, finished shards are kept",
            errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
            errno.EROFS: "the file system is read-only; choose another output folder",
            errno.EACCES: "permission denied; choose a folder that you may write to",
            errno.EPERM: "permission denied; choose a folder that you may write to",
        }
        remedy = remedies.get(fault.errno or 0, fault.strerror or str(fault))
        raise OutputError(f"{file} cannot be written: {remedy}") from fault


def _groups(triplets: Iterable[Triplet], most_rows: int) -> Iterator[list[Triplet]]:
    group: list[Triplet] = []
    taken = 0
    for triplet in triplets:
        size = len(triplet.input_image) + len(triplet.edited_image)
        if group and (len(group) == most_rows or taken + size > ROW_GROUP_BYTES):
            yield group
            group, taken = [], 0
        group.append(triplet)
        taken += size
    if group:
        yield group


def _write(part: Path, batches: Iterable[pa.RecordBatch]) -> ShardFile:
    rows = 0
    with HashedFile(part) as sink:
        with pq.ParquetWriter(sink, triplet_schema(), **WRITER_OPTIONS) as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
        os.fsync(sink.fileno())
        return ShardFile(rows, sink.tell(), sink.sha256())
