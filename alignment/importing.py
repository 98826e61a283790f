"""Runs from pictures that were made elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError

from ..manifests.errors import BadItem, ItemError, UsageError
from ..manifests.triplet import clean_id
from .pictures import store_file
from .run import Candidate, Item, first_fault

_PICTURES: Final = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"))
_NUMBERS: Final = re.compile(r"(\d+)")


class _GivenCandidate(Candidate):
    image: str = Field(min_length=1, description="file, relative to the JSONL file")


class _GivenItem(Item):
    """A line of a JSONL file: as an item of a run, with files of one's own."""

    id: str = ""
    source: str = Field(min_length=1, description="file, relative to the JSONL file")
    candidates: tuple[_GivenCandidate | str, ...] = Field(min_length=2, max_length=64)  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that could not be taken. where: line or folder; reason: why."""

    where: str
    reason: str


def import_items(source: Path, run: Path) -> Iterator[Item | Refused]:
    """Copy pictures into a run.

    Args:
        source: a JSONL file, a folder with items.jsonl, or a folder with one folder an item, which holds source.*,
            instruction.txt, and the edits.
        run: the run's folder.

    Raises:
        UsageError: the source is none of these, or a line is no item.
        OSError: the run cannot be written.
    """
    lines = source / "items.jsonl" if source.is_dir() else source
    if lines.is_file():
        given = _from_lines(lines)
    elif source.is_dir():
        given = _from_folders(source)
    else:
        raise UsageError(f"{source} does not exist; give a JSONL file or a folder of items")
    seen: set[str] = set()
    for where, folder, item in given:
        try:
            taken = _taken(item, folder, run)
        except (ItemError, ValidationError) as fault:
            yield Refused(where, first_fault(fault) if isinstance(fault, ValidationError) else str(fault))
            continue
        if taken.id in seen:
            raise UsageError(f"{where}: a second item is called {taken.id!r}; ids must differ")
        seen.add(taken.id)
        yield taken


def _taken(item: _GivenItem, folder: Path, run: Path) -> Item:
    """The item with its pictures in the run."""
    candidates = [one if isinstance(one, _GivenCandidate) else _GivenCandidate(image=one) for one in item.candidates]
    fields = item.model_dump(exclude={"source", "candidates"}, exclude_defaults=True)
    return Item(
        **fields,
        source=store_file(run, _read(folder / item.source)),
        candidates=tuple(
            Candidate(
                **one.model_dump(exclude={"image"}, exclude_defaults=True),
                image=store_file(run, _read(folder / one.image)),
            )
            for one in candidates
        ),
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise BadItem(f"{file} cannot be read: {fault.strerror}") from fault


def _from_lines(file: Path) -> Iterator[tuple[str, Path, _GivenItem]]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"{file} cannot be read: {fault}") from fault
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            value: Any = json.loads(line)
            if isinstance(value, dict) and not value.get("id"):
                value["id"] = f"{number:06d}"
            yield where, file.parent, _GivenItem.model_validate(value)
        except ValidationError as fault:
            raise UsageError(f"{where}: {first_fault(fault)}") from fault
        except ValueError as fault:
            raise UsageError(f"{where}: not valid JSON: {fault}") from fault


def _from_folders(root: Path) -> Iterator[tuple[str, Path, _GivenItem]]:
    folders = sorted((entry for entry in root.iterdir() if entry.is_dir()), key=lambda entry: _natural(entry.name))
    if not folders:
        raise UsageError(
            f"{root} holds neither items.jsonl nor folders; taskpaint align import --help shows the layout"
        )
    for folder in folders:
        pictures = sorted((file for file in folder.iterdir() if file.suffix.lower() in _PICTURES), key=_by_name)
        sources = [file for file in pictures if file.stem == "source"]
        edits = [file for file in pictures if file.stem != "source"]
        words = folder / "instruction.txt"
        if len(sources) != 1 or len(edits) < 2 or not words.is_file():
            raise UsageError(
                f"{folder} must hold one source.png (or .jpg …), instruction.txt and at least two other pictures"
            )
        try:
            instruction = " ".join(words.read_text(encoding="utf-8").split())
            item = _GivenItem(
                id=clean_id(folder.name),
                instruction=instruction,
                source=sources[0].name,
                candidates=tuple(file.name for file in edits),
            )
        except ValidationError as fault:
            raise UsageError(f"{folder}: {first_fault(fault)}") from fault
        except (OSError, UnicodeDecodeError) as fault:
            raise UsageError(f"{words} cannot be read: {fault}") from fault
        yield str(folder), folder, item


def _by_name(file: Path) -> list[tuple[int, str]]:
    return _natural(file.name)


def _natural(name: str) -> list[tuple[int, str]]:
    """So that 10.png comes after 9.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(name)]
