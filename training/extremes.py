"""The worst and the best drawings of each task, as pictures."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from pathlib import Path

from ..manifests.errors import OutputError
from ..manifests.images import RGB
from .curves import draw_grid
from .metrics.choose import measure_for
from .predictors import Question

_KEPT = 4


@dataclass(order=True)
class _Drawing:
    rank: tuple[float, str]
    pictures: tuple[RGB, RGB, RGB] = field(compare=False)
    caption: str = field(compare=False)


@dataclass
class Extremes:
    """Keeps the drawings of one predictor; memory for a few a task."""

    predictor: str
    _kept: dict[tuple[str, str], list[_Drawing]] = field(default_factory=dict)

    def note(self, question: Question, predictor: str, drawn: RGB, better: float) -> None:
        """See a drawing; `better` is larger for a better one, NaN when nobody can tell."""
        if predictor != self.predictor or math.isnan(better):
            return
        pictures = (question.source, question.target, drawn)
        for name, value in (("best", better), ("worst", -better)):
            kept = self._kept.setdefault((question.row["task"], name), [])
            figure = f"{measure_for(question.row['task']).primary} {abs(better):.3g}".lstrip()
            caption = f"{figure}: {question.row['edit_prompt']}"
            heapq.heappush(kept, _Drawing((value, question.row["id"]), pictures, caption))
            if len(kept) > _KEPT:
                heapq.heappop(kept)

    def write(self, folder: Path) -> list[Path]:
        """One picture a task and end, `<task>-worst.png`: source, target, drawing, figure; the most extreme first.

        Raises:
            OutputError: it cannot be written.
        """
        written = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for (task, name), kept in sorted(self._kept.items()):
                drawings = sorted(kept, reverse=True)
                grid = draw_grid([one.pictures for one in drawings], [one.caption for one in drawings])
                grid.save(file := folder / f"{task}-{name}.png")
                written.append(file)
        except OSError as fault:
            raise OutputError(f"pictures cannot be written to {folder}: {fault}") from fault
        return written
