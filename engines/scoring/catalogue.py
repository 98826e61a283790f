"""What the rows of each shard are, as scoring needs it: ids, digests of their pictures, captions. Read once, kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...filters.sidecar import write_table
from ...manifests.errors import DatasetFolderError
from ...manifests.folder import DatasetFolder
from ...manifests.triplet import IMAGE_COLUMNS
from ...writers.shards import file_sha256, output_errors
from ..local import Engine, run_local
from ..threads import use_one_thread

KEY_BYTES: Final = 16
"""Of a picture's SHA-256; two pictures of a million million agree in them once in 10^14 datasets."""
SIDES: Final = ("source", "target")

_VERSION: Final = 1
_ABOUT: Final = b"taskpaint"
_READ_ROWS: Final = 64
_SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("task", pa.string()),
        *((f"{side}_key", pa.binary(KEY_BYTES)) for side in SIDES),
        *((f"{side}_caption", pa.string()) for side in SIDES),
        ("image_key", pa.string()),
        ("edit_prompt", pa.string()),
    ]
)


@dataclass(frozen=True)
class ShardEntry:
    """A shard.

    Attributes:
        name: file name without suffix.
        sha256: of its data file.
        row_groups: rows of each row group of the data file.
        captions: how many captions its rows carry.
        file: the catalogue's own, of the rows.
    """

    name: str
    sha256: str
    row_groups: tuple[int, ...]
    captions: int
    file: Path

    @property
    def rows(self) -> int:
        """Triplets in it."""
        return sum(self.row_groups)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Columns of its rows: id, task, <side>_key, <side>_caption, image_key, edit_prompt."""
        with pq.ParquetFile(self.file) as parquet:
            return parquet.read(columns=list(columns)).select(list(columns))

    def keys(self) -> NDArray[np.bytes_]:
        """(rows, 2) S16: keys of source and target."""
        table = self.table([f"{side}_key" for side in SIDES])
        return np.stack([_as_array(table.column(f"{side}_key")) for side in SIDES], axis=1)


def catalogue(
    folder: DatasetFolder,
    workers: int,
    on_shard: Callable[[int], None],
    engine: Engine = run_local,
    names: Sequence[str] | None = None,
) -> list[ShardEntry]:
    """Read every shard that is new or has changed since the last time.

    Args:
        folder: the dataset.
        workers: processes.
        on_shard: called with the rows of each shard that is done.
        engine: runs the shards.
        names: of the shards; None: all that lie there.

    Raises:
        DatasetFolderError: no dataset, or a shard that cannot be read.
        OutputError: the folder cannot be written.
    """
    names = [file.stem for file in folder.shards()] if names is None else names
    _home(folder).mkdir(parents=True, exist_ok=True)
    found = known_entries(folder, names)
    for entry in found.values():
        on_shard(entry.rows)
    todo = [name for name in names if name not in found]
    for name, entry in engine(_CatalogueJob(folder.root.absolute()), todo, workers):
        found[name] = entry
        on_shard(entry.rows)
    return [found[name] for name in names]


def known_entries(folder: DatasetFolder, names: Sequence[str]) -> dict[str, ShardEntry]:
    """Those of some shards that were read before and are still the same by size and time."""
    return {name: entry for name in names if (entry := _known(folder, name))}


def _home(folder: DatasetFolder) -> Path:
    return folder.state / "catalogue"


def _known(folder: DatasetFolder, name: str) -> ShardEntry | None:
    """What was read before, if the data file is still the same by size and time."""
    file = _home(folder) / f"{name}.parquet"
    try:
        about = json.loads(pq.read_schema(file).metadata[_ABOUT])
        if about["version"] != _VERSION or about["file"] != _stamp(folder.shard_file(name)):
            return None
        return ShardEntry(name, about["sha256"], tuple(about["row_groups"]), about["captions"], file)
    except (FileNotFoundError, pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return None


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


@dataclass(frozen=True)
class _CatalogueJob:
    root: Path

    def open(self) -> Callable[[str], ShardEntry]:
        use_one_thread()
        return self._read

    def _read(self, name: str) -> ShardEntry:
        folder = DatasetFolder(self.root)
        data = folder.shard_file(name)
        stamp, sha256 = _stamp(data), file_sha256(data)
        try:
            with pq.ParquetFile(data, memory_map=True) as parquet:
                metadata = parquet.metadata
                row_groups = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
                rows = list(_rows(parquet))
        except (pa.ArrowException, OSError, KeyError) as fault:
            raise DatasetFolderError(f"{data} cannot be read ({fault}); build the dataset again") from fault
        captions = sum(bool(row[f"{side}_caption"]) for row in rows for side in SIDES)
        about = {
            "version": _VERSION,
            "file": stamp,
            "sha256": sha256,
            "row_groups": row_groups,
            "captions": captions,
        }
        schema = _SCHEMA.with_metadata({_ABOUT: json.dumps(about).encode()})
        file = _home(folder) / f"{name}.parquet"
        with output_errors(file):
            write_table(file, pa.Table.from_pylist(rows, schema=schema))
        return ShardEntry(name, sha256, tuple(row_groups), captions, file)


def _rows(parquet: pq.ParquetFile) -> Iterator[dict[str, Any]]:
    columns = ["id", "task", *IMAGE_COLUMNS, "annotation", "image_key", "edit_prompt"]
    for batch in parquet.iter_batches(batch_size=_READ_ROWS, columns=columns):
        pictures = [batch.column(name).field("bytes") for name in IMAGE_COLUMNS]
        texts = batch.drop_columns(list(IMAGE_COLUMNS)).to_pylist()
        for place, row in enumerate(texts):
            captions = captions_of(row.pop("annotation"))
            keys = (key_of(column[place].as_buffer()) for column in pictures)
            yield {
                **row,
                **{f"{side}_key": key for side, key in zip(SIDES, keys, strict=True)},
                **{f"{side}_caption": caption for side, caption in zip(SIDES, captions, strict=True)},
            }


def key_of(data: Any) -> bytes:
    """Key of a picture's encoded bytes, or of no picture."""
    return hashlib.sha256(data if data is not None else b"").digest()[:KEY_BYTES]


def captions_of(annotation: str | None) -> tuple[str | None, str | None]:
    """The sentences that describe source and target: `source_caption` and `target_caption` of the annotation."""
    if not annotation or '_caption"' not in annotation:
        return None, None
    try:
        value = json.loads(annotation)
    except (ValueError, RecursionError):
        return None, None
    found = [value.get(f"{side}_caption") for side in SIDES] if isinstance(value, dict) else [None, None]
    source, target = (text if isinstance(text, str) and text.strip() else None for text in found)
    return source, target


def _as_array(column: pa.ChunkedArray) -> NDArray[np.bytes_]:
    """(n,) S16 of a column of fixed-size binary."""
    arrays = [
        np.frombuffer(chunk.buffers()[1], f"S{KEY_BYTES}")[chunk.offset : chunk.offset + len(chunk)]
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate([np.zeros(0, f"S{KEY_BYTES}"), *arrays])
