"""Slot values of an instruction, before they become words.

A task says what it means ("all of class dog, there are three"); the paraphrase room finds the words. The values
are stored in `params`, so that a dataset can be reworded without its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Noun:
    """A class name that still needs its article or quantifier.

    Attributes:
        name: as the dataset gives it.
        form: definite ("the dog", "all three dogs") or indefinite ("a dog").
        count: how many are meant; None when unknown.
    """

    name: str
    form: Literal["definite", "indefinite"] = "definite"
    count: int | None = None


Phrase = str | Noun


@dataclass(frozen=True, slots=True)
class Legend:
    """Several phrases, each with its colour: "the dog in red and the grass in green"."""

    parts: tuple[tuple[Phrase, str], ...]


SlotValue = str | Noun | Legend


def slots_to_json(slots: Mapping[str, SlotValue]) -> dict[str, Any]:
    """Slot values as JSON-able objects."""
    return {name: _to_json(value) for name, value in slots.items()}


def slots_from_json(stored: Mapping[str, Any]) -> dict[str, SlotValue]:
    """The inverse of `slots_to_json`.

    Raises:
        ValueError: something else stands there.
    """
    found = {}
    for name, value in stored.items():
        try:
            found[name] = _from_json(value)
        except (TypeError, ValueError) as fault:
            raise ValueError(f"{value!r} is no slot value") from fault
    return found


def _to_json(value: SlotValue) -> Any:
    if isinstance(value, Legend):
        return {"legend": [[_to_json(phrase), color] for phrase, color in value.parts]}
    if isinstance(value, Noun):  # asdict would copy deeply, many times slower
        return {"name": value.name, "form": value.form, "count": value.count}
    return value


def _from_json(value: Any) -> SlotValue:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "legend" in value:
        return Legend(tuple((_phrase(phrase), str(color)) for phrase, color in value["legend"]))
    return _phrase(value)


def _phrase(value: Any) -> Phrase:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "name" in value:
        return Noun(**value)
    raise ValueError(f"{value!r} is no slot value")
