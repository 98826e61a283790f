"""What a run leaves for people: curves as CSV and picture, and grids of what the model draws."""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from ..manifests.images import RGB

_WIDTH, _HEIGHT, _MARGIN = 900, 480, 60
_COLUMNS, _PANEL_WIDTH, _PANEL_HEIGHT = 3, 300, 180
_INK, _FAINT, _LINE, _SMOOTH = (40, 40, 40), (225, 225, 225), (170, 195, 235), (20, 80, 190)
LOSS_COLUMNS: Final = ("step", "loss", "learning_rate", "gradient_norm")
METRIC_COLUMNS: Final = ("step", "task", "metric", "value")


class Table:
    """A CSV file that grows; a resumed run cuts off what lies beyond its checkpoint."""

    def __init__(self, file: Path, columns: Sequence[str], last_step: int) -> None:
        kept: list[list[str]] = []
        if file.is_file():
            with file.open(newline="", encoding="utf-8") as opened:
                rows = list(csv.reader(opened))[1:]
            kept = [row for row in rows if len(row) == len(columns) and int(row[0]) <= last_step]
        self._file = file
        with file.open("w", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerows([columns, *kept])

    def add(self, *values: object) -> None:
        """Write a row; it is in the file when this returns."""
        with self._file.open("a", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerow(values)


def read_losses(file: Path) -> list[tuple[int, float]]:
    """Steps and losses of a run."""
    with file.open(newline="", encoding="utf-8") as opened:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(opened)]


def draw_curve(points: Sequence[tuple[int, float]], title: str) -> Image.Image:
    """A curve over steps with its running mean; the vertical axis is logarithmic."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    pen.text((_MARGIN, 15), title, fill=_INK)
    steps = np.array([step for step, _ in points], float)
    values = np.log10(np.maximum([value for _, value in points], 1e-12))
    low, high = float(values.min()), float(values.max())
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    first, last = float(steps[0]), float(max(steps[-1], steps[0] + 1))

    def place(step: float, value: float) -> tuple[float, float]:
        x = _MARGIN + (step - first) / (last - first) * (_WIDTH - 2 * _MARGIN)
        return x, _HEIGHT - _MARGIN - (value - low) / (high - low) * (_HEIGHT - 2 * _MARGIN)

    for share in np.linspace(0, 1, 6):
        x, y = place(first + share * (last - first), low + share * (high - low))
        pen.line([(_MARGIN, y), (_WIDTH - _MARGIN, y)], fill=_FAINT)
        pen.text((8, y - 6), f"{10 ** (low + share * (high - low)):.3g}", fill=_INK)
        pen.text((x - 12, _HEIGHT - _MARGIN + 8), f"{first + share * (last - first):.0f}", fill=_INK)
    pen.line([place(*point) for point in zip(steps, values, strict=True)], fill=_LINE)
    smooth = _running_mean(values, max(1, len(values) // 40))
    pen.line([place(*point) for point in zip(steps, smooth, strict=True)], fill=_SMOOTH, width=2)
    return picture


def read_metrics(file: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of a run's validations: of each task its first metric, by "task metric"."""
    found: dict[str, list[tuple[int, float]]] = {}
    first: dict[str, str] = {}
    with file.open(newline="", encoding="utf-8") as opened:
        for row in csv.DictReader(opened):
            if first.setdefault(row["task"], row["metric"]) == row["metric"]:
                title = f"{row['task']} {row['metric']}"
                found.setdefault(title, []).append((int(row["step"]), float(row["value"])))
    return found


def draw_metrics(curves: Mapping[str, Sequence[tuple[int, float]]]) -> Image.Image:
    """A small chart for each curve, by its title; steps from 0, values from 0 to 1 or to the largest."""
    lines = -(-len(curves) // _COLUMNS)
    picture = Image.new("RGB", (_COLUMNS * _PANEL_WIDTH, max(1, lines) * _PANEL_HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    last = max((step for points in curves.values() for step, _ in points), default=1)
    for number, (title, all_points) in enumerate(sorted(curves.items())):
        points = [(step, value) for step, value in all_points if np.isfinite(value)]
        left, top = number % _COLUMNS * _PANEL_WIDTH + 46, number // _COLUMNS * _PANEL_HEIGHT + 30
        width, height = _PANEL_WIDTH - 66, _PANEL_HEIGHT - 60
        high = max([1.0, *(value for _, value in points)])
        low = min([0.0, *(value for _, value in points)])
        pen.text((left, top - 24), _plain(title), fill=_INK)
        for share in (0.0, 0.5, 1.0):
            y = top + height * (1 - share)
            pen.line([(left, y), (left + width, y)], fill=_FAINT)
            pen.text((left - 42, y - 6), f"{low + share * (high - low):.3g}", fill=_INK)
            pen.text((left + share * width - 8, top + height + 6), f"{share * last:.0f}", fill=_INK)
        spots = [(left + width * s / last, top + height * (1 - (v - low) / (high - low))) for s, v in points]
        pen.line(spots, fill=_SMOOTH, width=2)
        for x, y in spots:
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=_SMOOTH)
    return picture


def draw_grid(rows: Sequence[tuple[RGB, RGB, RGB]], captions: Sequence[str], side: int = 192) -> Image.Image:
    """One row a triplet: source, target, what the model drew; the instruction beneath."""
    line = side + 34
    picture = Image.new("RGB", (3 * side, line * len(rows)), "white")
    pen = ImageDraw.Draw(picture)
    for number, (row, caption) in enumerate(zip(rows, captions, strict=True)):
        for column, pixels in enumerate(row):
            shown = Image.fromarray(pixels)
            how = Image.Resampling.NEAREST if max(shown.size) < side else Image.Resampling.LANCZOS
            scale = side / max(shown.size)
            shown = shown.resize((max(1, round(shown.width * scale)), max(1, round(shown.height * scale))), how)
            picture.paste(shown, (column * side, number * line))
        lines = textwrap.wrap(_plain(caption), 3 * side // 7)[:2]
        pen.multiline_text((4, number * line + side + 3), "\n".join(lines), fill=_INK, spacing=2)
    return picture


def _plain(text: str) -> str:
    """Letters that Pillow's own font has."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over the last so many values."""
    sums = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - width)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))
