"""The FAISS index: trained on a sample, its lists filled part by part, put together at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from ...manifests.extras import load_extra
from .factory import LEAST_POINTS, MOST_POINTS, lists_of, usual_points
from .layout import write_whole
from .vectors import Vectors

_SEED: Final = 20_200_319
_CENTRE_SAMPLE: Final = 65_536
_LEAST_SAMPLE: Final = 4_096
_EFFORT: Final = 128
"""Nodes that an HNSW coarse quantizer looks at while a vector's list is sought; FAISS's 16 misplaces some."""


def faiss() -> Any:
    """The library; its absence is one sentence."""
    return load_extra("faiss", "score")


def sample_rows(count: int, wanted: int, seed: int = _SEED) -> NDArray[np.int64]:
    """Rows spread evenly over `count`, one drawn from each of `wanted` equal stretches; the same ones every time."""
    wanted = min(count, wanted)
    edges = np.arange(wanted + 1, dtype=np.int64) * count // max(1, wanted)
    return edges[:-1] + np.random.default_rng(seed).integers(0, np.diff(edges)) if wanted else edges[:-1]


def sample_vectors(vectors: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Vectors at some rows, float32, read without ever holding them in float64."""
    found = np.empty((len(rows), vectors.dim), np.float32)
    for start in range(0, len(rows), 8192):
        found[start : start + 8192] = vectors.rows(rows[start : start + 8192])
    return found


def mean_vector(vectors: Vectors) -> NDArray[np.float32]:
    """Mean of a sample of the vectors.

    FAISS takes distances as |x|^2 + |y|^2 - 2xy in float32, whose error grows with the lengths. Embeddings lie in a
    narrow cone far from zero; with their mean taken off, lengths and error are smaller and distances the same.
    """
    sample = sample_vectors(vectors, sample_rows(len(vectors), _CENTRE_SAMPLE))
    return sample.mean(axis=0, dtype=np.float64).astype(np.float32)


def train(vectors: Vectors, centre: NDArray[np.float32], factory: str, points: int | None = None) -> Any:
    """Train an index on a sample of the vectors.

    Args:
        vectors: all of them.
        centre: (dim,), taken off first.
        factory: with inverted lists.
        points: training vectors a list, 30 to 256; None: 64, 32 where there are more than 16,384 lists.

    Returns:
        The trained, empty FAISS index.

    Raises:
        UsageError: too few vectors for so many lists, or FAISS does not take the factory.
    """
    library, lists = faiss(), lists_of(factory)
    points = usual_points(lists) if points is None else points
    if len(vectors) < LEAST_POINTS * lists:
        raise UsageError(
            f"{factory} needs {LEAST_POINTS * lists:,} vectors to train on ({LEAST_POINTS} a list), there are "
            f"{len(vectors):,}; give a --factory with fewer lists"
        )
    if not LEAST_POINTS <= points <= MOST_POINTS:
        raise UsageError(f"{points} training vectors a list: FAISS asks for {LEAST_POINTS} to {MOST_POINTS}")
    try:
        index = library.index_factory(vectors.dim, factory, library.METRIC_L2)
    except RuntimeError as fault:
        raise UsageError(f"FAISS does not take {factory!r} for vectors of length {vectors.dim}") from fault
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = LEAST_POINTS, MOST_POINTS
    on_gpu = _flat_on_gpu(library, vectors.dim)
    if on_gpu is not None:
        index.clustering_index = on_gpu
    sample = sample_vectors(vectors, sample_rows(len(vectors), max(points * lists, _LEAST_SAMPLE)))
    sample -= centre
    index.train(sample)
    if on_gpu is not None:
        index.clustering_index = None
    return index


class Lists:
    """Finds the inverted list of vectors; on the GPU when there is one."""

    def __init__(self, index: Any) -> None:
        library = faiss()
        self._index = index  # owns the quantizer
        self._quantizer = library.downcast_index(index.quantizer)
        set_effort(self._quantizer, _EFFORT)
        on_gpu = _flat_on_gpu(library, index.d)
        if on_gpu is not None:
            on_gpu.add(self._quantizer.reconstruct_n(0, index.nlist))
            self._quantizer = on_gpu

    def of(self, vectors: Vectors, part: int, centre: NDArray[np.float32]) -> NDArray[np.int32]:
        """(rows,) int32, the list of each vector of a part."""
        found = [
            self._quantizer.search(block - centre, 1)[1][:, 0].astype(np.int32) for _, block in vectors.blocks(part)
        ]
        return np.concatenate(found)


def fill(index: Any, vectors: Vectors, part: int, centre: NDArray[np.float32], lists: NDArray[np.int32]) -> None:
    """Encode a part's vectors into the lists that were found for them; ids are positions among all vectors."""
    library, done = faiss(), 0
    for first, block in vectors.blocks(part):
        block -= centre
        ids = np.arange(first, first + len(block), dtype=np.int64)
        where = lists[done : done + len(block)].astype(np.int64)
        index.add_core(len(block), *(library.swig_ptr(array) for array in (block, ids, where)))
        done += len(block)


def set_effort(quantizer: Any, effort: int) -> None:
    """How many nodes an HNSW coarse quantizer looks at; nothing to set on others."""
    graph = getattr(quantizer, "hnsw", None)
    if graph is not None:
        graph.efSearch = effort


def write_index(index: Any, file: Path) -> None:
    """Write an index; it appears whole or not at all.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    library = faiss()

    def write(opened: Any) -> None:
        # Through Python's file, whose faults carry an errno; FAISS's own are RuntimeErrors without one.
        library.write_index(index, library.PyCallbackIOWriter(opened.write))

    write_whole(file, write)


def read_index(file: Path, memory_mapped: bool) -> Any:
    """Read an index, its lists left on disk when `memory_mapped`.

    Raises:
        UsageError: the file is missing or broken.
    """
    library = faiss()
    try:
        return library.read_index(str(file), library.IO_FLAG_MMAP if memory_mapped else 0)
    except RuntimeError as fault:
        raise UsageError(f"{file} is no whole FAISS index; make the reference again") from fault


def _flat_on_gpu(library: Any, dim: int) -> Any:
    """An exact index over all GPUs; None where the library or the machine has none."""
    if not library.get_num_gpus():
        return None
    return library.index_cpu_to_all_gpus(library.IndexFlatL2(dim))
