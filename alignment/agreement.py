"""How far people agree beyond chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fleiss_kappa(counts: NDArray[np.int64]) -> float:
    """Fleiss' kappa.

    Args:
        counts: (N, k) how many people put subject i into category j. Subjects may have different numbers of people;
            those with fewer than two say nothing of agreement and are left out.

    Returns:
        1 for perfect agreement, 0 for that of chance, negative below; NaN when nothing can be compared, or when
        everybody always chose the same category.

    Source: Fleiss, Measuring nominal scale agreement among many raters (1971), equations 3 to 7. With as many people
    for every subject it is his kappa; otherwise each subject's agreement is among its own people, and the share of a
    category is that of all judgements.
    """
    people = counts.sum(axis=1)
    counts, people = counts[people >= 2], people[people >= 2]
    if not len(counts):
        return float("nan")
    agreement = ((counts**2).sum(axis=1) - people) / (people * (people - 1))
    shares = counts.sum(axis=0) / people.sum()
    by_chance = float((shares**2).sum())
    if by_chance >= 1:
        return float("nan")
    return (float(agreement.mean()) - by_chance) / (1 - by_chance)
