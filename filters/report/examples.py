"""Rows on both sides of a rule's edge, with small pictures of their pairs."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from ...manifests.errors import BadItem, DatasetFolderError
from ...manifests.folder import DatasetFolder
from ...manifests.images import decode_rgb
from ..survival import ScoredRows, Survival

_LONGEST_PX = 240
_JPEG_QUALITY = 78
_COLUMNS = ["id", "edit_prompt", "input_image", "edited_image"]
_BATCH_ROWS = 16


@dataclass(frozen=True)
class Edges:
    """Rows nearest to where a rule cuts, nearest first; positions in the dataset."""

    dropped: list[int]
    kept: list[int]


@dataclass(frozen=True)
class Example:
    """A row to show. source, target: data URIs, or the reason why the picture does not open."""

    id: str
    instruction: str
    source: str
    target: str


def edges_of(rows: ScoredRows, survival: Survival, rule: int, count: int) -> Edges:
    """Up to `count` rows on each side that the rule, by itself, drops and keeps; the tasks take turns.

    Rows without the score are on neither side.
    """
    sides: dict[str, list[list[int]]] = {"dropped": [], "kept": []}
    for cell in survival.cells:
        if cell.rule == rule and np.isfinite(cell.threshold):
            mine = rows.rows_of(cell.task)
            values = survival.rules[rule].values(rows.scores[survival.rules[rule].column][mine])
            holds = survival.rules[rule].holds(values, cell.threshold)
            known = ~np.isnan(values)
            away = np.abs(values - cell.threshold)
            sides["dropped"].append(_nearest(mine, away, known & ~holds, count))
            sides["kept"].append(_nearest(mine, away, known & holds, count))
    return Edges(*(_in_turn(sides[name], count) for name in ("dropped", "kept")))


def read_examples(folder: DatasetFolder, rows: ScoredRows, wanted: Sequence[int]) -> dict[int, Example]:
    """Read rows and shrink their pictures; of the dataset's pictures only theirs are decoded.

    Raises:
        DatasetFolderError: a shard that cannot be read.
    """
    by_shard: dict[str, dict[int, int]] = {}
    for row in sorted(set(wanted)):
        shard, place = rows.shard_of(row)
        by_shard.setdefault(shard, {})[place] = row
    return {
        places[place]: _example(values)
        for shard, places in by_shard.items()
        for place, values in _read(folder, shard, sorted(places))
    }


def _nearest(mine: NDArray[np.int64], away: NDArray[np.float64], some: NDArray[np.bool_], count: int) -> list[int]:
    found = mine[some]
    return [int(row) for row in found[np.argsort(away[some], kind="stable")[:count]]]


def _in_turn(lists: list[list[int]], count: int) -> list[int]:
    turns = chain.from_iterable(zip_longest(*lists))
    return [row for row in turns if row is not None][:count]


def _read(folder: DatasetFolder, shard: str, places: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    file = folder.shard_file(shard)
    try:
        with pq.ParquetFile(file, memory_map=True) as parquet:
            start = 0
            for group in range(parquet.num_row_groups):
                stop = start + parquet.metadata.row_group(group).num_rows
                if any(start <= place < stop for place in places):
                    for batch in parquet.iter_batches(_BATCH_ROWS, [group], _COLUMNS, use_threads=False):
                        for place in places:
                            if start <= place < start + batch.num_rows:
                                yield place, batch.slice(place - start, 1).to_pylist()[0]
                        start += batch.num_rows
                start = stop
    except (pa.ArrowException, OSError, KeyError) as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}; taskpaint verify tells more") from fault


def _example(values: dict[str, Any]) -> Example:
    pictures = [_thumbnail(values[name]) for name in ("input_image", "edited_image")]
    return Example(str(values["id"]), str(values["edit_prompt"]), *pictures)


def _thumbnail(image: Any) -> str:
    """A small JPEG as a data URI; the reason where the picture does not open."""
    try:
        pixels = decode_rgb((image or {}).get("bytes") or b"")
    except BadItem as fault:
        return str(fault)
    picture = Image.fromarray(pixels)
    picture.thumbnail((_LONGEST_PX, _LONGEST_PX), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
