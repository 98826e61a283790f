"""Finding candidates for the nearest, in float32; what they find is measured again exactly."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .forms import Form
from .training import faiss, set_effort
from .vectors import Vectors

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances (squared for L2) and positions, (n, fetch) each, nearest first; -1 where there are no more."""

_ROUNDING: Final = 32 * float(np.finfo(np.float32).eps)
_LEAST_EFFORT: Final = 64
_NO_BLAS: Final = 2**31 - 1


class Candidates(Protocol):
    """A way to find candidates."""

    exact: bool
    """Whether the distances are exact up to rounding and nothing is passed over."""

    def search(self, queries: NDArray[np.float32], fetch: int, nprobe: int) -> Found:
        """The `fetch` nearest of each query, (n, dim) with the centre taken off."""

    def slack(self, queries: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far a distance may be off by rounding, (n,)."""


class _Exact:
    """What exact searches share: how far float32 may be off."""

    exact = True

    def __init__(self, form: Form, most_length: float) -> None:
        self._form, self._most_length = form, most_length

    def slack(self, queries: NDArray[np.float32]) -> NDArray[np.float64]:
        lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
        if self._form == "repo":  # a plain sum of up to sqrt(dim) (|x| + |y|)
            return _ROUNDING * np.sqrt(queries.shape[1]) * (lengths + self._most_length)
        return _ROUNDING * (lengths**2 + self._most_length**2)

    @property
    def _metric(self) -> Any:
        return faiss().METRIC_L1 if self._form == "repo" else faiss().METRIC_L2


class FlatCandidates(_Exact):
    """All vectors, in memory as float32."""

    def __init__(self, vectors: Vectors, centre: NDArray[np.float32], form: Form, most_length: float) -> None:
        super().__init__(form, most_length)
        self._index = faiss().IndexFlat(vectors.dim, self._metric)
        for _, block in vectors.blocks():
            self._index.add(block - centre)

    def search(self, queries: NDArray[np.float32], fetch: int, nprobe: int) -> Found:
        return self._index.search(queries, fetch)


class ScanCandidates(_Exact):
    """All vectors, read from disk for every call: exact search over any number of them."""

    def __init__(self, vectors: Vectors, centre: NDArray[np.float32], form: Form, most_length: float) -> None:
        super().__init__(form, most_length)
        self._vectors, self._centre = vectors, centre

    def search(self, queries: NDArray[np.float32], fetch: int, nprobe: int) -> Found:
        distances = np.full((len(queries), fetch), np.inf, np.float32)
        positions = np.full((len(queries), fetch), -1, np.int64)
        for first, block in self._vectors.blocks():
            block -= self._centre
            near, inside = faiss().knn(queries, block, min(fetch, len(block)), metric=self._metric)
            both = np.concatenate([distances, near], axis=1)
            order = np.argsort(both, axis=1, kind="stable")[:, :fetch]
            distances = np.take_along_axis(both, order, axis=1)
            positions = np.take_along_axis(np.concatenate([positions, inside + first], axis=1), order, axis=1)
        return distances, positions


class ListCandidates:
    """An index of inverted lists."""

    exact = False

    def __init__(self, index: Any) -> None:
        self._index = index
        self._quantizer = faiss().downcast_index(index.quantizer)

    @property
    def lists(self) -> int:
        """How many there are."""
        return int(self._index.nlist)

    def search(self, queries: NDArray[np.float32], fetch: int, nprobe: int) -> Found:
        set_effort(self._quantizer, max(_LEAST_EFFORT, 2 * nprobe))
        self._index.nprobe = nprobe
        with one_by_one():
            return self._index.search(queries, fetch)

    def slack(self, queries: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.zeros(len(queries))


@contextlib.contextmanager
def one_by_one() -> Iterator[None]:
    """Keep FAISS from choosing lists with a product of whole batches, whose rounding depends on the batch."""
    library = faiss()
    before = library.cvar.distance_compute_blas_threshold
    library.cvar.distance_compute_blas_threshold = _NO_BLAS
    try:
        yield
    finally:
        library.cvar.distance_compute_blas_threshold = before
