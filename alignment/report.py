"""What a run's choices come to: people, agreement, and which numbers foretell what people choose."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement import fleiss_kappa
from .auc import Auc, auc_within, won_pairs
from .choices import Answer, Choices
from .run import Item, Run
from .scores import Scores


@dataclass(frozen=True)
class RunReport:
    """What was chosen.

    Attributes:
        items: in the run.
        answered: number of answers -> items with so many; skipping and flagging are no answers.
        people: pseudonym -> answers, picks, none, skipped, flagged, median_s.
        kappa: Fleiss' kappa over candidates: each is a subject, "picked" and "left" are the categories; None when
            nothing can be compared.
        kappa_items: items with two answers or more, that it comes from.
        unanimous: items with two answers or more whose answers are all the same.
        flagged: item -> people who flagged it.
        scores: number -> AUC, description, caution.
    """

    name: str
    items: int
    answered: Mapping[int, int]
    people: Mapping[str, Mapping[str, Any]]
    kappa: float | None
    kappa_items: int
    unanimous: int
    flagged: Mapping[str, int]
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return dataclasses.asdict(self)

    def without_scores(self) -> dict[str, Any]:
        """For a page that people who still choose might see."""
        found = self.as_json()
        del found["scores"]
        return found


def report(run: Run, choices: Choices, scores: Scores | None = None) -> RunReport:
    """Sum up.

    Args:
        scores: compared with the choices when given.
    """
    by_item = {item.id: _picks_of(choices, item) for item in run.items}
    compared = {item: picks for item, picks in by_item.items() if len(picks) >= 2}
    kappa = _kappa(list(compared.values()))
    flagged = Counter(item for _, item, answer in choices.answers() if answer.kind == "flag")
    return RunReport(
        run.name,
        len(run.items),
        dict(sorted(Counter(len(picks) for picks in by_item.values()).items())),
        {person: _person(choices.of_person(person)) for person in choices.people},
        None if math.isnan(kappa) else kappa,
        len(compared),
        sum(bool((picks == picks[0]).all()) for picks in compared.values()),
        dict(sorted(flagged.items())),
        _score_table(run, by_item, scores) if scores else {},
    )


def _picks_of(choices: Choices, item: Item) -> NDArray[np.bool_]:
    """(people, n) who picked what."""
    answers = [answer for answer in choices.of_item(item.id).values() if answer.kind == "pick"]
    found = np.zeros((len(answers), len(item.candidates)), np.bool_)
    for row, answer in enumerate(answers):
        found[row, list(answer.picks)] = True
    return found


def _kappa(items: list[NDArray[np.bool_]]) -> float:
    """Over all candidates of items with two answers or more."""
    picked = [picks.sum(axis=0) for picks in items]
    left = [len(picks) - counts for picks, counts in zip(items, picked, strict=True)]
    pairs = [np.stack(both, axis=1) for both in zip(picked, left, strict=True)]
    return fleiss_kappa(np.concatenate([np.zeros((0, 2), np.int64), *pairs]))


def _person(answers: Mapping[str, Answer]) -> dict[str, Any]:
    kinds = Counter(answer.kind for answer in answers.values())
    times = [answer.seconds for answer in answers.values() if answer.seconds > 0]
    return {
        "answers": kinds["pick"],
        "picks": sum(len(answer.picks) for answer in answers.values()),
        "none": sum(answer.kind == "pick" and not answer.picks for answer in answers.values()),
        "skipped": kinds["skip"],
        "flagged": kinds["flag"],
        "median_s": round(statistics.median(times), 1) if times else None,
    }


def _score_table(run: Run, by_item: Mapping[str, NDArray[np.bool_]], scores: Scores) -> dict[str, dict[str, Any]]:
    table = {name: _auc_of(run, by_item, scores, name) for name in scores.columns}
    ranked = sorted(table, key=lambda name: -abs(table[name].value - 0.5) if table[name].pairs else 1.0)
    return {
        name: {
            **{key: None if value != value else value for key, value in dataclasses.asdict(table[name]).items()},
            **{key: getattr(scores.columns[name], key) for key in ("better", "description", "caution")},
        }
        for name in ranked
    }


def _auc_of(run: Run, by_item: Mapping[str, NDArray[np.bool_]], scores: Scores, name: str) -> Auc:
    won: list[float] = []
    pairs: list[int] = []
    for item in run.items:
        numbers = scores.of(item, name)
        found = [won_pairs(numbers, picks) for picks in by_item[item.id]]
        won.append(sum(one for one, _ in found))
        pairs.append(sum(count for _, count in found))
    return auc_within(won, pairs)
