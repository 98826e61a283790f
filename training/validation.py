"""What the model can do so far: a few rows drawn and scored while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..manifests.folder import DatasetFolder, split_of
from ..manifests.images import RGB
from .catalogue import Catalogue
from .curves import draw_grid
from .edit import Artist, EditOptions
from .evaluate import evaluate, questions_of, read_questions
from .metrics.choose import NOT_JUDGED
from .model import Parts
from .predictors import FromModel, Question
from .settings import Settings

_SHOWN = 8


@dataclass(frozen=True)
class Validation:
    """The same rows each time, with the same noise. judged: are scored; drawn: have no right answer."""

    catalogue: Catalogue
    judged: list[int]
    drawn: list[int]
    predictor: FromModel
    folder: Path

    @classmethod
    def of(cls, settings: Settings, parts: Parts, tell: Callable[[str], None]) -> Validation | None:
        """Rows of the validation split; None, and a word to `tell`, when it has none of what is learned."""
        split, dataset = settings.validation_split, settings.dataset
        if split not in {split_of(file.stem) for file in DatasetFolder(dataset).shards()}:
            tell(f"no samples are drawn while it trains: {dataset} has no split {split!r}")
            return None
        known = Catalogue.open(dataset, split).tasks
        tasks = [task for task in settings.tasks or known if task in known]
        if not tasks:
            tell(f"no samples are drawn while it trains: split {split} has no row of {', '.join(settings.tasks or ())}")
            return None
        catalogue, rows = questions_of(dataset, split, tasks, settings.validation_rows, judged=False)
        can_judge = [catalogue.tasks[catalogue.task_of[row]] not in NOT_JUDGED for row in rows]
        options = EditOptions(
            settings.sampling_steps, settings.guidance, settings.image_guidance, settings.seed, settings.batch_size
        )
        artist = Artist(parts.pipeline(), settings.resolution, settings.aspect)
        return cls(
            catalogue,
            [row for row, yes in zip(rows, can_judge, strict=True) if yes],
            [row for row, yes in zip(rows, can_judge, strict=True) if not yes],
            FromModel(artist, options),
            settings.out / "samples",
        )

    def run(self, step: int) -> dict[str, dict[str, float]]:
        """Draw, write a grid of the first few, and score: task -> metric -> value."""
        shown: list[tuple[str, tuple[RGB, RGB, RGB], str]] = []

        def keep(question: Question, drawn: RGB) -> None:
            shown.append((question.row["id"], (question.source, question.target, drawn), question.row["edit_prompt"]))

        found = evaluate(
            self.catalogue, self.judged, {"model": self.predictor}, on_drawn=lambda one, _, drawn, __: keep(one, drawn)
        )
        for question, drawn in self.predictor(list(read_questions(self.catalogue, self.drawn))):
            keep(question, drawn)
        shown.sort(key=lambda one: one[0])
        self.folder.mkdir(exist_ok=True)
        grid = draw_grid([pictures for _, pictures, _ in shown[:_SHOWN]], [text for *_, text in shown[:_SHOWN]])
        grid.save(self.folder / f"step-{step:08d}.png")
        return {task: by_predictor["model"] for task, by_predictor in found.metrics.items()}
