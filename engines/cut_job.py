"""Cut one shard: copy the surviving rows' Arrow buffers, pictures as the bytes they are, and their scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ..filters.sidecar import Sidecar
from ..manifests.folder import DatasetFolder, ShardRecord
from ..writers.shards import output_errors, write_batches
from .cut_plan import CutShard
from .pieces import read_piece, rebatched
from .threads import use_one_thread


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
        use_one_thread()
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
