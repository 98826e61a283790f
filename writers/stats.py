"""Tables of what a dataset holds, from its light columns alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.triplet import IMAGE_COLUMNS

_LIGHT = [
    "task",
    "template_id",
    "edit_prompt",
    "source_dataset",
    "source_split",
    "image_key",
    "width",
    "height",
]


def dataset_stats(root: Path) -> dict[str, Any]:
    """Counts and sizes of a dataset folder; no image is read.

    Returns:
        JSON-able: `rows`, `bytes`, `image_bytes` by column, `splits`, `tasks` (a list of rows), `sources`, `sizes`.

    Raises:
        DatasetFolderError: it is no readable dataset folder.
    """
    frames, image_bytes, size = [], Counter[str](), 0
    for file in DatasetFolder(root).shards():
        try:
            with pq.ParquetFile(file) as parquet:
                frame = parquet.read(columns=_LIGHT).to_pandas()[_LIGHT]
                image_bytes.update(_image_bytes(parquet))
        except (OSError, ValueError, KeyError) as fault:
            raise DatasetFolderError(f"{file} cannot be read: {fault}") from fault
        frame["split"] = split_of(file.stem)
        frames.append(frame)
        size += file.stat().st_size
    table = pd.concat(frames, ignore_index=True)
    return {
        "rows": len(table),
        "bytes": size,
        "image_bytes": dict(image_bytes),
        "splits": {str(name): int(count) for name, count in table["split"].value_counts().items()},
        "tasks": [_task_row(str(task), group) for task, group in table.groupby("task")],
        "sources": _grouped(table, ["source_dataset", "source_split", "task"]),
        "sizes": _sizes(table),
    }


def _task_row(task: str, group: pd.DataFrame) -> dict[str, Any]:
    words = group["edit_prompt"].map(lambda text: len(text.split()))
    return {
        "task": task,
        "rows": len(group),
        "photographs": int(group["image_key"].nunique()),
        "templates": int(group["template_id"].nunique()),
        "distinct_instructions": int(group["edit_prompt"].nunique()),
        "mean_words": round(float(words.mean()), 1),
        "most_words": int(words.max()),
    }


def _grouped(table: pd.DataFrame, keys: list[str]) -> list[dict[str, Any]]:
    counts = table.groupby(keys).size()
    return [{**dict(zip(keys, map(str, key), strict=True)), "rows": int(n)} for key, n in counts.items()]  # type: ignore[call-overload]


def _sizes(table: pd.DataFrame) -> dict[str, int]:
    sides = table[["width", "height"]] if len(table) else pd.DataFrame({"width": [0], "height": [0]})
    return {
        "min_width": int(sides["width"].min()),
        "max_width": int(sides["width"].max()),
        "min_height": int(sides["height"].min()),
        "max_height": int(sides["height"].max()),
    }


def _image_bytes(parquet: pq.ParquetFile) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in range(parquet.metadata.num_row_groups):
        row_group = parquet.metadata.row_group(group)
        for position in range(row_group.num_columns):
            column = row_group.column(position)
            name, _, leaf = column.path_in_schema.partition(".")
            if name in IMAGE_COLUMNS and leaf == "bytes":
                found[name] = found.get(name, 0) + column.total_compressed_size
    return found
