"""Choosing by scores, in place of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...alignment.run import Run
from ...alignment.scores import Scores
from ...alignment.selection import Selected
from ...filters.rules import Rule
from ...manifests.errors import UsageError


@dataclass(frozen=True)
class AutoRule:
    """A rule that chooses.

    Attributes:
        best: the score by which an item's edits are ranked.
        lower: whether lower is better; None for what the score says of itself.
        keep: rules that an edit must keep besides.
        picks: most edits of an item.
    """

    best: str
    lower: bool | None = None
    keep: Sequence[Rule] = ()
    picks: int = 1

    def __str__(self) -> str:
        way = {None: "best", True: "lowest", False: "highest"}[self.lower]
        kept = "".join(f", {rule}" for rule in self.keep)
        return f"{way} {self.picks} by {self.best}{kept}"


def select_by_rule(run: Run, scores: Scores, rule: AutoRule) -> list[Selected]:
    """Edits that the rule chooses; one without the score is never chosen.

    Raises:
        UsageError: a score that the run does not have, or that does not say which way is better.
    """
    for name in (rule.best, *(one.column for one in rule.keep)):
        if name not in scores.columns:
            known = ", ".join(sorted(scores.columns)) or "none; taskpaint align score makes some"
            raise UsageError(f"the run has no score {name!r}; it has {known}")
    column = scores.columns[rule.best]
    if rule.lower is None and not column.better:
        raise UsageError(f"it is not known which way {rule.best} is better; write {rule.best}:higher or :lower")
    lower = column.better == "lower" if rule.lower is None else rule.lower
    limits = [(one, _threshold(run, scores, one)) for one in rule.keep]
    chosen = []
    for item in run.items:
        numbers = scores.of(item, rule.best)
        kept = np.isfinite(numbers)
        for one, threshold in limits:
            kept &= one.holds(one.values(scores.of(item, one.column)), threshold)
        places = [place for place in _ranked(numbers, lower) if kept[place]]
        chosen += [Selected(item, place, (f"auto: {rule}",), 1) for place in places[: rule.picks]]
    return chosen


def _threshold(run: Run, scores: Scores, rule: Rule) -> float:
    return rule.threshold_in(np.concatenate([rule.values(scores.of(item, rule.column)) for item in run.items]))


def _ranked(numbers: NDArray[np.float64], lower: bool) -> list[int]:
    """Places from the best score on; equal scores in the order of the item."""
    order: list[int] = np.argsort(numbers if lower else -numbers, kind="stable").tolist()
    return order
