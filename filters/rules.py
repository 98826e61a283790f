"""Rules of a cut: a small language of its own, `edit: abs(aesthetics_gap) <= 0.5`, and what a rule applies to."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import UsageError

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_TOKEN: Final = re.compile(
    r"(?P<quantile>q\d+(?:\.\d+)?(?![\w.]))|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))|(?P<mark>[<>=!]+|[()*:,])|(?P<other>\S+)"
)
_MOST_CHARACTERS: Final = 500

BOTH: Final = frozenset({"source", "target"})
PICTURES: Final[Mapping[str, frozenset[str]]] = {
    "edit": BOTH,
    "restoration": BOTH,
    "inpainting": BOTH,
    "inverse": frozenset({"target"}),  # its source is a map
    "adaptation": frozenset(),  # no source, and marks on the target
}
"""Which side of a task's pair is a picture to be looked at. Every other task, plug-ins too, reads a photograph and
draws its target."""
_PHOTOGRAPH_AND_DRAWING: Final = frozenset({"source"})

OF_ANY_TASK: Final = re.compile(
    r"duplicate_\w+|leak(_\w+)?|(source|cross_split)_(embedding_)?twins|megapixels|shortest_side|aspect"
)
"""Scores that mean the same for a mask as for a picture."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a row must do to stay.

    Attributes:
        tasks: names; ("*",) for every task; empty for the tasks in which the score judges a picture.
        column: of the scores.
        absolute: whether the sign of the score is left aside.
        comparison: ">=", "<=", ">", "<" or "==".
        threshold: a score; with `quantile` a percentage in [0, 100] of the task's own scores.
        optional: left out without a word where the dataset has no such score.
        origin: where it was written, for messages.
    """

    tasks: tuple[str, ...]
    column: str
    absolute: bool
    comparison: str
    threshold: float
    quantile: bool = False
    optional: bool = False
    origin: str = ""

    def __str__(self) -> str:
        tasks = f"{', '.join(self.tasks)}: " if self.tasks else ""
        column = f"abs({self.column})" if self.absolute else self.column
        number = repr(self.threshold).removesuffix(".0")
        return f"{tasks}{column} {self.comparison} {'q' if self.quantile else ''}{number}"

    def applies_to(self, task: str, about: str, pictures: Mapping[str, frozenset[str]] = PICTURES) -> bool:
        """Whether rows of a task are judged.

        Args:
            task: its name.
            about: what the score judges: "source", "target" or "pair".
            pictures: which side of a task's pair is a picture, as `PICTURES`.
        """
        if self.tasks:
            return self.tasks == ("*",) or task in self.tasks
        if OF_ANY_TASK.fullmatch(self.column):
            return True
        sides = pictures.get(task, _PHOTOGRAPH_AND_DRAWING)
        return sides == BOTH if about == "pair" else about in sides

    def values(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores as the rule compares them."""
        return np.abs(scores) if self.absolute else scores

    def threshold_in(self, values: NDArray[np.float64]) -> float:
        """The score to compare with: the threshold, or the quantile of those `values` that are finite; NaN of none."""
        if not self.quantile:
            return self.threshold
        known = values[np.isfinite(values)]
        return float(np.quantile(known, self.threshold / 100)) if len(known) else math.nan

    def holds(self, values: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
        """Which of (n,) values keep the rule; NaN never does."""
        found: NDArray[np.bool_] = _COMPARE[self.comparison](values, threshold)
        return found


def parse_rule(text: str, origin: str = "", *, optional: bool = False) -> Rule:
    """Read a rule: `[TASK, TASK: | *:] SCORE >= NUMBER`, or `abs(SCORE)`, or `qNN` in place of the number.

    Raises:
        UsageError: it cannot be read; says where and what was expected.
    """
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(
            f"{_named(text[:40] + '…', origin)} has {len(text)} characters; a rule is one short comparison"
        )
    return _Reader(text, origin).rule(optional)


def unknown_tasks(rules: Iterable[Rule], known: Iterable[str]) -> list[tuple[Rule, str]]:
    """Tasks that rules name and that do not exist, each with its rule."""
    names = {*known, "*"}
    return [(rule, task) for rule in rules for task in rule.tasks if task not in names]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


class _Reader:
    """Reads one rule from left to right."""

    def __init__(self, text: str, origin: str) -> None:
        self._text, self._origin = text, origin
        self._tokens = self._split()
        self._next = 0

    def rule(self, optional: bool) -> Rule:
        tasks = self._tasks()
        absolute = self._peek().text == "abs" and self._peek(1).text == "("
        if absolute:
            self._take(), self._take()
        column = self._expect("name", "the name of a score").text
        if absolute:
            self._expect("mark", "')'", (")",))
        comparison = self._expect("mark", "one of >=, <=, >, <, ==", tuple(_COMPARE)).text
        threshold, quantile = self._threshold(comparison)
        if self._peek().kind != "end":
            self._fail(self._peek(), "the end of the rule")
        return Rule(tasks, column, absolute, comparison, threshold, quantile, optional, self._origin)

    def _tasks(self) -> tuple[str, ...]:
        if not any(token.text == ":" for token in self._tokens):
            return ()
        if self._peek().text == "*":
            self._take()
            self._expect("mark", "':'", (":",))
            return ("*",)
        names = [self._expect("name", "the name of a task, or *").text]
        while self._expect("mark", "',' or ':'", (",", ":")).text == ",":
            names.append(self._expect("name", "the name of a task").text)
        return tuple(dict.fromkeys(names))

    def _threshold(self, comparison: str) -> tuple[float, bool]:
        token = self._take()
        if token.kind not in ("number", "quantile"):
            self._fail(token, "a number, or a quantile such as q20")
        quantile = token.kind == "quantile"
        value = float(token.text.removeprefix("q"))
        if not math.isfinite(value):
            self._fail(token, "a finite number")
        if quantile and value > 100:
            self._fail(token, "a quantile from q0 to q100")
        if quantile and comparison == "==":
            self._fail(token, "a number after == (scores are hardly ever equal to their quantile)")
        return value, quantile

    def _split(self) -> list[_Token]:
        tokens = [_Token(str(found.lastgroup), found[0], found.start()) for found in _TOKEN.finditer(self._text)]
        return [*tokens, _Token("end", "", len(self._text))]

    def _peek(self, ahead: int = 0) -> _Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take(self) -> _Token:
        token = self._peek()
        self._next += 1
        return token

    def _expect(self, kind: str, what: str, texts: tuple[str, ...] = ()) -> _Token:
        token = self._take()
        if token.kind != kind or (texts and token.text not in texts):
            self._fail(token, what)
        return token

    def _fail(self, token: _Token, expected: str) -> NoReturn:
        seen = repr(token.text) if token.text else "the end"
        raise UsageError(
            f"{_named(self._text, self._origin)} cannot be read at character {token.place + 1}: expected {expected}, "
            f"found {seen}; a rule looks like 'edit: target_aesthetics >= 5'"
        )


def _named(text: str, origin: str) -> str:
    return f"{origin}: rule {text!r}" if origin else f"rule {text!r}"
