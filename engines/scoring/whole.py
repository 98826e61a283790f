"""Scores that compare all rows of a dataset with each other: near-duplicates by hash and by embedding."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...filters.duplicates import DatasetRows, Duplicates, EmbeddingDuplicates, join_hashes
from ...filters.sidecar import ScorerRecord, Sidecar
from ...manifests.folder import split_of
from ...manifests.recipe import HELD_OUT_INSTRUCTIONS
from .catalogue import ShardEntry
from .choose import HASHES
from .parts import Parts
from .store import EmbeddingStore


def dataset_digest(entries: Sequence[ShardEntry]) -> str:
    """SHA-256 of all shards' names and SHA-256."""
    return digest_of({entry.name: entry.sha256 for entry in entries})


def digest_of(shards: Mapping[str, str]) -> str:
    """As `dataset_digest`, of shard -> SHA-256 in order."""
    lines = "".join(f"{name} {sha256}\n" for name, sha256 in shards.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def score_whole(
    scorer: Duplicates | EmbeddingDuplicates,
    key: str,
    records: Mapping[str, ScorerRecord],
    entries: Sequence[ShardEntry],
    parts: Parts,
    sidecar: Sidecar,
    store: EmbeddingStore | None = None,
    repeated: str = "",
) -> None:
    """Score all shards and write the parts.

    Args:
        scorer, key: what is scored; `records` holds what is written of it, and of the measure of hashes.
        entries: all shards, their hashes or embeddings made.
        parts, sidecar: where the hashes are.
        store: of the embeddings; for those that take them.
        repeated: as for `dataset_rows`.
    """
    if isinstance(scorer, Duplicates):
        hashes = (HASHES, records[HASHES])
        score_duplicates(scorer, key, hashes, entries, records[key], parts, sidecar, repeated)
    else:
        assert store is not None
        score_embedding_duplicates(scorer, key, entries, records[key], parts, store, repeated)


def score_duplicates(
    scorer: Duplicates,
    key: str,
    hashes: tuple[str, ScorerRecord],
    entries: Sequence[ShardEntry],
    record: ScorerRecord,
    parts: Parts,
    sidecar: Sidecar,
    repeated: str = "",
) -> None:
    """Score all shards by the hashes that were stored, and write the parts.

    Args:
        scorer, key, record: what is scored and written.
        hashes: key and record of the measure that made the hashes of every shard.
        entries: all shards.
        parts, sidecar: where the hashes are.
        repeated: as for `dataset_rows`.
    """
    names = [column.name for column in Duplicates.needs]
    tables = [_stored(hashes, names, entry, parts, sidecar) for entry in entries]
    columns = [np.concatenate([np.zeros(0), *(_numbers(table, name) for table in tables)]) for name in names]
    there = np.isfinite(np.stack(columns)).all(axis=0)
    source_high, source_low, target_high, target_low = (column[there] for column in columns)
    rows = dataset_rows(entries, repeated)
    found = scorer.score(_some(rows, there), join_hashes(source_high, source_low), join_hashes(target_high, target_low))
    _write(found, there, key, entries, record, parts)


def score_embedding_duplicates(
    scorer: EmbeddingDuplicates,
    key: str,
    entries: Sequence[ShardEntry],
    record: ScorerRecord,
    parts: Parts,
    pictures: EmbeddingStore,
    repeated: str = "",
) -> None:
    """Score all shards by the embeddings of their sources, and write the parts."""
    keys = np.concatenate([np.zeros(0, "S16"), *(entry.keys()[:, 0] for entry in entries)])
    distinct, items = np.unique(keys, return_inverse=True)
    vectors = pictures.gather(distinct)
    usable = np.asarray(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1))
    there = usable[items]
    numbers = np.cumsum(usable) - 1
    found = scorer.score(_some(dataset_rows(entries, repeated), there), vectors[usable], numbers[items[there]])
    _write(found, there, key, entries, record, parts)


def dataset_rows(entries: Sequence[ShardEntry], repeated: str) -> DatasetRows:
    """What is known of all rows.

    Args:
        entries: all shards.
        repeated: the split that the split of held-out instructions shows again; its photographs are no leak there.
    """
    names = ("id", "task", "image_key", "edit_prompt")
    tables = [entry.table(names) for entry in entries]
    texts = {name: [text for table in tables for text in table.column(name).to_pylist()] for name in names}
    splits = [_split_of(entry.name, repeated) for entry in entries for _ in range(entry.rows)]
    return DatasetRows(texts["id"], texts["task"], splits, texts["image_key"], texts["edit_prompt"])


def _split_of(shard: str, repeated: str) -> str:
    split = split_of(shard)
    return repeated if repeated and split == HELD_OUT_INSTRUCTIONS else split


def _some(rows: DatasetRows, wanted: NDArray[np.bool_]) -> DatasetRows:
    places = np.flatnonzero(wanted).tolist()
    columns = (rows.ids, rows.tasks, rows.splits, rows.photographs, rows.instructions)
    return DatasetRows(*([column[place] for place in places] for column in columns))


def _stored(
    hashes: tuple[str, ScorerRecord], names: Sequence[str], entry: ShardEntry, parts: Parts, sidecar: Sidecar
) -> pa.Table:
    key, record = hashes
    if parts.holds(key, entry.name, record.identity, entry.sha256):
        return parts.read(key, entry.name)[0]
    return sidecar.stored(entry.name).select(list(names))


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return table.column(name).cast(pa.float64()).fill_null(float("nan")).to_numpy()


def _write(
    found: Mapping[str, NDArray[np.float64]],
    there: NDArray[np.bool_],
    key: str,
    entries: Sequence[ShardEntry],
    record: ScorerRecord,
    parts: Parts,
) -> None:
    whole = {name: np.full(len(there), np.nan) for name in found}
    for name, values in found.items():
        whole[name][there] = values
    start = 0
    for entry in entries:
        scores = {name: values[start : start + entry.rows] for name, values in whole.items()}
        parts.write(key, entry.name, record, entry.sha256, scores, [])
        start += entry.rows
