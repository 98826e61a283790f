"""Write one regrouped shard: rows of several datasets in their new order, pictures as the bytes they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...filters.sidecar import Sidecar
from ...manifests.folder import DatasetFolder, ShardRecord
from ...manifests.triplet import triplet_schema
from ...writers.shards import output_errors, write_batches
from ..pieces import Piece, read_piece
from ..threads import use_one_thread
from .layout import NewShard


@dataclass(frozen=True)
class RegroupJob:
    """Writes shards of one plan in any process; see `engines.local.Job`.

    Attributes:
        parents: dataset folders, and the shards that are taken from each.
        out: dataset folder to write.
        row_group_rows: of the shards that are written.
        with_scores: whether scores go along; there is one parent then.
    """

    parents: tuple[tuple[Path, tuple[str, ...]], ...]
    out: Path
    row_group_rows: int
    with_scores: bool

    def open(self) -> Callable[[NewShard], ShardRecord]:
        """One thread a process."""
        use_one_thread()
        return self._write

    def _write(self, shard: NewShard) -> ShardRecord:
        started = time.monotonic()
        written = write_batches(DatasetFolder(self.out).shard_file(shard.name), self._batches(shard))
        if self.with_scores:
            scored = Sidecar(self.out)
            with output_errors(scored.file(shard.name)):
                scored.write(shard.name, self._scores(shard))
        seconds = time.monotonic() - started
        return ShardRecord(shard.name, written.rows, written.bytes, written.sha256, {}, round(seconds, 3))

    def _batches(self, shard: NewShard) -> Iterator[pa.RecordBatch]:
        readers = {stream: _Reader(self._stream(shard, stream)) for stream in np.unique(shard.stream).tolist()}
        for start in range(0, len(shard), self.row_group_rows):
            streams = shard.stream[start : start + self.row_group_rows]
            present = np.unique(streams).tolist()
            parts = [readers[stream].take(int((streams == stream).sum())) for stream in present]
            batch = parts[0]
            if len(parts) > 1:  # they come stream by stream; back to where each row belongs
                back = np.argsort(np.argsort(streams, kind="stable"), kind="stable")
                batch = pa.concat_batches(parts).take(pa.array(back))
            yield _renamed(batch, {place - start: name for place, name in shard.ids.items()})

    def _stream(self, shard: NewShard, stream: int) -> Iterator[pa.RecordBatch]:
        for parent, number, positions in shard.runs(stream):
            root, names = self.parents[parent]
            name = names[number]
            yield from read_piece(DatasetFolder(root).shard_file(name), Piece(name, positions), self.row_group_rows)

    def _scores(self, shard: NewShard) -> pa.Table:
        root, names = self.parents[0]
        sidecar = Sidecar(root)
        tables = []
        places = np.empty(len(shard), np.int64)
        filled = 0
        for stream in np.unique(shard.stream).tolist():
            mine = np.flatnonzero(shard.stream == stream)
            places[mine] = filled + np.arange(len(mine))
            filled += len(mine)
            tables += [sidecar.read(names[number]).take(pa.array(at)) for _, number, at in shard.runs(stream)]
        return pa.concat_tables(tables).take(pa.array(places))


class _Reader:
    """Rows of batches, as many at a time as are asked for."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rest: pa.RecordBatch | None = None

    def take(self, count: int) -> pa.RecordBatch:
        """The next rows; the plan knows that there are so many."""
        parts: list[pa.RecordBatch] = []
        while count:
            batch = self._rest if self._rest is not None else next(self._batches)
            parts.append(batch.slice(0, count))
            self._rest = batch.slice(count) if batch.num_rows > count else None
            count -= parts[-1].num_rows
        return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def _renamed(batch: pa.RecordBatch, names: dict[int, str]) -> pa.RecordBatch:
    """The same rows, some with another id."""
    if not any(0 <= place < batch.num_rows for place in names):
        return batch
    ids = [names.get(place, old) for place, old in enumerate(batch.column("id").to_pylist())]
    columns = [pa.array(ids, pa.string()), *batch.columns[1:]]
    return pa.RecordBatch.from_arrays(columns, schema=triplet_schema())
