"""Cut one shard: copy the surviving rows' Arrow buffers, pictures as the bytes they are, and their scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..filters.sidecar import Sidecar
from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder, ShardRecord
from ..manifests.triplet import triplet_schema
from ..writers.shards import output_errors, write_batches
from .cut_plan import CutShard, Piece


@dataclass(frozen=True)
class CutJob:
    """Cuts shards of one plan in any process; see `engines.local.Job`.

    Attributes:
        parent, out: dataset folders.
        row_group_rows: of the shards that are written.
    """

    parent: Path
    out: Path
    row_group_rows: int

    def open(self) -> Callable[[CutShard], ShardRecord]:
        """One thread a process."""
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        sidecar = Sidecar(self.parent)
        return lambda shard: self._cut(shard, sidecar)

    def _cut(self, shard: CutShard, sidecar: Sidecar) -> ShardRecord:
        started = time.monotonic()
        folder = DatasetFolder(self.out)
        batches = rebatched(self._selected(shard), self.row_group_rows)
        written = write_batches(folder.shard_file(shard.name), batches)
        scores = pa.concat_tables(sidecar.read(piece.shard).take(pa.array(piece.rows)) for piece in shard.pieces)
        scored = Sidecar(self.out)
        with output_errors(scored.file(shard.name)):
            scored.write(shard.name, scores)
        seconds = time.monotonic() - started
        return ShardRecord(shard.name, written.rows, written.bytes, written.sha256, {}, round(seconds, 3))

    def _selected(self, shard: CutShard) -> Iterator[pa.RecordBatch]:
        for piece in shard.pieces:
            yield from read_piece(DatasetFolder(self.parent).shard_file(piece.shard), piece, self.row_group_rows)


def read_piece(file: Path, piece: Piece, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The piece's rows in batches of at most `batch_rows`; only the row groups that hold one are read.

    Raises:
        DatasetFolderError: the shard cannot be read or is no shard of triplets.
    """
    try:
        with pq.ParquetFile(file, memory_map=True) as parquet:
            if not parquet.schema_arrow.equals(triplet_schema()):
                raise DatasetFolderError(
                    f"{file} has other columns than a taskpaint triplet; taskpaint verify tells more"
                )
            start = 0
            for group in range(parquet.num_row_groups):
                stop = start + parquet.metadata.row_group(group).num_rows
                if np.any((piece.rows >= start) & (piece.rows < stop)):
                    yield from _group(parquet, group, piece.rows - start, batch_rows)
                start = stop
    except (pa.ArrowException, OSError) as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}; taskpaint verify tells more") from fault


def _group(parquet: pq.ParquetFile, group: int, rows: NDArray[np.int64], batch_rows: int) -> Iterator[pa.RecordBatch]:
    start = 0
    for batch in parquet.iter_batches(batch_rows, [group], use_threads=False):
        wanted = rows[(rows >= start) & (rows < start + batch.num_rows)] - start
        start += batch.num_rows
        if len(wanted) == batch.num_rows:
            yield batch
        elif len(wanted):
            yield batch.take(pa.array(wanted))


def rebatched(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `size`, the last one shorter."""
    pending: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        if not pending and batch.num_rows == size:
            yield batch  # as it is, which is most of them; the rest costs a copy
            continue
        pending.append(batch)
        count += batch.num_rows
        while count >= size:
            whole = pa.concat_batches(pending)
            yield whole.slice(0, size)
            count -= size
            pending = [whole.slice(size)] if count else []
    if count:
        yield pa.concat_batches(pending)
