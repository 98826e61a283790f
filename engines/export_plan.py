"""Which rows are exported, and in which shards: the light columns are read, no picture is."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..filters.sidecar import Sidecar
from ..manifests.errors import DatasetFolderError, OutputError, UsageError
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.triplet import COLUMNS
from ..writers.export import Part
from .export_conditions import Condition, columns_of, parse_conditions
from .pieces import Piece

TEXT_TO_IMAGE: Final = "no source"
LIMIT: Final = "over the limit"
_SPLIT: Final = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Wanted:
    """Which rows to export.

    Attributes:
        tasks, splits: names; empty for all.
        where: conditions, all of which must hold, as `parse_conditions` reads them.
        limit: at most so many rows of a split; None for all.
        with_text_to_image: whether rows without a source have a place in the format.
    """

    tasks: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    limit: int | None = None
    with_text_to_image: bool = True


@dataclass(frozen=True)
class PlannedPart:
    """A shard of the export and where its rows come from."""

    part: Part
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class ExportPlan:
    """The shards of an export.

    Attributes:
        parts: in order; of the split `train` first.
        left_out: why -> rows.
    """

    parts: list[PlannedPart]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, list[Part]]:
        """The shards of every split."""
        found: dict[str, list[Part]] = {}
        for planned in self.parts:
            found.setdefault(planned.part.split, []).append(planned.part)
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of which rows go where: conditions on scores choose others when the scores change."""
        found = hashlib.sha256()
        for planned in self.parts:
            for piece in planned.pieces:
                found.update(f"{planned.part.name} {piece.shard} {len(piece.rows)}\n".encode())
                found.update(np.ascontiguousarray(piece.rows, "<i8").tobytes())
        return found.hexdigest()


def plan_export(folder: DatasetFolder, shards: Sequence[str], wanted: Wanted, rows_per_shard: int) -> ExportPlan:
    """Choose rows and lay those of every split end to end, in their old order.

    Args:
        folder: the dataset.
        shards: its shards.
        wanted: which rows.
        rows_per_shard: at most so many.

    Raises:
        UsageError: a task, split or condition that does not fit the dataset.
        DatasetFolderError: a shard or its scores cannot be read.
        OutputError: not one row is wanted.
    """
    splits = _splits(shards, wanted)
    scores = _Scores(folder, wanted)
    tasks = _tasks(folder, shards) if wanted.tasks or wanted.where else set()
    for task in wanted.tasks:
        if task not in tasks:
            raise UsageError(f"--task {task}: the dataset has no such task; it has {', '.join(sorted(tasks))}")
    conditions = parse_conditions(wanted.where, scores.names, tasks)
    left_out: Counter[str] = Counter()
    parts: list[PlannedPart] = []
    for split in splits:
        mine = [shard for shard in shards if split_of(shard) == split]
        chosen = list(_limited(_chosen(folder, mine, wanted, conditions, scores, left_out), wanted, left_out))
        parts += _cut(split, chosen, rows_per_shard)
    if not parts:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items())
        raise OutputError(f"not one row of {folder.root} is wanted ({reasons}); nothing was written")
    return ExportPlan(parts, dict(left_out))


def _splits(shards: Sequence[str], wanted: Wanted) -> list[str]:
    present = sorted({split_of(shard) for shard in shards}, key=lambda split: (split != "train", split))
    for split in present:
        if not _SPLIT.fullmatch(split):
            raise DatasetFolderError(f"a shard's name begins with {split!r}, which is no name of a split")
    for split in wanted.splits:
        if split not in present:
            raise UsageError(f"--split {split}: the dataset has no such split; it has {', '.join(present)}")
    return [split for split in present if not wanted.splits or split in wanted.splits]


class _Scores:
    """The scores that conditions ask for, checked against the rows beside them."""

    def __init__(self, folder: DatasetFolder, wanted: Wanted) -> None:
        self._sidecar = Sidecar(folder.root)
        scored = bool(wanted.where) and self._sidecar.exists
        self.names = [column.name for column in self._sidecar.columns()] if scored else []

    def read(self, shard: str, ids: pa.Array) -> dict[str, pa.Array]:
        table = self._sidecar.read(shard)
        if table.column("id").combine_chunks() != ids:
            raise DatasetFolderError(f"scores of {shard} are of other rows than its data; run taskpaint score again")
        return {name: table.column(name).combine_chunks() for name in self.names}


