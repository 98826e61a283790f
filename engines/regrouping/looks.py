"""What rows look like, as 64-bit hashes: of the bytes, or of what a picture shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...filters.measures.perceptual_hash import perceptual_hash
from ...manifests.errors import BadItem, DatasetFolderError
from ...manifests.folder import DatasetFolder
from ...manifests.images import decode_rgb
from ...manifests.triplet import COLUMNS, IMAGE_COLUMNS
from ..local import default_workers, run_local
from ..threads import use_one_thread
from .rows import Rows

_BATCH_ROWS: Final = 64
_REST: Final = tuple(name for name in COLUMNS if name not in ("id", *IMAGE_COLUMNS))


@dataclass(frozen=True)
class Looks:
    """Hashes of some rows.

    Attributes:
        place: (rows of the dataset,) int64, where a row's hashes are; -1 for rows that were not looked at.
        values: (n, 3) uint64: source, target, and all other columns but the id.
        blank: (n,) whether the source is a gray picture that only fills the place.
        instructions: of these rows.
    """

    place: NDArray[np.int64]
    values: NDArray[np.uint64]
    blank: NDArray[np.bool_]
    instructions: list[str]

    def of(self, row: int) -> tuple[int, ...]:
        """The three hashes of a row."""
        return tuple(self.values[self.place[row]].tolist())


def look(rows: Rows, which: NDArray[np.bool_], *, near: bool, workers: int) -> Looks:
    """Hash rows.

    Args:
        rows: of all datasets.
        which: (rows,) those to look at.
        near: hash what the pictures show (pHash) and not their bytes.
        workers: processes; 0 for one a processor.

    Raises:
        DatasetFolderError: a shard cannot be read, or a picture cannot be opened.
    """
    todo = []
    for parent, one in enumerate(rows.parents):
        for number, shard in enumerate(one.shards):
            mine = np.flatnonzero(rows.where(parent, number) & which)
            if len(mine):
                todo.append(_Part(one.folder, shard, rows.position[mine], mine))
    values, blank = np.zeros((len(rows), 3), np.uint64), np.zeros(len(rows), bool)
    texts: dict[int, str] = {}
    for part, (hashes, gray, instructions) in run_local(_LookJob(near), todo, workers or default_workers()):
        values[part.rows], blank[part.rows] = hashes, gray
        texts.update(zip(part.rows.tolist(), instructions, strict=True))
    found = np.flatnonzero(which)
    place = np.full(len(rows), -1, np.int64)
    place[found] = np.arange(len(found))
    return Looks(place, values[found], blank[found], [texts[row] for row in found.tolist()])


@dataclass(frozen=True)
class _Part:
    """Rows of a shard: positions in it, and in the whole."""

    folder: DatasetFolder
    shard: str
    positions: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class _LookJob:
    """See `engines.local.Job`."""

    near: bool

    def open(self) -> Callable[[_Part], tuple[NDArray[np.uint64], NDArray[np.bool_], list[str]]]:
        """One thread a process."""
        use_one_thread()
        return self._look

    def _look(self, part: _Part) -> tuple[NDArray[np.uint64], NDArray[np.bool_], list[str]]:
        file = part.folder.shard_file(part.shard)
        hash_picture = _shown if self.near else _bytes
        values, blank, instructions = [], [], []
        wanted = set(part.positions.tolist())
        try:
            for position, row in enumerate(_rows(part, file)):
                if position not in wanted:
                    continue
                rest = "\0".join(str(row[name]) for name in _REST)
                values.append([*(hash_picture(row[name]["bytes"]) for name in IMAGE_COLUMNS), _hash(rest.encode())])
                blank.append('"text_to_image":true' in row["params"].replace(" ", ""))
                instructions.append(row["edit_prompt"])
        except (pa.ArrowException, OSError, BadItem, KeyError, TypeError) as fault:
            raise DatasetFolderError(f"{file} cannot be read: {fault}; taskpaint verify tells more") from fault
        return np.array(values, np.uint64).reshape(-1, 3), np.array(blank, bool), instructions


def _rows(part: _Part, file: Any) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(file, memory_map=True) as parquet:
        for batch in parquet.iter_batches(_BATCH_ROWS, use_threads=False):
            yield from batch.to_pylist()


def _bytes(data: bytes) -> int:
    return _hash(data)


def _shown(data: bytes) -> int:
    return perceptual_hash(decode_rgb(data))


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
