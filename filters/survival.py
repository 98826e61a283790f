"""Which rows survive a set of rules, from their scores alone: the table behind a cut, before any picture is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import UsageError
from .rule_set import Missing
from .rules import PICTURES, Rule

KEPT: Final = -1


@dataclass(frozen=True)
class ScoredRows:
    """The rows of a dataset in the order of its shards, with their scores.

    Attributes:
        shards: names, in order.
        starts: (shards + 1,) int64, where each shard's rows begin.
        task_names: of the tasks that occur, sorted.
        task: (rows,) int32, positions in `task_names`.
        scores: column -> (rows,) float64, NaN where a score does not exist.
    """

    shards: tuple[str, ...]
    starts: NDArray[np.int64]
    task_names: tuple[str, ...]
    task: NDArray[np.int32]
    scores: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.task)

    def rows_of(self, task: str) -> NDArray[np.int64]:
        """Positions of a task's rows."""
        return np.flatnonzero(self.task == self.task_names.index(task))

    def shard_of(self, row: int) -> tuple[str, int]:
        """Shard of a row, and its position there."""
        position = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.shards[position], row - int(self.starts[position])


@dataclass(frozen=True, slots=True)
class Cell:
    """What one rule did to one task.

    Attributes:
        rule: position of the rule.
        threshold: the score it compared with; NaN when no row has that score.
        rows: of the task.
        missing: rows without that score.
        alone: rows that this rule by itself would drop.
        dropped: rows that it drops after the rules before it.
        left: rows of the task that are left after it.
    """

    rule: int
    task: str
    threshold: float
    rows: int
    missing: int
    alone: int
    dropped: int
    left: int

    def as_json(self, rule: Rule) -> dict[str, Any]:
        """For reports; a threshold that there is none of is null."""
        threshold = self.threshold if math.isfinite(self.threshold) else None
        counts = {name: getattr(self, name) for name in ("rows", "missing", "alone", "dropped", "left")}
        return {"rule": str(rule), "task": self.task, "threshold": threshold, **counts}


@dataclass(frozen=True)
class Survival:
    """What is left.

    Attributes:
        rules: in order.
        dropped_by: (rows,) int32, position of the first rule that a row breaks; `KEPT` where it breaks none.
        cells: one for every rule and task that it applies to, in order.
    """

    rules: tuple[Rule, ...]
    dropped_by: NDArray[np.int32]
    cells: tuple[Cell, ...]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(rows,) what survives."""
        return self.dropped_by == KEPT

    def cell(self, rule: int, task: str) -> Cell | None:
        """What a rule did to a task; None where it does not apply."""
        return next((cell for cell in self.cells if cell.rule == rule and cell.task == task), None)


def survive(
    rows: ScoredRows,
    rules: Sequence[Rule],
    about: Mapping[str, str],
    missing: Missing = "keep",
    pictures: Mapping[str, frozenset[str]] = PICTURES,
) -> Survival:
    """Apply rules to scores.

    A quantile is that of the task's rows as they come in, so the order of the rules decides which rule drops a row
    and never whether a row is dropped.

    Args:
        rows: with every column that a rule asks for.
        rules: in order.
        about: column -> "source", "target" or "pair", what it judges.
        missing: what becomes of a row whose score does not exist.
        pictures: as `filters.rules.PICTURES`.

    Raises:
        UsageError: `missing` is "error" and a score does not exist.
    """
    dropped_by = np.full(len(rows), KEPT, np.int32)
    cells = []
    for position, rule in enumerate(rules):
        for task in rows.task_names:
            if rule.applies_to(task, about[rule.column], pictures):
                cells.append(_apply(rows, position, rule, task, missing, dropped_by))
    return Survival(tuple(rules), dropped_by, tuple(cells))


def _apply(
    rows: ScoredRows, position: int, rule: Rule, task: str, missing: Missing, dropped_by: NDArray[np.int32]
) -> Cell:
    mine = rows.rows_of(task)
    values = rule.values(rows.scores[rule.column][mine])
    unknown = np.isnan(values)
    count = int(unknown.sum())
    if count and missing == "error":
        raise UsageError(
            f"{count} of {len(mine)} {task} rows have no {rule.column}, which rule {str(rule)!r} asks for; say what "
            "becomes of them with --missing keep or --missing drop"
        )
    threshold = rule.threshold_in(values)
    breaks = ~rule.holds(values, threshold) & ~unknown
    if missing == "drop":
        breaks |= unknown
    first = breaks & (dropped_by[mine] == KEPT)
    dropped_by[mine[first]] = position
    left = int((dropped_by[mine] == KEPT).sum())
    return Cell(position, task, threshold, len(mine), count, int(breaks.sum()), int(first.sum()), left)