def _tasks(folder: DatasetFolder, shards: Sequence[str]) -> set[str]:
    return {
        task for shard in shards for task in pc.unique(_read(folder.shard_file(shard), ["task"])["task"]).to_pylist()
    }


def _chosen(
    folder: DatasetFolder,
    shards: Sequence[str],
    wanted: Wanted,
    conditions: Sequence[Condition],
    scores: _Scores,
    left_out: Counter[str],
) -> Iterator[Piece]:
    """The wanted rows of each shard; counts the others by the first thing that leaves them out."""
    looked_at = columns_of(conditions)
    light = [*dict.fromkeys(["id", "task", *sorted(looked_at & set(COLUMNS))])]
    light += [] if wanted.with_text_to_image else ["params"]
    for shard in shards:
        columns = _read(folder.shard_file(shard), light)
        if looked_at & set(scores.names):
            columns |= scores.read(shard, columns["id"])
        kept = np.ones(len(columns["id"]), bool)
        for reason, holds in _judged(columns, wanted, conditions):
            left_out[reason] += int((kept & ~holds).sum())
            kept &= holds
        if kept.any():
            yield Piece(shard, np.flatnonzero(kept))


def _judged(
    columns: Mapping[str, pa.Array], wanted: Wanted, conditions: Sequence[Condition]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Reason -> which rows it leaves in."""
    if wanted.tasks:
        inside = pc.is_in(columns["task"], pa.array(wanted.tasks))
        yield "of other tasks", inside.to_numpy(zero_copy_only=False)
    for condition in conditions:
        yield f"not {condition}", condition.holds(columns)
    if not wanted.with_text_to_image:
        yield TEXT_TO_IMAGE, _have_source(columns["params"])


def _have_source(params: pa.Array) -> NDArray[np.bool_]:
    """Rows whose params do not say `text_to_image`; only those that hold the word are parsed."""
    found = np.ones(len(params), bool)
    for row in np.flatnonzero(pc.match_substring(params, "text_to_image").to_numpy(zero_copy_only=False)).tolist():
        found[row] = json.loads(params[row].as_py()).get("text_to_image") is not True
    return found


def _limited(pieces: Iterator[Piece], wanted: Wanted, left_out: Counter[str]) -> Iterator[Piece]:
    """The first `limit` rows."""
    left = math.inf if wanted.limit is None else wanted.limit
    for piece in pieces:
        count = int(min(len(piece.rows), left))
        left -= count
        if count < len(piece.rows):
            left_out[LIMIT] += len(piece.rows) - count
        if count:
            yield Piece(piece.shard, piece.rows[:count])


def _cut(split: str, pieces: Sequence[Piece], rows_per_shard: int) -> list[PlannedPart]:
    """Shards of like size, without gaps."""
    starts = np.cumsum([0, *(len(piece.rows) for piece in pieces)])
    rows = int(starts[-1])
    total = math.ceil(rows / rows_per_shard)
    found = []
    for number in range(total):
        begin, end = number * rows // total, (number + 1) * rows // total
        first, last = np.searchsorted(starts, begin, "right") - 1, np.searchsorted(starts, end, "left")
        inside = (
            Piece(pieces[place].shard, pieces[place].rows[max(0, begin - starts[place]) : end - starts[place]])
            for place in range(int(first), int(last))
        )
        found.append(PlannedPart(Part(split, number, total, end - begin), tuple(inside)))
    return found


def _read(file: Path, columns: Sequence[str]) -> dict[str, pa.Array]:
    try:
        with pq.ParquetFile(file) as parquet:
            table = parquet.read(columns=list(columns))
            return {name: table.column(name).combine_chunks() for name in columns}
    except (pa.ArrowException, OSError, KeyError) as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}; taskpaint verify tells more") from fault
