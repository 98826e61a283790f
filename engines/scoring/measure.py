"""Measures of pixels: one pass over a shard decodes each pair once for all measures that it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from ...filters.scorer import PairMeasure
from ...filters.sidecar import ScorerRecord
from ...manifests.errors import ItemError
from ...manifests.folder import DatasetFolder
from ...manifests.images import RGB, decode_rgb
from ...manifests.triplet import IMAGE_COLUMNS
from ..threads import use_one_thread
from .catalogue import SIDES
from .parts import Parts, Reject, check_scores

_READ_ROWS: Final = 16


@dataclass(frozen=True)
class MeasureTask:
    """A shard and the measures that it lacks.

    Attributes:
        shard, sha256: the data.
        keys: of the measures.
    """

    shard: str
    sha256: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class MeasureJob:
    """Measures shards; `run_local` runs it.

    Attributes:
        root: the dataset.
        measures: all that any shard lacks, by key.
        records: what is written of each.
    """

    root: Path
    measures: Mapping[str, PairMeasure]
    records: Mapping[str, ScorerRecord]

    def open(self) -> Callable[[MeasureTask], int]:
        """One thread a process."""
        use_one_thread()
        return self._measure

    def _measure(self, task: MeasureTask) -> int:
        """Write the shard's parts; returns its rows."""
        folder = DatasetFolder(self.root)
        measures = {key: self.measures[key] for key in task.keys}
        rows: dict[str, list[Mapping[str, float]]] = {key: [] for key in measures}
        rejects: list[Reject] = []
        for number, sides in enumerate(_pairs(folder.shard_file(task.shard))):
            pair, faults = _decoded(sides)
            rejects += [{"row": number, "side": side, "reason": reason} for side, reason in faults.items()]
            for key, measure in measures.items():
                rows[key].append(_scores(key, measure, pair, number, rejects))
        parts = Parts(folder.state)
        for key, measured in rows.items():
            record = self.records[key]
            scores = {c.name: np.array([row[c.name] for row in measured], np.float64) for c in record.columns}
            parts.write(key, task.shard, record, task.sha256, scores, rejects)
        return len(next(iter(rows.values()), []))


def _scores(key: str, measure: PairMeasure, pair: list[RGB], number: int, rejects: list[Reject]) -> Mapping[str, float]:
    columns = measure.columns
    if len(pair) == len(SIDES):
        try:
            scores = measure.measure(*pair)
        except ItemError as fault:
            rejects.append({"row": number, "side": "pair", "reason": f"{key}: {fault}"})
        else:
            check_scores(key, columns, scores)
            return scores
    return {column.name: math.nan for column in columns}


def _decoded(sides: tuple[Any, ...]) -> tuple[list[RGB], dict[str, str]]:
    """The pictures that can be decoded, and side -> reason of the others."""
    pictures: list[RGB] = []
    faults: dict[str, str] = {}
    for side, data in zip(SIDES, sides, strict=True):
        try:
            pictures.append(decode_rgb(data or b""))
        except ItemError as fault:
            faults[side] = str(fault)
    return pictures, faults


def _pairs(file: Path) -> Iterator[tuple[Any, ...]]:
    """Encoded source and target of every row."""
    with pq.ParquetFile(file, memory_map=True) as parquet:
        for batch in parquet.iter_batches(_READ_ROWS, columns=[f"{name}.bytes" for name in IMAGE_COLUMNS]):
            columns = [batch.column(name).field("bytes") for name in IMAGE_COLUMNS]
            for row in range(batch.num_rows):
                yield tuple(column[row].as_py() for column in columns)
