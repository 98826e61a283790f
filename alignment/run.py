"""A run: instructions, each with its source picture and the edits to choose from, in a folder.

RUN/run.json          what the run is, its seed, and what made the edits
RUN/items.jsonl       one item a line, as `Item`
RUN/images/           pictures, named after their content
RUN/scores.json       automatic scores of the edits, once they were made
RUN/choices.jsonl     what people chose; appended to, never rewritten
RUN/secret            keys of pseudonyms and sessions; stays here
RUN/.taskpaint/       bookkeeping of making the edits and their scores
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, model_validator

from ..manifests.errors import DatasetFolderError
from ..manifests.folder import write_json, write_text
from ..manifests.recipe import Block

FORMAT: Final = 1
MOST_CANDIDATES: Final = 64

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length=200)]
_Picture = Annotated[str, Field(pattern=r"^images/[0-9a-f]{32}\.(jpg|png|webp)$")]


class Candidate(Block):
    """One edit to choose."""

    image: _Picture = Field(description="picture, relative to the run")
    text_guidance: float | None = Field(None, description="how much the model listened to the instruction")
    image_guidance: float | None = Field(None, description="how much it listened to the source picture")
    seed: int | None = Field(None, description="of the noise")
    steps: int | None = Field(None, description="of denoising")
    model: str = Field("", description="what drew it, where an item has edits of several models")
    scores: dict[str, float] = Field(default_factory=dict, description="that came with the picture")

    def settings(self) -> dict[str, Any]:
        """How it was drawn, as far as that is known."""
        names = ("text_guidance", "image_guidance", "seed", "steps", "model")
        return {name: value for name in names if (value := getattr(self, name)) not in (None, "")}


class Item(Block):
    """An instruction, a source picture and the edits to choose from."""

    id: Id = Field(description="unique in the run")
    instruction: str = Field(min_length=1, max_length=4000)
    source: _Picture = Field(description="picture, relative to the run")
    candidates: tuple[Candidate, ...] = Field(min_length=2, max_length=MOST_CANDIDATES)
    task: str = Field("edit", description="task of the row that it was made from")
    split: str = Field("train", pattern=r"^[A-Za-z0-9]+(_[A-Za-z0-9]+)*$", description="of the dataset to be made")
    source_dataset: str = Field("", description="where the source picture comes from")
    source_split: str = ""
    source_id: str = ""
    image_key: str = Field("", description="names the source picture, the same for every item that shows it")
    license: str = ""
    source_caption: str = Field("", description="describes the source; for scores")
    target_caption: str = Field("", description="describes what the edit should show; for scores")

    @model_validator(mode="after")
    def _both_captions(self) -> Item:
        if bool(self.source_caption) != bool(self.target_caption):
            raise ValueError("give both source_caption and target_caption, or neither")
        if not self.instruction.strip():
            raise ValueError("instruction is empty")
        return self


@dataclass(frozen=True)
class Run:
    """A run read into memory.

    Attributes:
        about: run.json: name, seed, made_by.
        items: in the order of items.jsonl.
    """

    root: Path
    about: Mapping[str, Any]
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.about["name"])

    @property
    def seed(self) -> int:
        """Decides the order in which edits are shown."""
        return int(self.about["seed"])

    @property
    def choices_file(self) -> Path:
        """What people chose."""
        return self.root / "choices.jsonl"


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run, and its writing and reading."""

    root: Path

    @property
    def about_file(self) -> Path:
        """What the run is; written last."""
        return self.root / "run.json"

    @property
    def items_file(self) -> Path:
        """The items."""
        return self.root / "items.jsonl"

    @property
    def images(self) -> Path:
        """The pictures."""
        return self.root / "images"

    @property
    def scores_file(self) -> Path:
        """Automatic scores."""
        return self.root / "scores.json"

    def write(self, name: str, seed: int, made_by: Mapping[str, Any], items: Iterable[Item]) -> None:
        """Write items and, last of all, run.json.

        Raises:
            OSError: the folder cannot be written.
        """
        lines = [json.dumps(item.model_dump(exclude_defaults=True), ensure_ascii=False) for item in items]
        write_text(self.items_file, "".join(f"{line}\n" for line in lines))
        write_json(self.about_file, {"format": FORMAT, "name": name, "seed": seed, "made_by": dict(made_by)})

    def read(self) -> Run:
        """The run.

        Raises:
            DatasetFolderError: it is no run, unfinished, or a line does not hold; names the line.
        """
        about = self._about()
        items: dict[str, Item] = {}
        try:
            lines = self.items_file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as fault:
            raise DatasetFolderError(f"{self.items_file} cannot be read: {fault}; make the run again") from fault
        for number, line in enumerate(lines, 1):
            item = self._item(number, line)
            if item.id in items:
                raise DatasetFolderError(f"{self.items_file}, line {number}: a second item is called {item.id!r}")
            items[item.id] = item
        if not items:
            raise DatasetFolderError(f"{self.root} holds no items; make the run again")
        return Run(self.root, about, tuple(items.values()))

    def _about(self) -> dict[str, Any]:
        try:
            about = json.loads(self.about_file.read_text(encoding="utf-8"))
            if about["format"] != FORMAT:
                raise DatasetFolderError(
                    f"{self.about_file} is of format {about['format']}, this taskpaint reads {FORMAT}; upgrade it"
                )
            int(about["seed"]), str(about["name"]), dict(about["made_by"])
        except FileNotFoundError as fault:
            raise DatasetFolderError(
                f"{self.root} is no finished run: run.json is missing; taskpaint align import or generate makes one"
            ) from fault
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise DatasetFolderError(f"{self.about_file} cannot be read ({fault!r}); make the run again") from fault
        return dict(about)

    def _item(self, number: int, line: str) -> Item:
        try:
            return Item.model_validate_json(line)
        except ValidationError as fault:
            raise DatasetFolderError(f"{self.items_file}, line {number}: {first_fault(fault)}") from fault


def first_fault(fault: ValidationError) -> str:
    """The first of pydantic's complaints, with the key it is about."""
    first = fault.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def secret_of(root: Path) -> bytes:
    """The run's own random key, 32 bytes; made when it is first asked for, readable by its owner alone.

    Raises:
        DatasetFolderError: the file is there and holds something else.
        OSError: it cannot be written.
    """
    file = root / "secret"
    with contextlib.suppress(FileExistsError):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(32) + "\n")
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError as fault:
        raise DatasetFolderError(
            f"{file} is damaged; remove it, and people enter anew under other pseudonyms"
        ) from fault
    if len(key) != 32:
        raise DatasetFolderError(f"{file} is damaged; remove it, and people enter anew under other pseudonyms")
    return key
