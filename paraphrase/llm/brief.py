"""What a section of a task renders, told to a model that cannot see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from ..templates import Template


@dataclass(frozen=True)
class Brief:
    """One section and all that is known of it.

    Attributes:
        task, section, slots: which sentences are wanted.
        description: what the section renders, in plain words.
        slot_notes: slot -> what it will hold, with examples.
        seeds: the templates there are; at least one.
    """

    task: str
    section: str
    slots: tuple[str, ...]
    description: str
    seeds: tuple[Template, ...]
    slot_notes: Mapping[str, str] = field(default_factory=dict)


def briefs_of(task: str, summary: str, bank: Sequence[Template]) -> list[Brief]:
    """Briefs of a task's sections, in the bank's order.

    A section whose templates are nothing but one slot leaves nothing to paraphrase and is passed over. A task without
    a description of its own, as from another package, is described by its summary.

    Args:
        task: its name.
        summary: one line of what it does.
        bank: its templates.
    """
    found: dict[str, list[Template]] = {}
    for template in bank:
        found.setdefault(template.section, []).append(template)
    told = _descriptions().get(task, {})
    sections, notes = told.get("sections", {}), told.get("slots", {})
    return [
        Brief(
            task,
            name,
            seeds[0].slots,
            " ".join(sections.get(name, summary).split()),
            tuple(seeds),
            {slot: " ".join(notes[slot].split()) for slot in seeds[0].slots if slot in notes},
        )
        for name, seeds in found.items()
        if any(_has_words(seed) for seed in seeds)
    ]


def _has_words(template: Template) -> bool:
    text = template.text
    for slot in template.slots:
        text = text.replace(f"{{{slot}}}", "")
    return any(letter.isalpha() for letter in text)


@cache
def _descriptions() -> dict[str, Any]:
    file = resources.files(__package__).joinpath("descriptions.yaml")
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded
