"""Which rows an epoch shows, how often, in which order, and to whom: numbers only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import UsageError
from .catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Visit:
    """A row group to read, and the rows of it to show. rows: positions in the group, repeats included."""

    group: int
    rows: NDArray[np.int32]


@dataclass(frozen=True)
class Order:
    """Decides epochs.

    Attributes:
        seed: of everything that is drawn; an epoch has its own randomness.
        shuffle: row groups and the rows in them change places; else all stay in the order of the files.
        tasks: only these; None for all.
        weights: task -> how often an epoch shows its rows; 0.1 a tenth of them, 2 each twice; 1 where not named.
    """

    seed: int = 0
    shuffle: bool = True
    tasks: Sequence[str] | None = None
    weights: Mapping[str, float] | None = None

    def counts(self, catalogue: Catalogue, epoch: int) -> NDArray[np.int32]:
        """(rows,) how often each row is shown; a fractional weight picks other rows every epoch.

        Raises:
            UsageError: a task that no row is of, or a weight that is no positive number.
        """
        counts = np.ones(len(catalogue), np.int32)
        if self.tasks is not None:
            counts[~catalogue.of_tasks(self.tasks)] = 0
        for number, (task, weight) in enumerate(sorted((self.weights or {}).items())):
            if not 0 < weight <= 1000:
                raise UsageError(f"weight {weight:g} of task {task} must be above 0 and at most 1000")
            rows = np.flatnonzero(catalogue.of_tasks([task]) & (counts > 0))
            whole = int(weight)
            counts[rows] = whole
            lucky = np.random.default_rng((self.seed, epoch, 1, number)).permutation(rows)
            counts[lucky[: round((weight - whole) * len(rows))]] += 1
        return counts

    def epoch(self, catalogue: Catalogue, epoch: int) -> Epoch:
        """What an epoch shows."""
        counts = self.counts(catalogue, epoch)
        order = np.arange(len(catalogue.groups))
        if self.shuffle:
            np.random.default_rng((self.seed, epoch, 0)).shuffle(order)
        return Epoch(catalogue, counts, order, (self.seed, epoch) if self.shuffle else None)


@dataclass(frozen=True)
class Epoch:
    """One pass. order: row groups in turn; draw: seeds the order inside them, None keeps it."""

    catalogue: Catalogue
    counts: NDArray[np.int32]
    order: NDArray[np.intp]
    draw: tuple[int, int] | None

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """(groups,) rows shown of each row group."""
        totals = np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])
        edges = np.array([group.first for group in self.catalogue.groups] + [len(self.counts)])
        return np.diff(totals[edges])

    def rows_of(self, rank: int, world: int) -> int:
        """How many rows one of several ranks has."""
        return int(self.sizes[self.order[rank::world]].sum())

    def visits(self, rank: int, world: int, worker: int, workers: int, most: int) -> Iterator[Visit]:
        """What one worker of one rank reads; row groups are dealt out in turn, none to two of them.

        Args:
            rank, world: which of the processes that train together, and how many there are.
            worker, workers: which of the rank's workers, and how many.
            most: rows that all workers of the rank may show together; the last ones are cut off.
        """
        for turn, position in enumerate(self.order[rank::world].tolist()):
            group = self.catalogue.groups[position]
            rows = min(int(self.sizes[position]), most)
            most -= rows
            if rows and turn % workers == worker:
                inside = self.counts[group.first : group.first + group.rows]
                shown = np.repeat(np.arange(group.rows, dtype=np.int32), inside)
                if self.draw is not None:
                    np.random.default_rng((*self.draw, 2, position)).shuffle(shown)
                yield Visit(position, shown[:rows])
