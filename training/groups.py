"""What rows are judged apart by: where they come from, how they are worded, what they ask for, what was never shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from ..manifests.errors import UsageError
from .catalogue import Catalogue

COLUMNS: Final = ("source_dataset", "source_split", "template_id")
GROUPINGS: Final = (*COLUMNS, "class", "novelty")
Labels = Callable[[Mapping[str, Any]], Sequence[str]]


def labels_by(by: str, seen: Catalogue | None = None) -> Labels:
    """Labels of a row.

    Args:
        by: a column of `COLUMNS`; `class`, the classes that the row asks for, each its own label; `novelty`, what of
            the row no training row has: "new dataset", "new class", "new instruction" (one may have several), or
            "nothing new"; empty for none.
        seen: the training rows, for `novelty`.

    Raises:
        UsageError: an unknown grouping, or `novelty` without training rows.
    """
    if not by:
        return lambda _: ()
    if by in COLUMNS:
        return lambda row: (row[by],)
    if by == "class":
        return lambda row: sorted(classes_of(row["params"]))
    if by != "novelty":
        raise UsageError(f"rows cannot be grouped by {by!r}; by {', '.join(GROUPINGS)}")
    if seen is None:
        raise UsageError("grouping by novelty needs to know what the model was trained on; give --trained-on DATASET")
    return _novelty(seen)


def classes_of(params: str) -> set[str]:
    """Names of the classes that an instruction asks for; none for tasks without classes."""
    asked = json.loads(params)
    names = {one.get("name") for one in asked.get("targets", ()) if isinstance(one, dict)}
    return {name for name in (*names, asked.get("name"), asked.get("category")) if isinstance(name, str)}


def trained_on(model: str, dataset: Path | None) -> Catalogue | None:
    """The rows that a model has learned from: of a dataset, or those that a run says it used; None when unknown."""
    if dataset is not None:
        return Catalogue.open(dataset, "train")
    try:
        told = json.loads((Path(model) / "settings.json").read_text("utf-8")) if model else {}
        where, split = Path(told["dataset"]), str(told["split"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Catalogue.open(where, split) if where.is_dir() else None


def _novelty(seen: Catalogue) -> Labels:
    datasets, templates, classes = set[str](), set[str](), set[str]()
    for file in seen.files:
        for batch in pq.ParquetFile(file).iter_batches(columns=["source_dataset", "template_id", "params"]):
            for row in batch.to_pylist():
                datasets.add(row["source_dataset"])
                templates.add(row["template_id"])
                classes |= classes_of(row["params"])

    def labels(row: Mapping[str, Any]) -> Sequence[str]:
        news = {
            "new dataset": row["source_dataset"] not in datasets,
            "new class": not classes_of(row["params"]) <= classes,
            "new instruction": row["template_id"] not in templates,
        }
        return [label for label, is_new in news.items() if is_new] or ["nothing new"]

    return labels
