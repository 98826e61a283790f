"""A dataset's scores in memory, checked against the rows beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..filters.sidecar import Sidecar
from ..filters.survival import ScoredRows
from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder


def read_scores(
    parent: DatasetFolder, manifest: Mapping[str, Any], sidecar: Sidecar, columns: Sequence[str]
) -> ScoredRows:
    """Read scores of all shards, and check that they belong to the rows beside them.

    Memory: 8 bytes a row and column.

    Raises:
        DatasetFolderError: a shard without scores, of other data, or with other rows.
    """
    shards = [shard["name"] for shard in manifest["shards"]]
    tasks: list[pa.Array] = []
    scores: dict[str, list[Any]] = {name: [] for name in columns}
    starts = [0]
    for shard in shards:
        table = sidecar.read(shard)
        ids = _data_ids(parent.shard_file(shard))
        if table.column("id").combine_chunks() != ids:
            raise DatasetFolderError(
                f"scores of {shard} are of other rows, or in another order, than its data; "
                f"run taskpaint score {parent.root} again"
            )
        tasks += table.column("task").chunks
        for name in columns:
            scores[name].append(_numbers(table.column(name)))
        starts.append(starts[-1] + table.num_rows)
    names, codes = _coded(pa.chunked_array(tasks, pa.string()))
    columns_of = {name: np.concatenate([np.zeros(0), *parts]) for name, parts in scores.items()}
    return ScoredRows(tuple(shards), np.array(starts, np.int64), names, codes, columns_of)


def _coded(tasks: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The names that occur, sorted, and the position of every row's."""
    encoded = tasks.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    ordered = sorted(names)
    place = np.array([ordered.index(name) for name in names], np.int32)
    return tuple(ordered), place[encoded.indices.to_numpy()]


def _numbers(column: pa.ChunkedArray) -> Any:
    return column.cast(pa.float64()).fill_null(float("nan")).to_numpy()


def _data_ids(file: Path) -> pa.Array:
    try:
        with pq.ParquetFile(file) as parquet:
            return parquet.read(columns=["id"]).column("id").combine_chunks()
    except (pa.ArrowException, OSError, KeyError) as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}; build the dataset again") from fault
