"""What the card says of the rows themselves: counts by task and source, and which row shows each task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..manifests.errors import DatasetFolderError

_LIGHT: Final = ["task", "source_dataset", "source_split", "license"]
_CANDIDATES: Final = 8
"""Rows a task may offer for its picture; the first whose target shows something is taken."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands. row: counted from 0 over the whole shard."""

    shard: Path
    row: int


@dataclass(frozen=True)
class CardSurvey:
    """What one look over the light columns found.

    Attributes:
        rows: (task, source dataset, source split, licence) -> rows, over all splits.
        places: task -> its first rows, those of `train` first.
    """

    rows: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    places: dict[str, list[Place]] = field(default_factory=dict)

    def licenses(self) -> dict[str, set[str]]:
        """Source dataset -> licence texts of its rows."""
        found: dict[str, set[str]] = {}
        for _, dataset, _, text in self.rows:
            found.setdefault(dataset, set()).add(text)
        return found


def survey_rows(shards: Iterable[Path]) -> CardSurvey:
    """Count rows and note the first ones of each task; no image is read.

    Args:
        shards: Parquet files, in any order.

    Raises:
        DatasetFolderError: one cannot be read.
    """
    found = CardSurvey()
    for shard in in_card_order(shards):
        try:
            with pq.ParquetFile(shard) as parquet:
                table = parquet.read(columns=_LIGHT)
        except (pa.ArrowException, OSError, KeyError) as fault:
            raise DatasetFolderError(f"{shard} cannot be read: {fault}") from fault
        if missing := [name for name in _LIGHT if name not in table.column_names]:
            raise DatasetFolderError(f"{shard} has no column {missing[0]}; was it written by taskpaint?")
        _count(table, found)
        _note_places(table, shard, found)
    return found


def in_card_order(shards: Iterable[Path]) -> list[Path]:
    """Shards of `train` first: the card's pictures are taken from the first rows."""
    return sorted(shards, key=lambda file: (not file.name.startswith("train-"), file.name))


def join_surveys(surveys: Iterable[CardSurvey]) -> CardSurvey:
    """One survey of each shard, in card order, as `survey_rows` makes of all of them."""
    joined = CardSurvey()
    for one in surveys:
        joined.rows.update(one.rows)
        for task, places in one.places.items():
            known = joined.places.setdefault(task, [])
            known += places[: _CANDIDATES - len(known)]
    return joined


def read_place(place: Place, columns: list[str]) -> dict[str, Any]:
    """A row, reading no more than its row group.

    Raises:
        DatasetFolderError: the shard cannot be read.
    """
    try:
        with pq.ParquetFile(place.shard) as parquet:
            start = 0
            for group in range(parquet.num_row_groups):
                count = parquet.metadata.row_group(group).num_rows
                if place.row < start + count:
                    return _row_of(parquet, group, place.row - start, columns)
                start += count
    except (pa.ArrowException, OSError, KeyError) as fault:
        raise DatasetFolderError(f"{place.shard} cannot be read: {fault}") from fault
    raise DatasetFolderError(f"{place.shard} has no row {place.row}")


def _row_of(parquet: pq.ParquetFile, group: int, row: int, columns: list[str]) -> dict[str, Any]:
    for batch in parquet.iter_batches(batch_size=8, row_groups=[group], columns=columns):
        if row < batch.num_rows:
            return batch.slice(row, 1).to_pylist()[0]
        row -= batch.num_rows
    raise OSError(f"row group {group} is shorter than its footer says")


def _count(table: pa.Table, found: CardSurvey) -> None:
    for group in table.group_by(_LIGHT).aggregate([([], "count_all")]).to_pylist():
        key = tuple(group[name] or "" for name in _LIGHT)
        found.rows[key] += group["count_all"]  # type: ignore[index]


def _note_places(table: pa.Table, shard: Path, found: CardSurvey) -> None:
    tasks = table.column("task")
    for task in filter(None, tasks.unique().to_pylist()):
        places = found.places.setdefault(task, [])
        if len(places) < _CANDIDATES:
            rows = pc.indices_nonzero(pc.equal(tasks, task)).to_pylist()
            places += [Place(shard, row) for row in rows[: _CANDIDATES - len(places)]]
