"""From votes to the edits that a dataset shall hold, and to pairs of a better and a worse one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from .choices import Choices
from .run import Item


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What an edit must reach.

    Attributes:
        people: answers that an item needs.
        agreement: least share of them that picked the edit.
        picks: most edits of an item.
        flags: items that more people flagged are left out.
    """

    people: int = 1
    agreement: float = 0.5
    picks: int = 2
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Votes:
    """How an item's answers fell.

    Attributes:
        people: pseudonyms of everyone who answered.
        pickers: for each candidate who picked it.
        flags: people who flagged the item.
    """

    people: tuple[str, ...]
    pickers: tuple[tuple[str, ...], ...]
    flags: int

    def share(self, place: int) -> float:
        """Share of the people that picked a candidate; 0 without people."""
        return len(self.pickers[place]) / len(self.people) if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Selected:
    """An edit that was chosen.

    Attributes:
        place: in the item.
        chosen_by: pseudonyms, or what chose in their place.
        people: how many answered.
    """

    item: Item
    place: int
    chosen_by: tuple[str, ...]
    people: int

    @property
    def agreement(self) -> float:
        """Share of the people that picked it."""
        return len(self.chosen_by) / self.people


@dataclass(frozen=True, slots=True)
class Preference:
    """Two edits of an item, the first better by people's votes. Shares are of those who answered."""

    item: Item
    chosen: int
    rejected: int
    chosen_share: float
    rejected_share: float
    people: int


def votes_of(choices: Choices, item: Item) -> Votes:
    """Count an item's votes."""
    answers = choices.of_item(item.id)
    picked = {person: answer for person, answer in answers.items() if answer.kind == "pick"}
    pickers = tuple(
        tuple(sorted(person for person, answer in picked.items() if place in answer.picks))
        for place in range(len(item.candidates))
    )
    return Votes(tuple(sorted(picked)), pickers, sum(answer.kind == "flag" for answer in answers.values()))


def select(items: Iterable[Item], choices: Choices, thresholds: Thresholds) -> Iterator[Selected]:
    """Edits that reach the thresholds, those with most votes first; equal votes are ordered by the item's id."""
    for item in items:
        votes = votes_of(choices, item)
        if not _counts(votes, thresholds):
            continue
        for place in _ranked(item, votes)[: thresholds.picks]:
            if votes.pickers[place] and votes.share(place) >= thresholds.agreement:
                yield Selected(item, place, votes.pickers[place], len(votes.people))


def preferences(
    items: Iterable[Item], choices: Choices, thresholds: Thresholds, margin: float, pairs: int, seed: int
) -> Iterator[Preference]:
    """Pairs of a selected edit and one that clearly fewer people picked.

    Args:
        margin: least difference of their shares, above 0.
        pairs: most of an item; drawn by the seed, spread over the selected edits.
    """
    for item in items:
        votes = votes_of(choices, item)
        chosen = [one.place for one in select([item], choices, thresholds)]
        ranks = [_worse(item, votes, better, margin, seed) for better in chosen]
        in_turn = [pair for round_ in zip_longest(*ranks) for pair in round_ if pair is not None]
        for better, worse in in_turn[:pairs]:
            yield Preference(item, better, worse, votes.share(better), votes.share(worse), len(votes.people))


def _worse(item: Item, votes: Votes, better: int, margin: float, seed: int) -> list[tuple[int, int]]:
    """(better, worse) for every worse edit, in drawn order."""
    places = [place for place in range(len(item.candidates)) if votes.share(better) - votes.share(place) >= margin]
    random.Random(f"{seed} {item.id} {better}").shuffle(places)
    return [(better, place) for place in places]


def _counts(votes: Votes, thresholds: Thresholds) -> bool:
    return len(votes.people) >= max(1, thresholds.people) and votes.flags <= thresholds.flags


def _ranked(item: Item, votes: Votes) -> list[int]:
    """Places by votes; ties in an order that has nothing to do with how the edits were made."""
    places = list(range(len(item.candidates)))
    random.Random(item.id).shuffle(places)
    return sorted(places, key=lambda place: -len(votes.pickers[place]))
