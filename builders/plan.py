"""The plan: every triplet that will be tried, in shuffled order, without being written out one by one.

A stream (source x task) is a list of index rows, repeated `repeats` times with new draws, plus some `extra` rows once
more. All streams of an output split are laid end to end and shuffled by a seeded permutation, so that any position
of any shard is found in constant memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..manifests.errors import BadItem
from ..manifests.folder import replacing
from ..manifests.recipe import HELD_OUT_INSTRUCTIONS, Recipe, Splits
from .index import SourceIndex
from .permutation import Permutation, hash_text, scramble
from .resolve import Stream

SPLITS: Final = ("train", "validation", "test")

_SCHEMA = pa.schema(
    [
        ("split", pa.int8()),
        ("stream", pa.int32()),
        ("repeats", pa.int32()),
        ("rows", pa.large_list(pa.uint32())),
        ("extra", pa.large_list(pa.uint32())),
    ]
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One triplet to be tried. stream: position in the plan's streams; row: of its index; variant: which draw."""

    stream: int
    row: int
    variant: int


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of positions of one split's shuffled order: [start, stop)."""

    split: str
    number: int
    of: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """File name without suffix: train-00000-of-00012."""
        return f"{self.split}-{self.number:05d}-of-{self.of:05d}"


@dataclass(frozen=True)
class _Part:
    """One stream's share of one split."""

    stream: int
    repeats: int
    rows: NDArray[np.uint32]
    extra: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.rows) * self.repeats + len(self.extra)

    def at(self, position: int) -> tuple[int, int]:
        """Row and variant of one of its units."""
        if position < len(self.rows) * self.repeats:
            return int(self.rows[position % len(self.rows)]), position // len(self.rows)
        return int(self.extra[position - len(self.rows) * self.repeats]), self.repeats


class Plan:
    """What will be built, by split.

    The split called `repeated` comes a second time, in the same order, as the split of held-out instructions.
    """

    def __init__(
        self, parts: dict[str, list[_Part]], seed: int, limit: int | None = None, repeated: str | None = None
    ) -> None:
        self._own = parts
        if repeated in parts:
            parts = {**parts, HELD_OUT_INSTRUCTIONS: parts[repeated]}
        self._parts = parts
        totals = {split: sum(len(part) for part in parts[split]) for split in parts}
        self._totals = totals
        self.counts = _capped(totals, limit)
        names = {split: split for split in totals}
        if repeated in parts:
            self.counts = _levelled(self.counts, (repeated, HELD_OUT_INSTRUCTIONS))
            names[HELD_OUT_INSTRUCTIONS] = repeated
        self._orders = {split: Permutation(totals[split], f"{seed}|order|{name}") for split, name in names.items()}
        self._starts = {
            split: np.concatenate([[0], np.cumsum([len(part) for part in parts[split]])]).astype(np.int64)
            for split in parts
        }

    def __len__(self) -> int:
        return sum(self.counts.values())

    def shards(self, rows_per_shard: int | None) -> list[Shard]:
        """Cut every split into shards of like size; numbers run from 0 without gaps."""
        return shards_of(self.counts, rows_per_shard)

    def units(self, shard: Shard) -> list[Unit]:
        """The units of a shard, in their order."""
        places = self._orders[shard.split](np.arange(shard.start, shard.stop, dtype=np.int64))
        starts, parts = self._starts[shard.split], self._parts[shard.split]
        owners = np.searchsorted(starts, places, side="right") - 1
        units = []
        for place, owner in zip(places.tolist(), owners.tolist(), strict=True):
            row, variant = parts[owner].at(place - int(starts[owner]))
            units.append(Unit(parts[owner].stream, row, variant))
        return units

    def per_stream(self, streams: int) -> list[dict[str, int]]:
        """Planned units of each stream by split, before any overall limit."""
        found: list[dict[str, int]] = [{} for _ in range(streams)]
        for split, parts in self._parts.items():
            for part in parts:
                found[part.stream][split] = len(part)
        return found

    def save(self, file: Path) -> None:
        """Write the plan for workers to map into memory."""
        rows = [
            {
                "split": SPLITS.index(split),
                "stream": part.stream,
                "repeats": part.repeats,
                "rows": part.rows,
                "extra": part.extra,
            }
            for split, parts in self._own.items()
            for part in parts
        ]
        with (
            replacing(file) as part,  # workers of an earlier run may still have the old file mapped
            pa.OSFile(str(part), "wb") as sink,
            pa.ipc.new_file(sink, _SCHEMA) as writer,
        ):
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))

    @classmethod
    def load(cls, file: Path, seed: int, limit: int | None, repeated: str | None = None) -> Plan:
        """Map a saved plan into memory; the arguments are those it was made with."""
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        parts: dict[str, list[_Part]] = {}
        for position in range(len(table)):
            split = SPLITS[table["split"][position].as_py()]
            rows, extra = (table[name][position].values.to_numpy() for name in ("rows", "extra"))
            part = _Part(table["stream"][position].as_py(), table["repeats"][position].as_py(), rows, extra)
            parts.setdefault(split, []).append(part)
        return cls(parts, seed, limit, repeated)


