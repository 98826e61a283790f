"""Export one shard: read its rows, hand them to the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ..manifests.folder import DatasetFolder
from ..manifests.heartbeats import heartbeat
from ..writers.export import Destination, Export, Written, find_export
from ..writers.shards import output_errors
from .export_plan import PlannedPart
from .pieces import read_piece, rebatched
from .threads import use_one_thread


@dataclass(frozen=True)
class ExportJob:
    """Exports shards of one plan in any process; see `engines.local.Job`.

    Attributes:
        parent: the dataset.
        place: where to.
        format: name of the export.
        batch_rows: rows that are held at a time; Parquet formats make row groups of them.
    """

    parent: Path
    place: Destination
    format: str
    batch_rows: int

    def open(self) -> Callable[[PlannedPart], Written]:
        """One thread a process."""
        use_one_thread()
        export = find_export(self.format)()
        return lambda planned: self._write(export, planned)

    def _write(self, export: Export, planned: PlannedPart) -> Written:
        part, out = planned.part, DatasetFolder(self.place.root)
        with output_errors(self.place.root / part.split), heartbeat(out, part.name, part.rows) as beat:
            return export.write(self.place, part, rebatched(self._rows(planned, beat), self.batch_rows))

    def _rows(self, planned: PlannedPart, beat: Callable[[], None]) -> Iterator[pa.RecordBatch]:
        for piece in planned.pieces:
            for batch in read_piece(DatasetFolder(self.parent).shard_file(piece.shard), piece, self.batch_rows):
                beat()
                yield batch
