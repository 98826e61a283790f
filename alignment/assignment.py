"""Who judges what: every item goes to as many people as were asked for, those with the fewest answers first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


class Assignment:
    """Gives items out on lease. Not safe for threads by itself.

    An item counts as taken while somebody holds it. Who goes away without an answer loses it after the lease, and it
    goes to somebody else; an answer that comes later still counts.
    """

    def __init__(self, items: int, people: int, seed: int, lease_s: float, clock: Callable[[], float]) -> None:
        """
        Args:
            items: how many there are.
            people: that should answer each item.
            seed: decides, with the person, who sees what first.
            lease_s: seconds.
            clock: seconds, never going back.
        """
        self._count, self._people, self._seed, self._lease_s, self._clock = items, people, seed, lease_s, clock
        self._answers = np.zeros(items, np.int64)
        self._held = np.zeros(items, np.int64)
        self._ranks: dict[str, NDArray[np.int64]] = {}
        self._done: dict[str, NDArray[np.bool_]] = {}
        self._leases: dict[str, dict[int, float]] = {}

    def count(self, item: int, by: int) -> None:
        """An item has an answer more (1) or less (-1)."""
        self._answers[item] += by

    def mark(self, person: str, item: int, done: bool) -> None:
        """A person has said something about an item, or has taken it back and holds it again, before all others."""
        self._done_by(person)[item] = done
        self._release(person, item)
        if not done:
            held = self._leases.get(person, {})
            self._leases[person] = {item: self._clock() + self._lease_s, **held}
            self._held[item] += 1

    def forget(self, person: str, item: int) -> None:
        """A person took an answer back, some time ago; nobody holds the item."""
        self._done_by(person)[item] = False

    def take(self, person: str, count: int) -> list[int]:
        """Up to `count` items for a person: those already held, then new ones."""
        self._expire()
        held = self._leases.setdefault(person, {})
        until = self._clock() + self._lease_s
        held.update(dict.fromkeys(held, until))
        while len(held) < count and (item := self._next(person)) is not None:
            held[item] = until
            self._held[item] += 1
        return list(held)[:count]

    def open_for(self, person: str) -> int:
        """Items that a person has not answered and that still want answers, held by others or not."""
        return int(np.count_nonzero((self._answers < self._people) & ~self._done_by(person)))

    @property
    def answered(self) -> int:
        """Answers there are, at most those that are wanted of each item."""
        return int(np.minimum(self._answers, self._people).sum())

    @property
    def wanted(self) -> int:
        """Answers that make the run complete."""
        return self._count * self._people

    def _next(self, person: str) -> int | None:
        """An item that nobody has to wait for: fewest answers first, among equals in the person's own order."""
        load = self._answers + self._held
        free = (load < self._people) & ~self._done_by(person)
        free[list(self._leases.get(person, ()))] = False
        if not free.any():
            return None
        return int(np.where(free, load * self._count + self._rank(person), np.iinfo(np.int64).max).argmin())

    def _rank(self, person: str) -> NDArray[np.int64]:
        if person not in self._ranks:
            digest = hashlib.blake2b(f"{self._seed} {person}".encode(), digest_size=16).digest()
            draw = np.random.default_rng(int.from_bytes(digest, "little"))
            self._ranks[person] = draw.permutation(self._count)
        return self._ranks[person]

    def _done_by(self, person: str) -> NDArray[np.bool_]:
        return self._done.setdefault(person, np.zeros(self._count, np.bool_))

    def _expire(self) -> None:
        now = self._clock()
        for person, held in list(self._leases.items()):
            for item in [item for item, until in held.items() if until < now]:
                self._release(person, item)

    def _release(self, person: str, item: int) -> None:
        if self._leases.get(person, {}).pop(item, None) is not None:
            self._held[item] -= 1