def make_plan(recipe: Recipe, streams: Sequence[Stream], limit: int | None = None) -> Plan:
    """Decide every triplet.

    Args:
        recipe: weights, limits, seed and splits.
        streams: the sources and tasks, opened.
        limit: at most this many triplets in all, drawn from the mixture as it is.
    """
    indexes = list({id(stream.index): stream.index for stream in streams}.values())
    splits = dict(zip(map(id, indexes), assign_splits(indexes, recipe.splits, recipe.seed), strict=True))
    hashes = {id(index): _row_hashes(index) for index in indexes}
    parts: dict[str, list[_Part]] = {}
    for position, stream in enumerate(streams):
        split_of, hashed = splits[id(stream.index)], hashes[id(stream.index)]
        rows = np.flatnonzero(stream.task.eligible(stream.index))
        if stream.source.limit is not None:
            rows = _fewest(rows, hashed, f"{recipe.seed}|{stream.source.label}", stream.source.limit)
        weight = stream.source.weight * stream.entry.weight
        repeats, extra = _drawn(rows, hashed, f"{recipe.seed}|{stream.label}", weight, stream.entry.limit)
        for code, split in enumerate(SPLITS):
            mine = rows[split_of[rows] == code] if repeats else rows[:0]
            part = _Part(position, repeats, mine.astype(np.uint32), extra[split_of[extra] == code].astype(np.uint32))
            if len(part):
                parts.setdefault(split, []).append(part)
    ordered = {str(split): parts[split] for split in SPLITS if split in parts}
    return Plan(ordered, recipe.seed, limit, recipe.instructions.repeated_split)


def shards_of(counts: Mapping[str, int], rows_per_shard: int | None) -> list[Shard]:
    """Cut splits of so many units into shards of like size; numbers run from 0 without gaps."""
    size = rows_per_shard or automatic_rows(sum(counts.values()))
    found = []
    for split, count in counts.items():
        total = math.ceil(count / size)
        found += [
            Shard(split, number, total, number * count // total, (number + 1) * count // total)
            for number in range(total)
        ]
    return found


def automatic_rows(count: int) -> int:
    """Rows a shard when the recipe does not say: up to 1024, fewer when that would leave under 16 shards."""
    return min(1024, max(32, math.ceil(count / 16)))


def assign_splits(indexes: Sequence[SourceIndex], splits: Splits, seed: int) -> list[NDArray[np.int8]]:
    """Which output split every row's photograph belongs to, the same wherever the photograph turns up.

    Returns:
        One (rows,) array per index, of positions in `SPLITS`.
    """
    hashed = [_photograph_hashes(index, splits) for index in indexes]
    if splits.by == "hash":
        share = [scramble(keys ^ np.uint64(hash_text(f"{seed}|split"))) / 2.0**64 for keys in hashed]
        return [
            np.where(s < splits.test, 2, np.where(s < splits.test + splits.validation, 1, 0)).astype(np.int8)
            for s in share
        ]
    own = [SPLITS.index(index.source.held_out_as()) for index in indexes]
    found = []
    for keys, code in zip(hashed, own, strict=True):
        result = np.full(len(keys), code, np.int8)
        for other_keys, other in zip(hashed, own, strict=True):
            if other > code:  # a photograph that another source holds out is held out here too
                shared = np.isin(keys, other_keys)
                result[shared] = np.maximum(result[shared], other)
        found.append(result)
    return found


def _photograph_hashes(index: SourceIndex, splits: Splits) -> NDArray[np.uint64]:
    if splits.identity == "key":
        return np.array([hash_text(key) for key in index.image_keys()], np.uint64)
    return np.array([_content_hash(index, row) for row in range(len(index))], np.uint64)


def _content_hash(index: SourceIndex, row: int) -> int:
    try:
        return hash_text(index.sample(row).image.read().hex())
    except BadItem:
        return hash_text(index.key_and_id(row)[0])  # it will be rejected when its turn comes


def _row_hashes(index: SourceIndex) -> NDArray[np.uint64]:
    return np.array([hash_text(item) for item in index.ids()], np.uint64)


def _fewest(rows: NDArray[np.int64], hashed: NDArray[np.uint64], salt: str, count: int) -> NDArray[np.int64]:
    """`count` of the rows, drawn by hash, in index order."""
    if count >= len(rows):
        return rows
    rank = scramble(hashed[rows] ^ np.uint64(hash_text(salt)))
    return np.sort(rows[np.argsort(rank, kind="stable")[:count]])


def _drawn(
    rows: NDArray[np.int64], hashed: NDArray[np.uint64], salt: str, weight: float, limit: int | None
) -> tuple[int, NDArray[np.int64]]:
    """How often every row is used, and which rows once more."""
    total = round(weight * len(rows))
    total = total if limit is None else min(total, limit)
    if not len(rows):
        return 0, rows
    repeats, rest = divmod(total, len(rows))
    return repeats, _fewest(rows, hashed, salt, rest) if rest else rows[:0]


def _capped(totals: dict[str, int], limit: int | None) -> dict[str, int]:
    """Split an overall limit in proportion, at least one to a split while it lasts."""
    whole = sum(totals.values())
    if limit is None or limit >= whole:
        return dict(totals)
    capped = {split: max(1, limit * total // whole) for split, total in totals.items()}
    for split, total in totals.items():  # what rounding left over
        capped[split] += max(0, min(limit - sum(capped.values()), total - capped[split]))
    while sum(capped.values()) > limit:
        capped[max(reversed(capped), key=lambda split: capped[split])] -= 1
    return {split: count for split, count in capped.items() if count}


def _levelled(counts: dict[str, int], splits: tuple[str, ...]) -> dict[str, int]:
    """Bring some splits down to the smallest of them."""
    least = min(counts.get(split, 0) for split in splits)
    levelled = {split: least if split in splits else count for split, count in counts.items()}
    return {split: count for split, count in levelled.items() if count}
