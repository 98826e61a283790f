"""Which rows the gallery shows, and reading those rows without decoding the rest of the dataset."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...manifests.errors import DatasetFolderError

_SHARD_NAME = re.compile(r"(?P<split>[A-Za-z0-9_.-]+?)-\d{5,}-of-\d{5,}\.parquet")
_LIGHT_COLUMNS = ("id", "task", "source_dataset")
_REQUIRED_COLUMNS = ("id", "task", "edit_prompt", "input_image", "edited_image")
_OPTIONAL_COLUMNS = (
    "template_id",
    "params",
    "annotation",
    "source_dataset",
    "source_split",
    "source_id",
    "image_key",
    "license",
)
# Rows decoded from Parquet at a time: bounds memory where a row group holds thousands of images.
_BATCH_ROWS = 32


@dataclass(frozen=True, slots=True)
class Shard:
    """One Parquet file of a dataset folder and the split that its name states."""

    path: Path
    split: str


@dataclass(frozen=True, slots=True)
class Pick:
    """One row to show.

    Attributes:
        rank: seeded hash of the id; orders rows within their group, and the finished page.
        shard, row: where the row stands; row counts from 0 over the whole shard.
        task, source, split: what the row is spread over.
    """

    rank: str
    shard: Shard
    row: int
    task: str
    source: str
    split: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The picked rows, and how many rows each task has in the whole dataset."""

    picks: list[Pick]
    totals: dict[str, int]


def find_shards(dataset: Path) -> list[Shard]:
    """List `data/<split>-NNNNN-of-NNNNN.parquet`, sorted by name.

    Raises:
        DatasetFolderError: no such folder, no `data` in it, or no shard in that.
    """
    if not dataset.is_dir():
        raise DatasetFolderError(f"{dataset} is not a folder; give the folder that `taskpaint build` wrote with -o")
    data = dataset / "data"
    if not data.is_dir():
        raise DatasetFolderError(
            f"{dataset} has no data/ folder, so it is not a taskpaint dataset; "
            "give the folder that `taskpaint build` wrote with -o"
        )
    names = ((path, _SHARD_NAME.fullmatch(path.name)) for path in sorted(data.iterdir()))
    shards = [Shard(path, name["split"]) for path, name in names if name]
    if not shards:
        raise DatasetFolderError(
            f"{data} holds no shard named like train-00000-of-00001.parquet; "
            "run `taskpaint build` again to finish the dataset"
        )
    return shards


def select_rows(shards: list[Shard], per_task: int, seed: int) -> Selection:
    """Pick up to `per_task` rows of every task, evenly over its sources and splits.

    Reads the light columns only. The same dataset and seed give the same picks, and the order in which
    the shards were written does not matter, because rows compete by a hash of their id.

    Raises:
        DatasetFolderError: a shard that cannot be read or lacks a column.
    """
    totals: Counter[str] = Counter()
    groups: dict[str, dict[tuple[str, str], list[Pick]]] = {}
    for shard in shards:
        for pick in _candidates(shard, seed):
            totals[pick.task] += 1
            group = groups.setdefault(pick.task, {}).setdefault((pick.source, pick.split), [])
            group.append(pick)
            if len(group) >= 2 * per_task + 64:
                _keep_lowest(group, per_task)
    picks: list[Pick] = []
    for task in sorted(groups):
        for group in groups[task].values():
            _keep_lowest(group, per_task)
        picks += _take_in_turn(groups[task], per_task, seed)
    return Selection(picks, {task: totals[task] for task in sorted(totals)})


def read_rows(picks: list[Pick]) -> Iterator[tuple[Pick, dict[str, Any]]]:
    """Read the picked rows in full, touching only the row groups that hold one.

    Yields:
        Each pick with its row: the image columns as dicts with `bytes` and `path` (or None), text columns
        as str or None.

    Raises:
        DatasetFolderError: a shard that cannot be read.
    """
    by_shard: dict[Path, dict[int, Pick]] = {}
    for pick in picks:
        by_shard.setdefault(pick.shard.path, {})[pick.row] = pick
    for path in sorted(by_shard):
        yield from _read_shard(path, by_shard[path])


def _read_shard(path: Path, wanted: dict[int, Pick]) -> Iterator[tuple[Pick, dict[str, Any]]]:
    with _open_shard(path) as file:
        columns = [name for name in file.schema_arrow.names if name in _REQUIRED_COLUMNS + _OPTIONAL_COLUMNS]
        start = 0
        for index in range(file.num_row_groups):
            stop = start + file.metadata.row_group(index).num_rows
            rows = sorted(row for row in wanted if start <= row < stop)
            if rows:
                for row, values in _read_group(path, file, index, columns, [row - start for row in rows]):
                    yield wanted[start + row], values
            start = stop


def _read_group(
    path: Path, file: pq.ParquetFile, group: int, columns: list[str], rows: list[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row in the group, its values) for the given rows, in order."""
    batches = file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group], columns=columns)
    start = 0
    while rows[-1] >= start:
        batch = _guarded(path, lambda: next(batches))
        for row in rows:
            if start <= row < start + batch.num_rows:
                yield row, batch.slice(row - start, 1).to_pylist()[0]
        start += batch.num_rows


def _candidates(shard: Shard, seed: int) -> Iterator[Pick]:
    with _open_shard(shard.path) as file:
        columns = [name for name in _LIGHT_COLUMNS if name in file.schema_arrow.names]
        table = _guarded(shard.path, lambda: file.read(columns=columns))
        blank = [None] * table.num_rows
        ids, tasks, sources = (table.column(name).to_pylist() if name in columns else blank for name in _LIGHT_COLUMNS)
    for row, (identifier, task, source) in enumerate(zip(ids, tasks, sources, strict=True)):
        rank = _rank(seed, "row", str(identifier or ""))
        yield Pick(rank, shard, row, str(task or ""), str(source or ""), shard.split)


def _open_shard(path: Path) -> pq.ParquetFile:
    file = _guarded(path, lambda: pq.ParquetFile(path))
    missing = [name for name in _REQUIRED_COLUMNS if name not in file.schema_arrow.names]
    if missing:
        file.close()
        raise DatasetFolderError(
            f"{path} has no column {', '.join(missing)}; only shards that taskpaint wrote can be previewed"
        )
    return file


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DatasetFolderError(
            f"{path} cannot be read as Parquet ({reason}); delete it and run the same `taskpaint build` again"
        ) from error


def _rank(seed: int, kind: str, text: str) -> str:
    return hashlib.blake2b(f"{seed}\0{kind}\0{text}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def _keep_lowest(group: list[Pick], count: int) -> None:
    group.sort(key=lambda pick: (pick.rank, pick.shard.path.name, pick.row))
    del group[count:]


def _take_in_turn(groups: dict[tuple[str, str], list[Pick]], count: int, seed: int) -> list[Pick]:
    """Take one row from each group in turn, so that a small group is shown beside a large one.

    Groups stand in seeded order: where there are more groups than `count`, no name is favoured.
    """
    ordered = sorted(groups.items(), key=lambda item: _rank(seed, "group", "\0".join(item[0])))
    longest = max(len(group) for group in groups.values())
    turns = (group[turn] for turn in range(longest) for _, group in ordered if turn < len(group))
    return [pick for pick, _ in zip(turns, range(count), strict=False)]
