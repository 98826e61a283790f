"""Rows of finished shards by their positions, read as they lie: what cuts, regroupings and exports are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..manifests.errors import DatasetFolderError
from ..manifests.recipe import Output
from ..manifests.triplet import triplet_schema
from ..writers.shards import ROW_GROUP_BYTES


@dataclass(frozen=True)
class Piece:
    """Rows of one shard. rows: (n,) int64, rising positions in it."""

    shard: str
    rows: NDArray[np.int64]


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


def row_group_rows(manifest: Mapping[str, Any], *others: Mapping[str, Any]) -> int:
    """Rows of a row group, as the recipe of the dataset has them; fewer where those of a shard are so large that a row
    group would hold more than `ROW_GROUP_BYTES`.

    Args:
        manifest: of the dataset.
        others: of datasets that are put to it.
    """
    recipe = manifest.get("recipe") or {}
    given = recipe.get("output", {}).get("row_group_rows")
    rows = given if isinstance(given, int) and given > 0 else Output().row_group_rows
    shards = [shard for one in (manifest, *others) for shard in one["shards"] if shard["rows"]]
    heaviest = max((shard["bytes"] / shard["rows"] for shard in shards), default=1.0)
    return max(1, min(rows, int(ROW_GROUP_BYTES / heaviest)))
