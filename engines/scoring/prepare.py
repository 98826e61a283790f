"""Reading, decoding and preparing pictures in worker processes, a chunk at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...filters.scorer import Embedder
from ...manifests.errors import ItemError
from ...manifests.folder import DatasetFolder
from ...manifests.images import decode_rgb
from ...manifests.triplet import IMAGE_COLUMNS
from ..local import run_in_order
from ..threads import use_one_thread
from .catalogue import ShardEntry
from .slots import SlotFile, Slots
from .store import EmbeddingStore

CHUNK: Final = 32
"""Pictures that a worker prepares at a time."""
_AHEAD: Final = 3
"""Chunks in the making for each worker."""
_LOOK_SECONDS: Final = 60.0
"""How often a rank looks what others have embedded."""


@dataclass(frozen=True)
class Chunk:
    """Pictures of one row group.

    Attributes:
        shard, row_group: where they stand.
        rows: in the row group, one for each picture.
        sides: 0 for the source, 1 for the target, one for each picture.
        keys: one for each picture.
        slot: where the prepared pictures go.
    """

    shard: str
    row_group: int
    rows: tuple[int, ...]
    sides: tuple[int, ...]
    keys: tuple[bytes, ...]
    slot: int = 0


@dataclass(frozen=True)
class Prepared:
    """What became of a chunk.

    Attributes:
        keys: of the pictures that were prepared.
        pictures: (n, …) what the embedder made of each; valid until the next chunk is drawn.
        failed: key and reason of the others.
    """

    keys: tuple[bytes, ...]
    pictures: NDArray[Any]
    failed: tuple[tuple[bytes, str], ...]


class MissingPictures:
    """Every picture of some shards without a vector, once, where it stands first; iterating gives them in chunks.

    Where others write to the store too, pictures that they have embedded meanwhile are left out as it goes on.
    """

    def __init__(self, entries: Sequence[ShardEntry], store: EmbeddingStore) -> None:
        self._entries, self._store = entries, store
        self._keys = np.concatenate([np.zeros((0, 2), "S16"), *(entry.keys() for entry in entries)]).reshape(-1)
        first = np.unique(self._keys, return_index=True)[1]
        self._wanted = np.zeros(len(self._keys), bool)
        self._wanted[first] = store.missing(self._keys[first])

    def __len__(self) -> int:
        """Pictures, as far as is known now."""
        return int(self._wanted.sum())

    def __iter__(self) -> Iterator[Chunk]:
        start, looked = 0, time.monotonic()
        for entry in self._entries:
            if self._store.is_shared and time.monotonic() - looked >= _LOOK_SECONDS:
                self._leave_out_from(start)
                looked = time.monotonic()
            for group, rows in enumerate(entry.row_groups):
                yield from self._chunks(entry.name, group, start, rows)
                start += 2 * rows

    def _leave_out_from(self, start: int) -> None:
        self._store.look_again()
        places = start + np.flatnonzero(self._wanted[start:])
        self._wanted[places] = self._store.missing(self._keys[places])

    def _chunks(self, shard: str, group: int, start: int, rows: int) -> Iterator[Chunk]:
        places = np.flatnonzero(self._wanted[start : start + 2 * rows])
        for at in range(0, len(places), CHUNK):
            some = places[at : at + CHUNK]
            raw = self._keys[start + some].tobytes()  # items of an S16 array would lose zeros at their end
            keys = tuple(raw[n : n + 16] for n in range(0, len(raw), 16))
            yield Chunk(shard, group, tuple(some // 2), tuple(some % 2), keys)


def prepared(root: Path, embedder: Embedder, chunks: Iterable[Chunk], workers: int) -> Iterator[Prepared]:
    """Prepare chunks, in their order."""
    sample = embedder.prepare(np.zeros((64, 64, 3), np.uint8))
    ahead = max(_AHEAD * workers, 1)
    with Slots(ahead, (CHUNK, *sample.shape), sample.dtype) as slots:
        placed = (_placed(chunk, number % ahead) for number, chunk in enumerate(chunks))
        job = _PrepareJob(root, embedder, slots.file)
        for chunk, failed in run_in_order(job, placed, workers, ahead):
            good = tuple(key for key in chunk.keys if key not in failed)
            yield Prepared(good, slots.arrays[chunk.slot, : len(good)], tuple(failed.items()))


def _placed(chunk: Chunk, slot: int) -> Chunk:
    return Chunk(chunk.shard, chunk.row_group, chunk.rows, chunk.sides, chunk.keys, slot)


@dataclass(frozen=True)
class _PrepareJob:
    root: Path
    embedder: Embedder
    slots: SlotFile

    def open(self) -> Callable[[Chunk], dict[bytes, str]]:
        use_one_thread()
        arrays = self.slots.open()
        return lambda chunk: self._prepare(chunk, arrays[chunk.slot])

    def _prepare(self, chunk: Chunk, slot: NDArray[Any]) -> dict[bytes, str]:
        """Fill the slot with what can be prepared; returns key -> reason of what cannot."""
        failed: dict[bytes, str] = {}
        filled = 0
        for key, data in zip(chunk.keys, read_chunk(self.root, chunk), strict=True):
            try:
                slot[filled] = self.embedder.prepare(decode_rgb(data or b""))
                filled += 1
            except ItemError as fault:
                failed[key] = str(fault)
        return failed


def read_chunk(root: Path, chunk: Chunk) -> Iterator[bytes | None]:
    """Encoded bytes of a chunk's pictures."""
    file = DatasetFolder(root).shard_file(chunk.shard)
    with pq.ParquetFile(file, memory_map=True) as parquet:
        sides = sorted({IMAGE_COLUMNS[side] for side in chunk.sides})
        table = parquet.read_row_group(chunk.row_group, columns=[f"{name}.bytes" for name in sides])
    columns = {name: table.column(name).combine_chunks().field("bytes") for name in sides}
    for row, side in zip(chunk.rows, chunk.sides, strict=True):
        yield columns[IMAGE_COLUMNS[side]][row].as_py()
