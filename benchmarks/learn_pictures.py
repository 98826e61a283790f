"""Pictures of learning runs: metrics over steps, rows with what the model drew, edits with what was picked."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw
from taskpaint.alignment.run import RunFolder
from taskpaint.manifests.images import RGB
from taskpaint.training.curves import draw_grid
from taskpaint.training.predictors import Question

_WIDTH, _HEIGHT, _MARGIN = 900, 420, 60
_COLORS: Final = ((20, 80, 190), (200, 60, 40), (30, 140, 70), (150, 80, 170))
_INK, _FAINT = (40, 40, 40), (225, 225, 225)


def draw_metrics(files: Sequence[Path], chosen: Mapping[str, str]) -> Image.Image:
    """A line a task over the steps of runs that follow each other, from 0 to 1.

    Args:
        files: the table `metrics.csv` of each run, in order.
        chosen: task -> which metric of it.
    """
    rows: list[dict[str, str]] = []
    last = 0
    for file in files:
        with file.open(newline="", encoding="utf-8") as opened:
            table = list(csv.DictReader(opened))
        mine = [row for row in table if chosen.get(row["task"]) == row["metric"]]
        rows += [{**row, "step": str(last + int(row["step"]))} for row in mine]
        last += max([0, *(int(row["step"]) for row in table)])
    last = max(1, last)
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    pen = ImageDraw.Draw(picture)

    def place(step: float, value: float) -> tuple[float, float]:
        return _MARGIN + step / last * (_WIDTH - 2 * _MARGIN), _HEIGHT - _MARGIN - value * (_HEIGHT - 2 * _MARGIN)

    for tenth in range(0, 11, 2):
        x, y = place(last * tenth / 10, tenth / 10)
        pen.line([(_MARGIN, y), (_WIDTH - _MARGIN, y)], fill=_FAINT)
        pen.text((20, y - 6), f"{tenth / 10:.1f}", fill=_INK)
        pen.text((x - 12, _HEIGHT - _MARGIN + 8), f"{last * tenth // 10}", fill=_INK)
    for number, (task, metric) in enumerate(chosen.items()):
        points = [place(int(row["step"]), float(row["value"])) for row in rows if row["task"] == task]
        color = _COLORS[number % len(_COLORS)]
        pen.line(points, fill=color, width=3)
        pen.text((_MARGIN + 190 * number, 20), f"{task} {metric}", fill=color)
    return picture


def draw_rows(rows: Sequence[tuple[Question, RGB]], columns: int = 2, side: int = 96) -> Image.Image:
    """Source, target and drawing of each row, in so many columns."""
    length = -(-len(rows) // columns)
    parts = [rows[first : first + length] for first in range(0, len(rows), length)]
    grids = [
        draw_grid(
            [(question.source, question.target, drawn) for question, drawn in part],
            [question.row["edit_prompt"] for question, _ in part],
            side,
        )
        for part in parts
    ]
    gap = 24
    size = (sum(grid.width for grid in grids) + gap * (len(grids) - 1), max(grid.height for grid in grids))
    picture = Image.new("RGB", size, "white")
    for number, grid in enumerate(grids):
        picture.paste(grid, (number * (grids[0].width + gap), 0))
    return picture


def draw_choices(run: Path, most: int = 8, side: int = 72) -> Image.Image:
    """Sources of a run of `taskpaint align`, each with its edits; what was picked has a green frame."""
    items = RunFolder(run).read().items[:most]
    lines = [json.loads(line) for line in (run / "choices.jsonl").read_text("utf-8").splitlines()]
    picked = {line["item"]: line["picks"] for line in lines}
    step, edits = side + 8, max(len(item.candidates) for item in items)
    picture = Image.new("RGB", (step * (edits + 1), step * len(items)), "white")
    for row, item in enumerate(items):
        for column, name in enumerate([item.source, *(one.image for one in item.candidates)]):
            if column and column - 1 in picked.get(item.id, []):
                frame = (column * step + 1, row * step + 1, (column + 1) * step - 1, (row + 1) * step - 1)
                picture.paste((40, 160, 70), frame)
            with Image.open(run / name) as opened:
                picture.paste(opened.convert("RGB").resize((side, side)), (column * step + 4, row * step + 4))
    return picture
