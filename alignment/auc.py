"""How well a number tells what people choose from what they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Auc:
    """Area under the ROC curve: the chance that a chosen edit has the higher number than one that was left.

    Attributes:
        value: 0.5 when the number tells nothing, below it when lower is better.
        low, high: 95 % interval, from items drawn again with replacement.
        pairs: (chosen, left) pairs compared.
        items: that they come from.
    """

    value: float
    low: float
    high: float
    pairs: int
    items: int


def won_pairs(numbers: NDArray[np.float64], chosen: NDArray[np.bool_]) -> tuple[float, int]:
    """Compare every chosen edit of an answer with every other edit of the same item.

    Args:
        numbers: (n,) one for each candidate; candidates without one (NaN) are left out.
        chosen: (n,).

    Returns:
        How many pairs the chosen edit wins, ties as one half, and how many there are.

    Source: Hanley and McNeil (1982): the area under the ROC curve is the Mann-Whitney statistic over all pairs.
    """
    known = np.isfinite(numbers)
    ours, others = numbers[known & chosen][:, None], numbers[known & ~chosen][None, :]
    return float((ours > others).sum() + 0.5 * (ours == others).sum()), ours.size * others.size


def auc_within(won: Sequence[float], pairs: Sequence[int], seed: int = 0) -> Auc:
    """AUC over all answers; only edits of the same item are compared with each other.

    Args:
        won, pairs: sums of `won_pairs` for each item.
        seed: of the resampling.
    """
    total, count = np.array(won, np.float64), np.array(pairs, np.int64)
    total, count = total[count > 0], count[count > 0]
    if not len(count):
        return Auc(float("nan"), float("nan"), float("nan"), 0, 0)
    drawn = np.random.default_rng(seed).integers(0, len(count), (_RESAMPLES, len(count)))
    again = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(again, (0.025, 0.975))
    return Auc(float(total.sum() / count.sum()), float(low), float(high), int(count.sum()), len(count))
