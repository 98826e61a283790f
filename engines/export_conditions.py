"""What `--where` asks of a row: a number or a text of the dataset, or a score beside it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..filters.rules import Rule, parse_rule
from ..manifests.errors import UsageError
from ..manifests.triplet import TEXT_COLUMNS

TEXTS: Final = ("id", *(name for name in TEXT_COLUMNS if name not in ("params", "annotation")))
NUMBERS: Final = ("width", "height")
_TEXT: Final = re.compile(r"\s*(?P<column>\w+)\s*(?P<comparison>==|!=)\s*(?P<text>.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class TextCondition:
    """A text column is, or is not, a given text."""

    column: str
    equal: bool
    text: str

    def __str__(self) -> str:
        return f"{self.column} {'==' if self.equal else '!='} {self.text}"

    def holds(self, columns: Mapping[str, pa.Array]) -> NDArray[np.bool_]:
        """Which rows are as asked for; columns: name -> (n,)."""
        values = np.asarray(columns[self.column].to_numpy(zero_copy_only=False), object)
        return np.asarray((values == self.text) == self.equal, bool)


@dataclass(frozen=True)
class NumberCondition:
    """A number or a score compares with a given one; a score that does not exist never does."""

    rule: Rule

    @property
    def column(self) -> str:
        """Name of the column or score."""
        return self.rule.column

    def __str__(self) -> str:
        return str(self.rule)

    def holds(self, columns: Mapping[str, pa.Array]) -> NDArray[np.bool_]:
        """Which rows are as asked for; rows of tasks that the condition does not name are."""
        values = self.rule.values(columns[self.column].cast(pa.float64()).to_numpy(zero_copy_only=False))
        kept = self.rule.holds(values, self.rule.threshold)
        if self.rule.tasks and self.rule.tasks != ("*",):
            kept |= ~np.isin(columns["task"].to_numpy(zero_copy_only=False).astype(str), self.rule.tasks)
        return kept


Condition = TextCondition | NumberCondition


def parse_conditions(texts: Iterable[str], scores: Sequence[str], tasks: Iterable[str]) -> list[Condition]:
    """Read what was given with `--where`.

    Args:
        texts: "width >= 512", "source_dataset == coco", "edit: target_aesthetics >= 5".
        scores: that the dataset has.
        tasks: that the dataset has.

    Raises:
        UsageError: one cannot be read, or asks for what is not there.
    """
    return [_parse(text, scores, set(tasks)) for text in texts]


def _parse(text: str, scores: Sequence[str], tasks: set[str]) -> Condition:
    found = _TEXT.fullmatch(text)
    if found and found["column"] in TEXTS:
        return TextCondition(found["column"], found["comparison"] == "==", _unquoted(found["text"]))
    rule = parse_rule(text, "--where")
    known = [*NUMBERS, *scores]
    if rule.column in TEXTS:
        raise UsageError(f"--where {text!r}: {rule.column} holds text; compare it with == or !=")
    if rule.column not in known:
        close = difflib.get_close_matches(rule.column, [*known, *TEXTS], n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join([*known, *TEXTS])}"
        raise UsageError(f"--where {text!r}: the dataset has no column or score {rule.column!r}; {hint}")
    if rule.quantile:
        raise UsageError(f"--where {text!r}: give a number; taskpaint filter cuts by quantiles")
    for task in rule.tasks:
        if task not in {"*", *tasks}:
            raise UsageError(f"--where {text!r}: the dataset has no task {task!r}; it has {', '.join(sorted(tasks))}")
    return NumberCondition(rule)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def columns_of(conditions: Iterable[Condition]) -> set[str]:
    """Names of the columns and scores that conditions look at."""
    return {condition.column for condition in conditions}
