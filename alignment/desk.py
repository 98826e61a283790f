"""The desk at which people choose: what each is shown next, and their answers taken to disk."""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..manifests.errors import BadItem, DatasetFolderError
from ..manifests.images import read_header
from .assignment import Assignment
from .choices import KINDS, MOST_SECONDS, Answer, Choices, event_of
from .journal import Event, Journal, read_events
from .run import Item, Run

_AHEAD: Final = 2
"""Items given out at a time: the one that is shown, and the one whose pictures are fetched meanwhile."""
_PACE_OF: Final = 20


@dataclass(frozen=True)
class DeskOptions:
    """How people choose.

    Attributes:
        people: that should answer each item.
        picks: most edits that a person may choose of an item.
        lease_s: seconds after which an item that nobody answered goes to somebody else.
    """

    people: int = 1
    picks: int = 2
    lease_s: float = 600.0


class RefusedError(Exception):
    """A request that makes no sense in this run; the text is for the person."""


class Desk:
    """One run while it is being judged; any number of threads."""

    def __init__(self, run: Run, options: DeskOptions, clock: Callable[[], float] = time.monotonic) -> None:
        """Read what was chosen before, and hold the run against other servers.

        Raises:
            FolderBusyError: another server has the run.
            DatasetFolderError: a picture is missing or broken.
            OSError: the choices cannot be written.
        """
        self.run, self.options = run, options
        self._lock = threading.Lock()
        self._places = {item.id: place for place, item in enumerate(run.items)}
        self._images = _images(run)
        self._sizes_wh = {source: _size_wh(run, source) for source in {item.source for item in run.items}}
        self._choices = Choices(run.items)
        self._assignment = Assignment(len(run.items), options.people, run.seed, options.lease_s, clock)
        self._journal = Journal(run.choices_file, self._apply)
        for event in read_events(run.choices_file):
            self._take_in(event, held=False)

    def image(self, name: str) -> Path | None:
        """File of a picture that the run names."""
        return self._images.get(name)

    def state(self, person: str) -> dict[str, Any]:
        """What the page shows: the item, what comes next, how far things are."""
        with self._lock:
            places = self._assignment.take(person, _AHEAD)
            mine = self._choices.of_person(person)
            left = self._assignment.open_for(person)
            return {
                "person": person,
                "run": self.run.name,
                "picks": self.options.picks,
                "item": self._shown(person, self.run.items[places[0]]) if places else None,
                "ahead": self._pictures(self.run.items[places[1]]) if len(places) > 1 else [],
                "last": next(reversed(list(mine)), None),
                "waiting": bool(left and not places),
                "progress": {
                    "mine": len(mine),
                    "left": left,
                    "answered": self._assignment.answered,
                    "wanted": self._assignment.wanted,
                },
                "pace_s": _pace(mine),
            }

    def act(self, person: str, action: Mapping[str, Any]) -> dict[str, Any]:
        """Take an answer, or take one back; it is on disk when this returns. The same `id` counts once.

        Args:
            action: id, item, kind, picks (places in the order the person saw), seconds.

        Returns:
            `state`, afterwards.

        Raises:
            RefusedError: the action does not hold.
            OSError: it could not be written, and does not count.
        """
        item, answer = self._checked(person, action)
        with self._lock:
            known = self._choices.seen(person, action["id"])
        if not known:
            self._journal.append(event_of(person, item.id, action["id"], answer))
        return self.state(person)

    def choices(self) -> Choices:
        """Everything chosen so far, as a copy that does not change."""
        return Choices.of(self.run.items, read_events(self.run.choices_file))

    def close(self) -> None:
        """Let other servers have the run."""
        self._journal.close()

    def _checked(self, person: str, action: Mapping[str, Any]) -> tuple[Item, Answer]:
        event_id, item_id, kind = (action.get(name) for name in ("id", "item", "kind"))
        picks, seconds = action.get("picks", []), action.get("seconds", 0)
        if not isinstance(event_id, str) or not 8 <= len(event_id) <= 64 or not event_id.isascii():
            raise RefusedError("id must be a text of 8 to 64 plain characters, made anew for every choice")
        if not isinstance(item_id, str) or item_id not in self._places:
            raise RefusedError("there is no such item in this run")
        if kind not in KINDS:
            raise RefusedError(f"kind must be one of {', '.join(KINDS)}")
        item = self.run.items[self._places[item_id]]
        size = len(item.candidates)
        if not isinstance(picks, list) or not all(type(pick) is int and 0 <= pick < size for pick in picks):
            raise RefusedError(f"picks must be a list of places from 0 to {size - 1}")
        if len(set(picks)) != len(picks) or len(picks) > (self.options.picks if kind == "pick" else 0):
            raise RefusedError(f"at most {self.options.picks} different pictures can be picked, and only by kind pick")
        if type(seconds) not in (int, float) or not 0 <= seconds <= MOST_SECONDS:
            raise RefusedError(f"seconds must be a number from 0 to {MOST_SECONDS:.0f}")
        order = shown_order(self.run.seed, person, item)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return item, Answer(kind, tuple(sorted(order[pick] for pick in picks)), float(seconds), now)

    def _apply(self, event: Event) -> None:
        with self._lock:
            self._take_in(event, held=True)

    def _take_in(self, event: Event, held: bool) -> None:
        change = self._choices.apply(event)
        if change is None:
            return
        place = self._places[change.item]
        self._assignment.count(place, _counts(change.after) - _counts(change.before))
        if held or change.after is not None:
            self._assignment.mark(change.person, place, change.after is not None)
        else:
            self._assignment.forget(change.person, place)

    def _shown(self, person: str, item: Item) -> dict[str, Any]:
        order = shown_order(self.run.seed, person, item)
        return {
            "id": item.id,
            "instruction": item.instruction,
            "source": _name(item.source),
            "size_wh": self._sizes_wh[item.source],
            "candidates": [_name(item.candidates[place].image) for place in order],
        }

    def _pictures(self, item: Item) -> list[str]:
        """Sorted, so that the order tells nothing."""
        return sorted({_name(item.source), *(_name(candidate.image) for candidate in item.candidates)})


def shown_order(seed: int, person: str, item: Item) -> list[int]:
    """In which order a person sees an item's candidates: place on the page -> place in the item."""
    order = list(range(len(item.candidates)))
    random.Random(f"{seed} {person} {item.id}").shuffle(order)
    return order


def _counts(answer: Answer | None) -> int:
    """Skipping and flagging leave the item to others."""
    return int(answer is not None and answer.kind == "pick")


def _pace(answers: Mapping[str, Answer]) -> float | None:
    recent = [answer.seconds for answer in list(answers.values())[-_PACE_OF:] if answer.seconds > 0]
    return round(statistics.median(recent), 1) if recent else None


def _name(path: str) -> str:
    return path.removeprefix("images/")


def _size_wh(run: Run, path: str) -> tuple[int, int]:
    """Of a source, told to the page so that nothing on it moves when pictures arrive."""
    try:
        header = read_header((run.root / path).read_bytes())
    except BadItem as fault:
        raise DatasetFolderError(f"{run.root / path} cannot be shown: {fault}; make the run again") from fault
    return header.width, header.height


def _images(run: Run) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for item in run.items:
        for path in (item.source, *(candidate.image for candidate in item.candidates)):
            if path not in found and not (run.root / path).is_file():
                raise DatasetFolderError(f"{run.root / path} is missing, item {item.id} shows it; make the run again")
            found[path] = run.root / path
    return {_name(path): file for path, file in found.items()}
