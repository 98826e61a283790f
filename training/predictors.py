"""Where the pictures that are judged come from: a model, a folder, the targets themselves, or the sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ..manifests.errors import ItemError, UsageError
from ..manifests.images import RGB, decode_rgb, read_header
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
    """Pictures of any model, called like the rows: `<id>.png`, .jpg or .webp, of any size."""

    folder: Path

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """Pictures by the row that they are called after."""
        found: dict[str, list[Path]] = {}
        for file in sorted(self.folder.iterdir()):
            if file.suffix.lower() in _SUFFIXES:
                found.setdefault(file.stem, []).append(file)
        return found

    def check(self, ids: Sequence[str]) -> None:
        """Whether all are there and whole, as far as their headers say.

        Raises:
            UsageError: no folder, or some are missing, broken or there twice.
        """
        if not self.folder.is_dir():
            raise UsageError(f"there is no folder {self.folder}")
        missing = [one for one in ids if one not in self._files]
        if missing:
            raise UsageError(
                f"{self.folder} lacks {len(missing):,} of {len(ids):,} pictures, the first {missing[0]}.png; "
                "taskpaint edit --dataset draws them, named as they must be; --task and --limit judge fewer rows"
            )
        broken: list[str] = []
        for one in ids:
            file, *twins = self._files[one]
            if twins:
                raise UsageError(f"{self.folder} holds {file.name} and {twins[0].name}; keep one of them")
            try:
                read_header(file.read_bytes())
            except (OSError, ItemError) as fault:
                broken.append(f"{file} does not open: {fault}")
        if broken:
            raise UsageError(f"{len(broken):,} of {len(ids):,} pictures are broken, the first {broken[0]}")

    def __call__(self, questions: Sequence[Question]) -> Iterator[tuple[Question, RGB]]:
        """Read, and bring to the size of the row."""
        for question in questions:
            (file,) = self._files[question.row["id"]]
            try:
                drawn = decode_rgb(file.read_bytes())
            except (OSError, ItemError) as fault:
                raise UsageError(f"{file} does not open: {fault}") from fault
            height, width = question.source.shape[:2]
            if drawn.shape[:2] != (height, width):
                drawn = np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR))
            yield question, drawn
