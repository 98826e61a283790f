"""Score drawn pictures: decode each as its task does, and measure with the field's metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..builders.registry import find_task
from ..manifests.errors import DatasetFolderError, ItemError, OutputError, UsageError
from ..manifests.images import RGB
from .catalogue import Catalogue
from .groups import COLUMNS, Labels
from .metrics.choose import NOT_JUDGED, measure_for
from .metrics.measure import Extra, Judged, Means, Measure
from .pictures import read_pair
from .predictors import FromFolder, Predictor, Question, copier, oracle

_CHUNK: Final = 64
_SMOOTHING_PX: Final = 1.0
_OWN_COLORS: Final = frozenset({"panoptic", "entities", "instances"})
_MEDIAN_PX: Final = 3
_NOISE: Final = 2.0
"""Levels by which values differ from the median of their neighbours, on average: at most 1.4 in 13 drawings at JPEG
quality 75, at least 3 in the same under noise of sigma 8."""
_TOLD: Final = ("id", "task", *COLUMNS)


@dataclass(frozen=True)
class Score:
    """What one row reached. figures: by name; better: larger for a better row of its task."""

    row: dict[str, str]
    predictor: str
    figures: dict[str, float]
    better: float


@dataclass
class Evaluation:
    """What was measured.

    Attributes:
        dataset, split: judged.
        rows: group -> how many; a group is a task, or "task / value" of what the rows were grouped by.
        metrics: group -> predictor -> metric -> value.
        scores: every row's.
    """

    dataset: str
    split: str
    rows: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)


def questions_of(
    dataset: Path, split: str, tasks: Sequence[str] | None = None, limit: int = 0, *, judged: bool = True
) -> tuple[Catalogue, list[int]]:
    """The rows to judge, or only to draw: all, or so many, evenly spread over the split.

    Raises:
        UsageError: no such split or task, or only tasks that cannot be judged.
    """
    catalogue = Catalogue.open(dataset, split)
    chosen = [task for task in tasks or catalogue.tasks if not (judged and task in NOT_JUDGED)]
    if not chosen:
        raise UsageError(f"no task of split {split} can be judged: {', '.join(tasks or catalogue.tasks)}")
    rows = catalogue.rows_of(chosen)
    if limit and limit < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, limit).astype(int)]
    return catalogue, rows.tolist()


def read_questions(catalogue: Catalogue, rows: Sequence[int]) -> Iterator[Question]:
    """Rows with their pictures, in order.

    Raises:
        DatasetFolderError: a picture does not open.
    """
    current, stored = -1, list[dict[str, Any]]()
    for number in rows:
        group = catalogue.group_of(number)
        if group != current:
            current, stored = group, catalogue.read_group(group)
        row = stored[number - int(catalogue.firsts[group])]
        try:
            yield Question(row, *read_pair(row))
        except ItemError as fault:
            raise DatasetFolderError(
                f"row {row['id']} of {catalogue.root} cannot be judged: {fault}; run taskpaint verify"
            ) from fault


def evaluate(
    catalogue: Catalogue,
    rows: Sequence[int],
    predictors: Mapping[str, Predictor],
    labels: Labels = lambda _: (),
    extras: Sequence[Extra] = (),
    on_rows: Callable[[int], None] = lambda _: None,
    on_drawn: Callable[[Question, str, RGB, float], None] = lambda *_: None,
) -> Evaluation:
    """Judge rows.

    Args:
        catalogue, rows: of `questions_of`.
        predictors: name -> where its pictures come from; each sees all rows.
        labels: of `labels_by`: what rows are judged apart by, besides the tasks.
        extras: further figures.
        on_rows: told how many rows are done.
        on_drawn: told of every drawing: the row, the predictor, the picture, and how good it is (larger is better).

    Raises:
        UsageError: a predictor that lacks pictures.
        DatasetFolderError: a row that cannot be read.
    """
    for predictor in predictors.values():
        if isinstance(predictor, FromFolder):
            predictor.check([row["id"] for row in _light(catalogue, rows)])
    found = Evaluation(str(catalogue.root), catalogue.split)
    measures: dict[tuple[str, str], tuple[Measure, Means]] = {}
    counted: dict[str, set[str]] = {}
    for first in range(0, len(rows), _CHUNK):
        questions = list(read_questions(catalogue, rows[first : first + _CHUNK]))
        for name, predictor in predictors.items():
            for question, drawn in predictor(questions):
                judged = judge(question, drawn, exact=predictor is oracle or predictor is copier)
                row = question.row
                more: dict[str, float] = {}
                for extra in extras:
                    if row["task"] in extra.tasks:
                        more |= extra(row, question.source, question.target, drawn)
                figures: dict[str, float] = {}
                for group in (row["task"], *(f"{row['task']} / {label}" for label in labels(row))):
                    counted.setdefault(group, set()).add(row["id"])
                    if (group, name) not in measures:
                        measures[group, name] = measure_for(row["task"]), Means()
                    measure, means = measures[group, name]
                    figures = measure.add(judged)
                    means.take(more)
                better = _better(measures[row["task"], name][0], figures)
                figures |= more
                found.scores.append(Score({key: row[key] for key in _TOLD}, name, figures, better))
                on_drawn(question, name, drawn, better)
        on_rows(len(questions))
    for group in sorted(counted):
        found.rows[group] = len(counted[group])
        found.metrics[group] = {
            name: {key: value for one in measures[group, name] for key, value in one.result().items()}
            for name in predictors
        }
    return found


def judge(question: Question, drawn: RGB, *, exact: bool = False) -> Judged:
    """Decode what was drawn for a row.

    Args:
        question: the row.
        drawn: (H, W, 3) uint8, the size of its pictures.
        exact: the picture came through the dataset's own codec. A model is never exact to a level, so for others the
            row's `lossless`, under which a difference of one level counts, is set aside. Nor has it kept the finest
            texture of the source, which shows through a translucent coat: there both are smoothed alike, which moves
            no boundary, and what is left is by how much the coat moves the colour. Where every region has a colour of
            its own, noise would make colours of single pixels; a median takes it away, but would make more of the mixed
            colours at boundaries, so that it is used on noisy pictures only.
    """
    row = question.row
    task = find_task(row["task"])
    params, annotation = json.loads(row["params"]), json.loads(row["annotation"])
    seen, source = drawn, question.source
    if not exact:
        params.pop("lossless", None)
        if params.get("opacity", 1) < 1:
            seen, source = (cv2.GaussianBlur(one, (0, 0), _SMOOTHING_PX) for one in (drawn, source))
        elif row["task"] in _OWN_COLORS:
            seen = _without_noise(drawn)
    decoded = task.decode(np.asarray(seen), np.asarray(source), params)
    compared = task.compare(decoded, annotation, params)
    pictures = drawn, question.target, question.source
    return Judged(decoded, annotation, compared, params, *pictures, row["source_dataset"])


def _without_noise(drawn: RGB) -> RGB:
    """A picture of flat colours without the noise of its pixels, if it has any."""
    calm = np.asarray(cv2.medianBlur(np.ascontiguousarray(drawn), _MEDIAN_PX), np.uint8)
    return calm if cv2.absdiff(calm, drawn).mean() > _NOISE else drawn


def baselines() -> dict[str, Predictor]:
    """The bounds that tell what a number means."""
    return {"oracle": oracle, "copy": copier}


def write_scores(scores: Sequence[Score], file: Path) -> None:
    """Write every row's figures as Parquet: id, task, source, template, predictor, and a column a figure.

    Raises:
        OutputError: it cannot be written.
    """
    names = sorted({name for score in scores for name in score.figures})
    schema = pa.schema(
        [(name, pa.string()) for name in (*_TOLD, "predictor")] + [(name, pa.float64()) for name in names]
    )
    rows = [{**score.row, "predictor": score.predictor, **score.figures} for score in scores]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema), file)
    except OSError as fault:
        raise OutputError(f"{file} cannot be written: {fault}") from fault


def _better(measure: Measure, figures: Mapping[str, float]) -> float:
    value = figures.get(measure.primary, float("nan"))
    return value if measure.higher_is_better else -value


def _light(catalogue: Catalogue, rows: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Rows without opening their pictures."""
    current, stored = -1, list[dict[str, Any]]()
    for number in rows:
        group = catalogue.group_of(number)
        if group != current:
            current, stored = group, catalogue.read_group(group)
        yield stored[number - int(catalogue.firsts[group])]
