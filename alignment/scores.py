"""What is known of each candidate in numbers: automatic scores, scores that came with it, how it was drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import DatasetFolderError
from ..manifests.folder import write_json
from .run import Item, Run, RunFolder

_FORMAT: Final = 1
_SETTINGS: Final = ("text_guidance", "image_guidance", "steps")


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """One score.

    Attributes:
        name: of the score.
        better: "higher", "lower", or empty when neither is known to be.
        description: one line for people.
        caution: why nothing should be chosen by it; empty when all is well.
    """

    name: str
    better: str = ""
    description: str = ""
    caution: str = ""


@dataclass(frozen=True)
class Scores:
    """All numbers of a run.

    Attributes:
        columns: by name.
        values: item -> score -> (n,) float64, one for each candidate, NaN where there is none.
    """

    columns: Mapping[str, ScoreColumn]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def of(self, item: Item, name: str) -> NDArray[np.float64]:
        """A score of an item's candidates."""
        return self.values[item.id].get(name, np.full(len(item.candidates), np.nan))


def write_scores(
    folder: RunFolder, columns: Iterable[ScoreColumn], values: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> None:
    """Write scores.json.

    Raises:
        OSError: it cannot be written.
    """
    rows = {item: {name: _to_json(numbers) for name, numbers in scores.items()} for item, scores in values.items()}
    described = [asdict(column) for column in columns]
    write_json(folder.scores_file, {"format": _FORMAT, "columns": described, "items": rows})


def read_scores(run: Run) -> Scores:
    """Every number there is of the run's candidates.

    Raises:
        DatasetFolderError: scores.json is broken, or of other items.
    """
    columns, stored = _stored(run)
    values: dict[str, dict[str, NDArray[np.float64]]] = {}
    for item in run.items:
        found = dict(stored.get(item.id, {}))
        for name in sorted({name for candidate in item.candidates for name in candidate.scores}):
            columns.setdefault(name, ScoreColumn(name, description="came with the pictures"))
            found[name] = np.array([candidate.scores.get(name, np.nan) for candidate in item.candidates], np.float64)
        for name in _SETTINGS:
            settings = [getattr(candidate, name) for candidate in item.candidates]
            if any(value is not None for value in settings):
                columns.setdefault(name, ScoreColumn(name, description="how the edit was drawn"))
                found[name] = np.array([np.nan if value is None else value for value in settings], np.float64)
        values[item.id] = found
    return Scores(columns, values)


def _stored(run: Run) -> tuple[dict[str, ScoreColumn], dict[str, dict[str, NDArray[np.float64]]]]:
    file = RunFolder(run.root).scores_file
    if not file.exists():
        return {}, {}
    sizes = {item.id: len(item.candidates) for item in run.items}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        columns = {column["name"]: ScoreColumn(**column) for column in value["columns"]}
        values = {
            item: {name: _from_json(numbers, sizes[item]) for name, numbers in scores.items()}
            for item, scores in value["items"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise DatasetFolderError(
            f"{file} cannot be read ({fault!r}); remove it and run taskpaint align score {run.root} again"
        ) from fault
    return columns, values


def _to_json(numbers: NDArray[np.float64]) -> list[float | None]:
    return [float(number) if np.isfinite(number) else None for number in numbers]


def _from_json(numbers: list[Any], size: int) -> NDArray[np.float64]:
    if len(numbers) != size:
        raise ValueError(f"{len(numbers)} scores for {size} candidates")
    return np.array([np.nan if number is None else float(number) for number in numbers], np.float64)
