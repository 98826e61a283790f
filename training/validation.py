"""What the model can do so far: a few rows drawn and scored while it trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..manifests.images import RGB
from .catalogue import Catalogue
from .curves import draw_grid
from .edit import Artist, EditOptions
from .evaluate import evaluate, questions_of
from .model import Parts
from .predictors import FromModel, Question
from .settings import Settings

_SHOWN = 8


@dataclass(frozen=True)
class Validation:
    """The same rows each time, with the same noise."""

    catalogue: Catalogue
    rows: list[int]
    predictor: FromModel
    folder: Path

    @classmethod
    def of(cls, settings: Settings, parts: Parts) -> Validation | None:
        """Rows of the validation split that can be judged; None when there are none."""
        splits = {file.stem.rsplit("-", 3)[0] for file in (settings.dataset / "data").glob("*.parquet")}
        if settings.validation_split not in splits:
            return None
        known = Catalogue.open(settings.dataset, settings.validation_split).tasks
        tasks = [task for task in settings.tasks or known if task in known and task != "adaptation"]
        if not tasks:
            return None
        catalogue, rows = questions_of(settings.dataset, settings.validation_split, tasks, settings.validation_rows)
        options = EditOptions(
            settings.sampling_steps, settings.guidance, settings.image_guidance, settings.seed, settings.batch_size
        )
        artist = Artist(parts.pipeline(), settings.resolution, settings.aspect)
        return cls(catalogue, rows, FromModel(artist, options), settings.out / "samples")

    def run(self, step: int) -> dict[str, dict[str, float]]:
        """Draw, write a grid of the first few, and score: task -> metric -> value."""
        shown: list[tuple[str, tuple[RGB, RGB, RGB], str]] = []

        def keep(question: Question, _: str, drawn: RGB, better: float) -> None:
            shown.append((question.row["id"], (question.source, question.target, drawn), question.row["edit_prompt"]))

        found = evaluate(self.catalogue, self.rows, {"model": self.predictor}, on_drawn=keep)
        shown.sort(key=lambda one: one[0])
        self.folder.mkdir(exist_ok=True)
        grid = draw_grid([pictures for _, pictures, _ in shown[:_SHOWN]], [text for *_, text in shown[:_SHOWN]])
        grid.save(self.folder / f"step-{step:08d}.png")
        return {task: by_predictor["model"] for task, by_predictor in found.metrics.items()}
