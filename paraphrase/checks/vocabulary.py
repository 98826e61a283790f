"""What instructions of each section may and must say: vocabulary.yaml, read once. Its head explains the terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

_FIELDS = frozenset({"like", "allows", "needs", "wrong", "harmless", "negation", "polarity"})


@dataclass(frozen=True, slots=True)
class Phrases:
    """Patterns of one kind; `why` completes the sentence "'square' …"."""

    why: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What the instructions of a section say.

    Attributes:
        allows: names of families whose words belong here.
        needs: groups of word beginnings; of each group, one must occur.
        wrong: phrases that contradict what is rendered here.
        harmless: patterns of phrases that are no change of meaning here.
        negation: strict, loose or free.
        polarity: whether {yes} must go with presence and {no} with absence.
    """

    allows: frozenset[str] = frozenset()
    needs: tuple[tuple[str, ...], ...] = ()
    wrong: tuple[Phrases, ...] = ()
    harmless: tuple[str, ...] = ()
    negation: str = "strict"
    polarity: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The whole file: families by name, phrases harmless everywhere, sections by "task.section"."""

    families: Mapping[str, Phrases]
    harmless: tuple[str, ...]
    sections: Mapping[str, Section]


@cache
def load_vocabulary() -> Vocabulary:
    """The vocabulary that ships."""
    file = resources.files(__package__).joinpath("vocabulary.yaml")
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    known: dict[str, Section] = {}
    for name, fields in (*raw["kinds"].items(), *raw["sections"].items()):
        assert set(fields) <= _FIELDS, (name, fields)
        known[name] = _section(fields, known[fields["like"]] if "like" in fields else Section())
    return Vocabulary(
        {name: _phrases(fields) for name, fields in raw["families"].items()},
        tuple(raw["harmless"]),
        {name: known[name] for name in raw["sections"]},
    )


def _section(fields: Mapping[str, Any], base: Section) -> Section:
    return Section(
        base.allows | frozenset(fields.get("allows", ())),
        (*base.needs, *(tuple(group) for group in fields.get("needs", ()))),
        (*base.wrong, *(_phrases(one) for one in fields.get("wrong", ()))),
        (*fields.get("harmless", ()), *base.harmless),
        fields.get("negation", base.negation),
        fields.get("polarity", base.polarity),
    )


def _phrases(fields: Mapping[str, Any]) -> Phrases:
    return Phrases(fields["why"], tuple(fields["phrases"]))
