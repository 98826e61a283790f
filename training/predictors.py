"""Where the pictures that are judged come from: a model, a folder, the targets themselves, or the sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ..manifests.errors import ItemError, UsageError
from ..manifests.images import RGB, decode_rgb
from .edit import Artist, EditOptions, Request

_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp")
Predictor = Callable[[Sequence["Question"]], Iterator[tuple["Question", RGB]]]


@dataclass(frozen=True, slots=True)
class Question:
    """A row of a dataset with its pictures, (H, W, 3) uint8."""

    row: dict[str, Any]
    source: RGB
    target: RGB


def oracle(questions: Sequence[Question]) -> Iterator[tuple[Question, RGB]]:
    """The target as it is stored: the most that any model can reach."""
    yield from ((question, question.target) for question in questions)


def copier(questions: Sequence[Question]) -> Iterator[tuple[Question, RGB]]:
    """The source, unchanged: what a model reaches that has learned nothing."""
    yield from ((question, question.source) for question in questions)


@dataclass(frozen=True)
class FromModel:
    """Drawn by a model."""

    artist: Artist
    options: EditOptions

    def __call__(self, questions: Sequence[Question]) -> Iterator[tuple[Question, RGB]]:
        """Draw."""
        by_id = {question.row["id"]: question for question in questions}
        requests = [Request.of_row(one.row, one.source) for one in questions]
        for request, drawn in self.artist.draw(requests, self.options):
            yield by_id[request.key], drawn


@dataclass(frozen=True)
class FromFolder:
    """Pictures of any model, called like the rows: `<id>.png`, .jpg or .webp."""

    folder: Path

    def check(self, ids: Sequence[str]) -> None:
        """Whether all are there.

        Raises:
            UsageError: some are missing.
        """
        missing = [one for one in ids if self._file(one) is None]
        if missing:
            raise UsageError(
                f"{self.folder} lacks {len(missing):,} of {len(ids):,} pictures, the first {missing[0]}.png; "
                "taskpaint edit --dataset draws them, named as they must be"
            )

    def __call__(self, questions: Sequence[Question]) -> Iterator[tuple[Question, RGB]]:
        """Read, and bring to the size of the row."""
        for question in questions:
            file = self._file(question.row["id"])
            assert file is not None, "checked before"
            try:
                drawn = decode_rgb(file.read_bytes())
            except (OSError, ItemError) as fault:
                raise UsageError(f"{file} does not open: {fault}") from fault
            height, width = question.source.shape[:2]
            if drawn.shape[:2] != (height, width):
                drawn = np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR))
            yield question, drawn

    def _file(self, identity: str) -> Path | None:
        return next((file for end in _SUFFIXES if (file := self.folder / f"{identity}{end}").is_file()), None)
