"""Merge, split, sample, dedup: each decides what becomes of the rows that the common rules leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ...builders.permutation import hash_text, scramble
from ...filters.duplicates import DatasetRows, Duplicates
from ...manifests.errors import UsageError
from ...manifests.recipe import HELD_OUT_INSTRUCTIONS
from .decision import Decision
from .looks import Looks, look
from .rows import Rows, codes_of

NOT_DRAWN: Final = "not drawn"
DUPLICATE: Final = "a duplicate of an earlier row"
LEAK: Final = "its source is in a smaller split too"


class Operation(Protocol):
    """What a regrouping does beyond the rules that hold for all. name, options: as the manifest has them."""

    @property
    def name(self) -> str:
        """Of the command."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Everything that decides which rows go where."""

    def decide(self, rows: Rows, decision: Decision, workers: int) -> None:
        """Change the decision.

        Raises:
            UsageError: something given does not fit the rows.
        """


@dataclass(frozen=True)
class Merge:
    """All rows."""

    name = "merge"

    @property
    def options(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def decide(self, rows: Rows, decision: Decision, workers: int) -> None:
        """Nothing more."""


@dataclass(frozen=True)
class Split:
    """Splits anew, by a hash of the photograph, as a build with these values of `splits` and this seed does.

    Attributes:
        validation, test: share of photographs; the rest is `train`.
        seed: another seed holds others out.
    """

    validation: float
    test: float
    seed: int

    name = "split"

    @property
    def options(self) -> Mapping[str, Any]:
        """Shares and seed."""
        return {"validation": self.validation, "test": self.test, "seed": self.seed}

    def decide(self, rows: Rows, decision: Decision, workers: int) -> None:
        """Every photograph goes to one split."""
        if HELD_OUT_INSTRUCTIONS in rows.split_names:
            raise UsageError(
                f"the split {HELD_OUT_INSTRUCTIONS} shows photographs of another split again; leave it out with "
                "--only train --only validation"
            )
        if self.validation + self.test >= 1:
            raise UsageError("--validation and --test together leave nothing for train; make their sum less than 1")
        decision.splits = ("train", "validation", "test")
        share = _draws(rows.photographs, f"{self.seed}|split")
        held_out = np.where(share < self.test + self.validation, 1, 0)
        decision.split[:] = np.where(share < self.test, 2, held_out)


@dataclass(frozen=True)
class Sample:
    """Rows drawn by chance, each with the same; a smaller sample of one seed is a part of a larger one.

    Attributes:
        rows: so many of all, or None.
        share: this share of all, or None.
        per_task: at most so many of a task in a split, or None.
        seed: another seed draws others.
    """

    rows: int | None
    share: float | None
    per_task: int | None
    seed: int

    name = "sample"

    @property
    def options(self) -> Mapping[str, Any]:
        """How many, and seed."""
        return {"rows": self.rows, "share": self.share, "per_task": self.per_task, "seed": self.seed}

    def decide(self, rows: Rows, decision: Decision, workers: int) -> None:
        """Leave out what is not drawn."""
        if self.rows is None and self.share is None and self.per_task is None:
            raise UsageError("say how many rows to draw: --rows, --share or --per-task")
        if self.rows is not None and self.share is not None:
            raise UsageError("give --rows or --share, not both")
        rank = _draws(rows.ids, f"{self.seed}|sample")
        if self.per_task is not None:
            groups = codes_of(rows.tasks) * len(decision.splits) + decision.split
            for group in np.unique(groups[decision.kept]).tolist():
                self._keep_first(decision, rank, decision.kept & (groups == group), self.per_task)
        left = int(decision.kept.sum())
        most = self.rows if self.rows is not None else round((1.0 if self.share is None else self.share) * left)
        self._keep_first(decision, rank, decision.kept, most)

    def _keep_first(self, decision: Decision, rank: NDArray[np.float64], among: NDArray[np.bool_], most: int) -> None:
        """Leave out all but the `most` rows that the draw puts first."""
        candidates = np.flatnonzero(among)
        drawn = candidates[np.argsort(rank[candidates], kind="stable")[:most]]
        rest = among.copy()
        rest[drawn] = False
        decision.leave_out(rest, NOT_DRAWN)


@dataclass(frozen=True)
class Dedup:
    """Without duplicates: of rows of one task and split whose pictures and instruction are equal, the first stays.

    Attributes:
        distance: bits of 64 in which perceptual hashes of equal pictures may differ; None: pictures are equal when
            their bytes are.
        any_instruction: rows are duplicates whatever they ask.
        leaks: keep rows whose source is, under another name, in a smaller split too.
    """

    distance: int | None
    any_instruction: bool
    leaks: bool

    name = "dedup"

    @property
    def options(self) -> Mapping[str, Any]:
        """What counts as equal."""
        return {"distance": self.distance, "any_instruction": self.any_instruction, "leaks": self.leaks}

    def decide(self, rows: Rows, decision: Decision, workers: int) -> None:
        """Leave out duplicates and leaks, as the score `duplicates` finds them."""
        kept = np.flatnonzero(decision.kept)
        seen = look(rows, decision.kept, near=self.distance is not None, workers=workers)
        judge = Duplicates(self.distance or 0, same_instruction=not self.any_instruction)
        splits = [decision.splits[place] for place in decision.split[kept].tolist()]
        # of duplicates the first by id stays: here by dataset, then by place
        names = [f"{place:012d}" for place in range(len(kept))]
        tasks, photographs = (column.take(kept).to_pylist() for column in (rows.tasks, rows.photographs))
        table = DatasetRows(names, tasks, splits, photographs, seen.instructions)
        found = judge.score(table, seen.values[:, 0], seen.values[:, 1])
        decision.leave_out(_spread(found["duplicate_rank"] > 0, kept, len(rows)), DUPLICATE)
        if not self.leaks:
            decision.leave_out(_spread(self._leaks(table, seen, judge), kept, len(rows)), LEAK)

    def _leaks(self, table: DatasetRows, seen: Looks, judge: Duplicates) -> NDArray[np.bool_]:
        """Rows whose source a smaller split has; that of held-out instructions shows another's again, by design."""
        compared = np.flatnonzero(~seen.blank & (np.array(table.splits) != HELD_OUT_INSTRUCTIONS))
        columns = (table.ids, table.tasks, table.splits, table.photographs, table.instructions)
        some = DatasetRows(*([column[place] for place in compared.tolist()] for column in columns))
        leak = judge.score(some, seen.values[compared, 0], seen.values[compared, 1])["leak"]
        return _spread(leak > 0, compared, len(table.ids))


def _spread(which: NDArray[np.bool_], places: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    found = np.zeros(count, bool)
    found[places[which]] = True
    return found


def _draws(texts: Any, salt: str) -> NDArray[np.float64]:
    """(n,) in [0, 1), the same for the same text; the function by which builds draw their splits."""
    hashes: Callable[[str], int] = hash_text
    keys = np.fromiter((hashes(text) for text in texts.to_pylist()), np.uint64, len(texts))
    share: NDArray[np.float64] = scramble(keys ^ np.uint64(hash_text(salt))) / 2.0**64
    return share
