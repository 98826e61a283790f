"""Pictures of a learning run: metrics over steps, and rows with what the model drew."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw
from taskpaint.manifests.images import RGB
from taskpaint.training.curves import draw_grid
from taskpaint.training.predictors import Question

_WIDTH, _HEIGHT, _MARGIN = 900, 420, 60
_COLORS: Final = ((20, 80, 190), (200, 60, 40), (30, 140, 70), (150, 80, 170))
_INK, _FAINT = (40, 40, 40), (225, 225, 225)


def draw_metrics(file: Path, chosen: Mapping[str, str]) -> Image.Image:
    """A line a task over the steps of a run's `metrics.csv`, from 0 to 1.

    Args:
        file: the table.
        chosen: task -> which metric of it.
    """
    with file.open(newline="", encoding="utf-8") as opened:
        rows = [row for row in csv.DictReader(opened) if chosen.get(row["task"]) == row["metric"]]
    last = max([1, *(int(row["step"]) for row in rows)])
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
