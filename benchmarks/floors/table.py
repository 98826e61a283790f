"""Rows to a closed Parquet file, and what makes it a finished shard."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from .item import Floor, Item

ROW_GROUP_ROWS = 64
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("input_image", _IMAGE),
        ("edited_image", _IMAGE),
        ("edit_prompt", pa.string()),
        ("task", pa.string()),
        ("template_id", pa.string()),
        ("params", pa.string()),
        ("annotation", pa.string()),
        ("source_dataset", pa.string()),
        ("source_split", pa.string()),
        ("source_id", pa.string()),
        ("image_key", pa.string()),
        ("license", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ]
)
_CODECS = {name: "zstd" for name in _SCHEMA.names if "image" not in name} | {
    f"{image}_image.{leaf}": codec
    for image in ("input", "edited")
    for leaf, codec in (("bytes", "none"), ("path", "zstd"))
}


def write(floor: Floor, items: Sequence[Item], file: Path) -> None:
    """Draw every item and close the file: the loop that is timed."""
    with _Writer(file, floor.task) as writer:
        for item in items:
            writer.add(item, *floor.draw(item))


def publish(file: Path, content: bytes) -> str:
    """What makes a closed file a finished shard: on disk whatever happens, under its name only when whole, and with the
    SHA-256 that a manifest keeps. Timed apart, since the Parquet file itself is closed without it.

    The content is given: who writes a file need not read it again to hash it.
    """
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    digest = hashlib.sha256(content).hexdigest()
    file.replace(file.with_suffix(".done"))
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return digest


class _Writer:
    """Rows to one Parquet file of the form that a dataset needs: images as they are, text compressed, a page index and
    page edges that follow the content; no statistics, no checksum."""

    def __init__(self, file: Path, task: str) -> None:
        self._writer = pq.ParquetWriter(
            file,
            _SCHEMA,
            compression=_CODECS,
            use_dictionary=["task", "template_id", "source_dataset", "source_split", "license"],
            write_statistics=False,
            write_page_index=True,
            write_batch_size=4,
            use_content_defined_chunking={"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024},
        )
        self._task = task
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, item: Item, source: bytes, target: bytes, annotation: bytes) -> None:
        """Take a row; every 64 make a row group."""
        images = ({"bytes": source, "path": f"{item.id}-input.jpg"}, {"bytes": target, "path": f"{item.id}-target.jpg"})
        words = (f"Paint {item.id}.", self._task, "template", orjson.dumps(item.params), annotation)
        origin = ("source", "train", item.id, item.id, "CC BY 4.0")
        self._rows.append((item.id, *images, *words, *origin, *item.out))
        if len(self._rows) == ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, _SCHEMA, strict=True)]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
            self._rows.clear()
