"""Score every edit of a run, as `taskpaint score` scores a dataset."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...alignment.run import Run, RunFolder
from ...alignment.scores import ScoreColumn, write_scores
from ...filters.rules import OF_ANY_TASK
from ...filters.scorer import Column
from ...filters.sidecar import Sidecar
from ...manifests.errors import DatasetFolderError
from ...manifests.folder import DatasetFolder
from ...writers.shards import output_errors
from ..score import ScoreOptions, ScoreReport, ScoreWatch, score
from .dataset import Row, write_dataset

_SHARD_ROWS = 1000


def score_run(root: Path, options: ScoreOptions, watch: ScoreWatch) -> ScoreReport:
    """Score all edits; the scores lie in the run's scores.json afterwards.

    The edits become a dataset of their own in the run's bookkeeping, so that every scorer works here as it does there,
    and what was scored once is not scored again.

    Raises:
        DatasetFolderError: it is no run.
        UsageError: as `engines.score.score`.
        OutputError: the run cannot be written.
    """
    run = RunFolder(root).read()
    folder = DatasetFolder(root / ".taskpaint" / "candidates")
    _candidates(run, folder, watch)
    found = score(folder.root, options, watch)
    columns, values = _read(run, folder)
    with output_errors(RunFolder(root).scores_file):
        write_scores(RunFolder(root), columns, values)
    return found


def _candidates(run: Run, folder: DatasetFolder, watch: ScoreWatch) -> None:
    """Every edit as a row; done once."""
    identity = {"candidates": hashlib.sha256("".join(i.model_dump_json() for i in run.items).encode()).hexdigest()}
    with output_errors(folder.root):
        folder.root.parent.mkdir(parents=True, exist_ok=True)
        folder.begin(identity)
    if folder.manifest_file.exists():
        return
    rows = [
        Row(_row_id(number, place), item.model_copy(update={"split": "train"}), place, {})
        for number, item in enumerate(run.items)
        for place in range(len(item.candidates))
    ]
    watch.stage("preparing", len(rows), " edits")
    about = {"name": run.name, "description": "All edits of a run.", "seed": run.seed}
    with folder.lock():
        write_dataset(run.root, folder, rows, about, _SHARD_ROWS, watch.advance)


def _read(run: Run, folder: DatasetFolder) -> tuple[list[ScoreColumn], dict[str, dict[str, NDArray[np.float64]]]]:
    sidecar = Sidecar(folder.root)
    cautions = sidecar.cautions()
    columns = [column for column in sidecar.columns() if _differs(column)]
    values: dict[str, dict[str, NDArray[np.float64]]] = {
        item.id: {column.name: np.full(len(item.candidates), np.nan) for column in columns} for item in run.items
    }
    for shard in folder.shards():
        table = sidecar.read(shard.stem)
        ids: list[str] = table.column("id").to_pylist()
        numbers = {column.name: table.column(column.name).to_pylist() for column in columns}
        for row, row_id in enumerate(ids):
            number, place = _parsed(row_id)
            for name, scores in numbers.items():
                values[run.items[number].id][name][place] = np.nan if scores[row] is None else scores[row]
    described = [ScoreColumn(one.name, one.better, one.description, cautions.get(one.name, "")) for one in columns]
    return described, values


def _differs(column: Column) -> bool:
    """Whether it is a score, and edits of one source can differ in it."""
    return column.about != "source" and not OF_ANY_TASK.fullmatch(column.name) and "_phash_" not in column.name


def _row_id(number: int, place: int) -> str:
    return f"i{number:07d}-c{place:02d}"


def _parsed(row_id: Any) -> tuple[int, int]:
    try:
        number, place = str(row_id).split("-")
        return int(number[1:]), int(place[1:])
    except ValueError as fault:
        raise DatasetFolderError(
            f"the run's bookkeeping holds a row {row_id!r}; remove .taskpaint in the run"
        ) from fault
