"""The K nearest, exactly: candidates from FAISS, distances in float64 from the stored vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .candidates import Candidates, ListCandidates
from .forms import Form, distances
from .layout import Keys
from .vectors import Vectors

_NUMBERS_AT_ONCE: Final = 8_000_000
"""float64 numbers of candidates held at a time, 64 MB."""
_SURE: Final = 1e-6
_GROWTH: Final = 4


@dataclass(frozen=True)
class Asked:
    """Queries.

    Attributes:
        vectors: (n, dim) float64, as `Vectors.ready` makes them.
        keys: (n, 2), of their pictures; zeros where there is none.
        own: (n,) positions of the queries themselves in the reference, -1 where they are not in it.
    """

    vectors: NDArray[np.float64]
    keys: Keys
    own: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.int64] | slice) -> Asked:
        return Asked(self.vectors[rows], self.keys[rows], self.own[rows])

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True)
class Measuring:
    """How distances are taken.

    Attributes:
        least: candidates at most this far (Euclidean) are the same picture and left out; negative: none are.
    """

    vectors: Vectors
    centre: NDArray[np.float32]
    form: Form
    least: float

    def exact(self, asked: Asked, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Distances of candidates: (n, fetch) positions -> (n, fetch), infinite where left out or missing."""
        found = np.full(positions.shape, np.inf)
        step = max(1, _NUMBERS_AT_ONCE // max(1, positions.shape[1] * self.vectors.dim))
        for start in range(0, len(asked), step):
            some = slice(start, start + step)
            found[some] = self._exact(asked[some], positions[some])
        return found

    def _exact(self, asked: Asked, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        flat = np.maximum(positions, 0).ravel()
        near = self.vectors.rows(flat).reshape(*positions.shape, self.vectors.dim)
        found = distances(self.form, asked.vectors, near)
        keys = self.vectors.keys(flat).reshape(*positions.shape, 2)
        same = np.all(keys == asked.keys[:, None], axis=2) & np.any(asked.keys, axis=1, keepdims=True)
        left_out = (positions < 0) | (positions == asked.own[:, None]) | same
        if self.least >= 0:
            euclidean = found if self.form != "repo" else distances("l2", asked.vectors, near)
            left_out |= euclidean <= self.least
        found[left_out] = np.inf
        return found

    def centred(self, asked: Asked) -> NDArray[np.float32]:
        """Queries as FAISS gets them."""
        shift = 1e-6 if self.form == "repo" else 0.0
        return np.ascontiguousarray(asked.vectors - self.centre + shift, np.float32)


def nearest(
    how: Measuring, candidates: Candidates, asked: Asked, k: int, fetch: int, nprobe: int = 1
) -> NDArray[np.float64]:
    """Exact distances of the K nearest.

    Where too many candidates are left out, or rounding could have hidden a nearer one, more are fetched.

    Returns:
        (n, k) float64, ascending; a row of NaN where the reference has fewer than K to compare with.
    """
    count = len(how.vectors)
    found = np.full((len(asked), k), np.nan)
    pending = np.arange(len(asked))
    while len(pending):
        fetch = min(max(fetch, k), count)
        now = asked[pending]
        queries = how.centred(now)
        approximate, positions = candidates.search(queries, fetch, nprobe)
        exact = np.sort(how.exact(now, positions), axis=1)[:, :k]
        enough = np.isfinite(exact[:, -1])
        if candidates.exact:
            last, slack = approximate[:, -1].astype(np.float64), candidates.slack(queries)
            enough &= _nothing_nearer(how, exact[:, -1], last - slack) | (fetch == count)
        found[pending[enough]] = exact[enough]
        pending = pending[~enough]
        if fetch == count and not (isinstance(candidates, ListCandidates) and nprobe < candidates.lists):
            break
        fetch *= _GROWTH
        nprobe = min(nprobe * _GROWTH, candidates.lists) if isinstance(candidates, ListCandidates) else nprobe
    return found


def _nothing_nearer(how: Measuring, worst: NDArray[np.float64], beyond: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether what was not fetched, all of it at least `beyond` away, could change the K-th distance by 1e-6."""
    measured = worst if how.form == "repo" else worst * worst
    return measured - beyond <= _SURE * measured
