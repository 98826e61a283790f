"""Axes: a range that shows the data, round ticks, and values -> places on the drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TAIL = 0.01
_LONG_TAIL = 3.0


@dataclass(frozen=True)
class Axis:
    """A range of values laid on a range of places.

    Attributes:
        low, high: values at the ends; low < high.
        first, last: places of them; first > last for an axis that goes up.
    """

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        """Place of a value; those beyond the range lie at its ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)

    def places(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) places of (n,) values."""
        share = (np.clip(values, self.low, self.high) - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values, some `about` of them."""
        step = _round_step((self.high - self.low) / about)
        start = math.ceil(self.low / step - 1e-9)
        stop = math.floor(self.high / step + 1e-9)
        return [round(place * step, 12) for place in range(start, stop + 1)]


def shown_range(values: NDArray[np.float64], marks: Iterable[float] = ()) -> tuple[float, float]:
    """The range to show: all values and marks, without tails that would squeeze the rest.

    A tail is a hundredth at either end that makes the range more than three times as wide.
    """
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(edge) for edge in np.quantile(values, [_TAIL, 1 - _TAIL]))
    if high - low > _LONG_TAIL * (inner_high - inner_low) > 0:
        low, high = inner_low, inner_high
    known = [mark for mark in marks if math.isfinite(mark)]
    low, high = min([low, *known]), max([high, *known])
    if not high > low:
        margin = max(abs(low) * 0.05, 0.5)
        return low - margin, high + margin
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
