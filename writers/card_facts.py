"""What a card is written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..manifests.licenses import Combined, combine
from .card_pictures import TaskPicture
from .card_survey import CardSurvey


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One score, over the whole dataset.

    Attributes:
        name, description: of the score's column.
        better: "higher", "lower", or empty.
        rows: how many rows have it.
        tenth, median, ninth: the values below which a tenth, a half and nine tenths of them lie.
        caution: why nothing should be judged by it; empty when all is well.
    """

    name: str
    description: str
    better: str
    rows: int
    tenth: float
    median: float
    ninth: float
    caution: str = ""


@dataclass(frozen=True)
class CardFacts:
    """Everything that the card says.

    Attributes:
        manifest: of the dataset.
        survey: counts from the rows themselves; empty before there are any.
        pictures: task -> its picture.
        scores: of the sidecar; empty when the dataset was not scored.
        folder: where the shards lie, relative to the card.
        repo: name on the Hub, as the card's example loads it.
        notes: what its owner wrote below the last line of an earlier card.
    """

    manifest: Mapping[str, Any]
    survey: CardSurvey = field(default_factory=CardSurvey)
    pictures: Mapping[str, TaskPicture] = field(default_factory=dict)
    scores: tuple[ScoreLine, ...] = ()
    folder: str = "data"
    repo: str = "USER/NAME"
    notes: str = ""

    def licenses(self) -> Combined:
        """Licences of the sources that rows come from, combined."""
        return combine(self.survey.licenses() or self._stated())

    def tasks(self) -> dict[str, int]:
        """Task -> rows; from the manifest's counts only its names when there was no look at the rows."""
        found: dict[str, int] = {}
        for (task, *_), count in self.survey.rows.items():
            found[task] = found.get(task, 0) + count
        return {task: found[task] for task in sorted(found)}

    def source_rows(self) -> dict[tuple[str, str, str], int]:
        """(source dataset, split, licence) -> rows."""
        found: dict[tuple[str, str, str], int] = {}
        for (_, dataset, split, text), count in self.survey.rows.items():
            found[dataset, split, text] = found.get((dataset, split, text), 0) + count
        return {key: found[key] for key in sorted(found)}

    def _stated(self) -> dict[str, set[str]]:
        stated: dict[str, set[str]] = {}
        for label, source in self.manifest.get("sources", {}).items():
            stated.setdefault(source.get("dataset", label), set()).add(source["license"])
        return stated
