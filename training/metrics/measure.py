"""Measure: the interface of one task's metrics."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from ...manifests.images import RGB


@dataclass(frozen=True, slots=True)
class Judged:
    """One row with what was drawn for it.

    Attributes:
        decoded: what `Task.decode` read from the drawn picture.
        annotation: the ground truth.
        compared: the figures of `Task.compare`.
        params: of the row.
        drawn, target, source: (H, W, 3) uint8, the same size.
        source_dataset: of the row; some benchmarks have rules of their own.
    """

    decoded: Mapping[str, Any]
    annotation: Mapping[str, Any]
    compared: Mapping[str, float]
    params: Mapping[str, Any]
    drawn: RGB
    target: RGB
    source: RGB
    source_dataset: str = ""


class Measure(abc.ABC):
    """Takes in rows one by one; the result is over all of them.

    `primary` names the figure of a row that says best how good it is; `higher_is_better` of that figure.
    """

    primary: ClassVar[str]
    higher_is_better: ClassVar[bool] = True

    @abc.abstractmethod
    def add(self, row: Judged) -> dict[str, float]:
        """Take in a row; its own figures."""

    @abc.abstractmethod
    def result(self) -> dict[str, float]:
        """The metrics; a metric that no row can tell is left out."""


class Extra(Protocol):
    """Figures of a row beyond those of its task's measure, as need weights of their own; the metrics are their means.

    Attributes:
        tasks: whose rows it judges.
    """

    tasks: frozenset[str]

    def __call__(self, row: Mapping[str, Any], source: RGB, target: RGB, drawn: RGB) -> dict[str, float]:
        """Of one row; pictures are (H, W, 3) uint8 of one size."""


class Means:
    """Means of figures; NaN does not count."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def take(self, figures: Mapping[str, float]) -> None:
        """Take in a row's."""
        for name, value in figures.items():
            self._values.setdefault(name, []).append(value)

    def result(self) -> dict[str, float]:
        """By name; one that no row could tell is left out."""
        told = {name: [value for value in values if not np.isnan(value)] for name, values in self._values.items()}
        return {name: float(np.mean(values)) for name, values in told.items() if values}


class MeansOfRows(Measure):
    """Base of measures whose metrics are means of the rows' figures."""

    def __init__(self) -> None:
        self._means = Means()

    @abc.abstractmethod
    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row."""

    def add(self, row: Judged) -> dict[str, float]:
        """Take in a row; its own figures."""
        found = self.figures(row)
        self._means.take(found)
        return found

    def result(self) -> dict[str, float]:
        """Means over the rows."""
        return self._means.result()
