"""The rows of several datasets, end to end; light columns only, no picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...manifests.errors import DatasetFolderError, UsageError
from ...manifests.folder import DatasetFolder, split_of
from ...writers.shards import file_sha256

_LIGHT = ("id", "task", "image_key")


@dataclass(frozen=True)
class Parent:
    """A dataset that rows are taken from.

    Attributes:
        folder: where it lies.
        manifest, manifest_sha256: of it.
        shards: those that are taken.
    """

    folder: DatasetFolder
    manifest: dict[str, Any]
    manifest_sha256: str
    shards: tuple[str, ...]

    @property
    def name(self) -> str:
        """As its manifest has it."""
        return str(self.manifest.get("name") or self.folder.root.name)


@dataclass(frozen=True)
class Rows:
    """All rows of some parents; arrays are (rows,).

    Attributes:
        parents: in the order given.
        parent, shard: int32, whose row it is, and in which of the parent's shards.
        position: int64, its place in the shard.
        split_names: of all parents, `train` first.
        split: int32, positions in `split_names`.
        ids, tasks, photographs: columns `id`, `task` and `image_key`.
    """

    parents: tuple[Parent, ...]
    parent: NDArray[np.int32]
    shard: NDArray[np.int32]
    position: NDArray[np.int64]
    split_names: tuple[str, ...]
    split: NDArray[np.int32]
    ids: pa.Array
    tasks: pa.Array
    photographs: pa.Array

    def __len__(self) -> int:
        return len(self.parent)

    def where(self, parent: int, shard: int) -> NDArray[np.bool_]:
        """Which rows are of a shard."""
        return (self.parent == parent) & (self.shard == shard)


def read_rows(roots: Sequence[Path], only: Sequence[str] = ()) -> Rows:
    """Read the light columns of datasets.

    Args:
        roots: dataset folders.
        only: splits to take; empty for all.

    Raises:
        UsageError: a folder is given twice, or a split is in none of them.
        DatasetFolderError: one is no finished dataset or cannot be read.
    """
    if len({root.resolve() for root in roots}) < len(roots):
        raise UsageError("a dataset is given twice; name every folder once")
    manifests = [(DatasetFolder(root), DatasetFolder(root).manifest()) for root in roots]
    present = {split_of(shard["name"]) for _, manifest in manifests for shard in manifest["shards"]}
    for split in only:
        if split not in present:
            raise UsageError(f"--only {split}: there is no such split; there are {', '.join(sorted(present))}")
    names = tuple(sorted(set(only) or present, key=lambda split: (split != "train", split)))
    parents: list[Parent] = []
    tables: list[pa.RecordBatch] = []
    places: list[tuple[int, int, int, int]] = []
    for folder, manifest in manifests:
        listed = [shard["name"] for shard in manifest["shards"]]
        shards = tuple(shard for shard in listed if split_of(shard) in names)
        for number, shard in enumerate(shards):
            tables.append(_light(folder.shard_file(shard)))
            places.append((len(parents), number, names.index(split_of(shard)), tables[-1].num_rows))
        parents.append(Parent(folder, manifest, file_sha256(folder.manifest_file), shards))
    if not tables:
        raise DatasetFolderError(f"{', '.join(map(str, roots))} hold no shards; build them first")
    counts = [place[3] for place in places]
    parent, shard, split_codes = (
        np.repeat([place[at] for place in places], counts).astype(np.int32) for at in range(3)
    )
    position = np.concatenate([np.arange(count, dtype=np.int64) for count in counts])
    columns = [pa.chunked_array([table[name] for table in tables]).combine_chunks() for name in _LIGHT]
    return Rows(tuple(parents), parent, shard, position, names, split_codes, *columns)


def codes_of(column: pa.Array) -> NDArray[np.int64]:
    """(n,) equal texts as equal numbers, counted from 0 as they first occur."""
    return np.asarray(column.dictionary_encode().indices, np.int64)


def _light(file: Path) -> pa.RecordBatch:
    try:
        with pq.ParquetFile(file) as parquet:
            table = parquet.read(columns=list(_LIGHT))
    except (pa.ArrowException, OSError, KeyError) as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}; taskpaint verify tells more") from fault
    # 64-bit offsets: names of tens of millions of rows are more than 2 GB
    columns = {name: table.column(name).combine_chunks().cast(pa.large_string()) for name in _LIGHT}
    return pa.RecordBatch.from_pydict(columns)
