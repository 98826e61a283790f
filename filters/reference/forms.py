"""The three forms of KNN-GIQA's score, as functions of exact distances.

Gu et al., "GIQA: Generated Image Quality Assessment", ECCV 2020, and the code published with it, knn_score.py of
cientgu/GIQA.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError

Form = Literal["paper", "l2", "repo"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
USUAL_K: Final[dict[Form, int]] = {"paper": 10, "l2": 10, "repo": 1}
"""The paper tried 1 to 3500 and names none; ten neighbours forgive a stray reference. The code published uses 1."""
_CHEAP: Final = 50_000
"""Of fewer references an exact search by "repo"'s distance, ten times as long as a Euclidean one, takes seconds."""

FLOOR: Final = 1e-3
"""Smallest L2 distance counted, as a share of the reference's root mean square length.

Below it a distance is noise: the same picture, embedded in another batch or by another build of the same libraries,
moves by up to 1e-4 of its length, a vector stored in float16 by 2e-4. Two different photographs are hundreds of times
farther apart, two encodings of one photograph tens of times."""
_REPO_SHIFT: Final = 1e-6
"""torch's `pairwise_distance` adds it to every component."""


def distances(form: Form, queries: NDArray[np.float64], neighbours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact distances of each query from its candidates.

    Args:
        form: "paper" and "l2" take the Euclidean distance, "repo" the sum of |x - x_k + 1e-6|.
        queries: (n, dim).
        neighbours: (n, candidates, dim).

    Returns:
        (n, candidates).
    """
    difference = queries[:, None, :] - neighbours
    if form == "repo":
        return np.abs(difference + _REPO_SHIFT).sum(axis=2)
    return np.sqrt(np.einsum("nkd,nkd->nk", difference, difference))


def scores(form: Form, nearest: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Scores from the distances of the K nearest.

    Args:
        form: "paper" is (1/K) sum 1/d^2, "l2" is (1/K) sum 1/d, "repo" is sum 1/d.
        nearest: (n, K); NaN gives NaN.
        floor: least Euclidean distance counted. "repo" has its own, the 1e-6 a component, and none beside it.

    Returns:
        (n,), greater is better.
    """
    if form == "repo":
        return np.sum(1.0 / np.maximum(nearest, _REPO_SHIFT), axis=1)
    floored = np.maximum(nearest, floor)
    return np.mean(1.0 / (floored * floored if form == "paper" else floored), axis=1)


def parse_form(name: str) -> Form:
    """A form by its name.

    Raises:
        UsageError: there is none of that name.
    """
    for form in FORMS:
        if form == name:
            return form
    raise UsageError(f"no form of KNN-GIQA is called {name!r}; there are: {', '.join(FORMS)}")


def usual_forms(count: int) -> tuple[Form, ...]:
    """Forms that a reference of `count` pictures is measured for without being asked."""
    return FORMS if count < _CHEAP else ("paper", "l2")
