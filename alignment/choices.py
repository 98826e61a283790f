"""What people chose, worked out from the journal's events; the last word of a person about an item counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from .journal import Event
from .run import Item

Kind = Literal["pick", "skip", "flag", "undo"]
KINDS: Final = ("pick", "skip", "flag", "undo")
MOST_SECONDS: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said about one item.

    Attributes:
        kind: "pick" (maybe of nothing), "skip" or "flag".
        picks: positions of the chosen candidates in the item; empty when none is good.
        seconds: for how long the person looked at it.
        at: when, ISO 8601, UTC.
    """

    kind: Kind
    picks: tuple[int, ...] = ()
    seconds: float = 0.0
    at: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an event changed: before and after of one person's answer about one item."""

    person: str
    item: str
    before: Answer | None
    after: Answer | None


class Choices:
    """Everyone's answers. Every event counts once, however often it was sent."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._sizes = {item.id: len(item.candidates) for item in items}
        self._seen: set[tuple[str, str]] = set()
        self._people: dict[str, dict[str, Answer]] = {}

    @classmethod
    def of(cls, items: Iterable[Item], events: Iterable[Event]) -> Choices:
        """Apply events in their order."""
        choices = cls(items)
        for event in events:
            choices.apply(event)
        return choices

    def seen(self, person: str, event_id: str) -> bool:
        """Whether a person's event was applied."""
        return (person, event_id) in self._seen

    def apply(self, event: Event) -> Change | None:
        """Take in an event; None when it was there already, or is none of this run."""
        read = self._read(event)
        if read is None or self.seen(read[0], event["id"]):
            return None
        person, item, answer = read
        self._seen.add((person, event["id"]))
        answers = self._people.setdefault(person, {})
        before = answers.pop(item, None)  # so that the last answer stands last
        if answer.kind != "undo":
            answers[item] = answer
        return Change(person, item, before, None if answer.kind == "undo" else answer)

    def _read(self, event: Event) -> tuple[str, str, Answer] | None:
        person, item, kind, picks = (event.get(name) for name in ("person", "item", "kind", "picks"))
        if not isinstance(event.get("id"), str) or not isinstance(person, str) or not isinstance(item, str):
            return None
        if item not in self._sizes or kind not in KINDS or not isinstance(picks, list):
            return None
        if not all(type(pick) is int and 0 <= pick < self._sizes[item] for pick in picks):
            return None
        seconds = event.get("seconds", 0.0)
        known = float(seconds) if isinstance(seconds, int | float) else 0.0
        return person, item, Answer(cast(Kind, kind), tuple(picks), known, str(event.get("at", "")))

    @property
    def people(self) -> list[str]:
        """Pseudonyms of everyone with an answer, in the order in which they came."""
        return [person for person, answers in self._people.items() if answers]

    def of_person(self, person: str) -> Mapping[str, Answer]:
        """Item -> answer, the last answer last."""
        return self._people.get(person, {})

    def of_item(self, item: str) -> dict[str, Answer]:
        """Person -> answer."""
        return {person: answers[item] for person, answers in self._people.items() if item in answers}

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Every person, item and answer."""
        for person, answers in self._people.items():
            for item, answer in answers.items():
                yield person, item, answer


def event_of(person: str, item: str, event_id: str, answer: Answer) -> dict[str, Any]:
    """An answer as the journal has it."""
    return {
        "id": event_id,
        "person": person,
        "item": item,
        "kind": answer.kind,
        "picks": list(answer.picks),
        "seconds": round(answer.seconds, 1),
        "at": answer.at,
    }
