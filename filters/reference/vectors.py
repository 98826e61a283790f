"""A reference's vectors and keys, memory-mapped: 600 million of them take no more memory than the pages in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from .layout import Keys, Part, ReferenceFolder

Normalize = Literal["l2", "none"]
Dtype = Literal["float16", "float32"]

KEY_BYTES: Final = 16
MOST_ROUNDING: Final = 1e-3
"""A stored vector may differ from the embedder's by this share of its length; float16 keeps 2e-4 where nothing
overflows or vanishes."""


class Vectors:
    """All parts' vectors as one array of rows."""

    def __init__(self, folder: ReferenceFolder, parts: Sequence[Part], dim: int, normalize: Normalize) -> None:
        """Map the files.

        Raises:
            UsageError: a file is missing or not what the reference says.
        """
        self.dim, self.normalize = dim, normalize
        kept = [part for part in parts if part.rows]
        self._arrays = [_mapped(folder.vectors(part.name), (part.rows, dim)) for part in kept]
        self._keys = [_mapped(folder.keys(part.name), (part.rows, 2)) if part.keyed else None for part in kept]
        self._starts = np.cumsum([0, *(part.rows for part in kept)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def rows(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Vectors at some positions: (n,) -> (n, dim) float64, of length 1 when normalised."""
        found = np.empty((len(positions), self.dim))
        for part, at, inside in self._by_part(positions):
            found[at] = self._arrays[part][inside]
        return self.ready(found)

    def keys(self, positions: NDArray[np.int64]) -> Keys:
        """Keys at some positions: (n,) -> (n, 2); zeros where there is none."""
        found = np.zeros((len(positions), 2), np.uint64)
        for part, at, inside in self._by_part(positions):
            keys = self._keys[part]
            if keys is not None:
                found[at] = keys[inside]
        return found

    def blocks(self, part: int | None = None, size: int = 32768) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """First position and vectors, (up to `size`, dim) float32, of each block of one part or of all."""
        for number in range(self.part_count) if part is None else [part]:
            array = self._arrays[number]
            for start in range(0, len(array), size):
                block = np.array(array[start : start + size], np.float32)
                yield int(self._starts[number]) + start, self._ready_float32(block)

    @property
    def part_count(self) -> int:
        """Parts that have rows."""
        return len(self._arrays)

    def ready(self, vectors: NDArray[Any]) -> NDArray[np.float64]:
        """Vectors as distances are taken between them: (n, dim) -> float64, of length 1 when normalised."""
        found = np.asarray(vectors, np.float64)
        if self.normalize == "none":
            return found
        with np.errstate(invalid="ignore"):  # a vector of zeros has no direction: NaN
            return found / np.linalg.norm(found, axis=1, keepdims=True)

    def _ready_float32(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.normalize == "l2":
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def _by_part(self, positions: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Part, places in `positions`, and rows inside the part, in the order in which they lie on disk."""
        order = np.argsort(positions, kind="stable")
        ordered = positions[order]
        bounds = np.searchsorted(ordered, self._starts)
        for part in range(self.part_count):
            low, high = bounds[part], bounds[part + 1]
            if low < high:
                yield part, order[low:high], ordered[low:high] - self._starts[part]


def picture_keys(digests: Sequence[bytes]) -> Keys:
    """SHA-256 digests of pictures' bytes -> (n, 2) uint64, their first 16 bytes; empty digests become zeros."""
    joined = b"".join(digest[:KEY_BYTES].ljust(KEY_BYTES, b"\0") for digest in digests)
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)


def load_embeddings(file: Path) -> NDArray[Any]:
    """Map a .npy file of ready embeddings: (n, dim) float16 or float32.

    Raises:
        UsageError: it is something else; nothing in it is ever unpickled.
    """
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as fault:
        raise UsageError(f"{file} is no .npy file of numbers ({fault})") from fault
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype not in (np.float16, np.float32):
        shape = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        raise UsageError(f"{file} holds {shape}; embeddings are (n, dim) float16 or float32")
    if not array.shape[1]:
        raise UsageError(f"{file} holds vectors of length 0")
    return array


def stored(vectors: NDArray[Any], dtype: Dtype) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Round vectors to the type they are stored in.

    Args:
        vectors: (n, dim), finite.

    Returns:
        The rounded vectors, their lengths (n,), and the relative error of each (n,).

    Raises:
        UsageError: the type cannot hold them.
    """
    lengths = np.sqrt(_squares(vectors))
    if vectors.dtype == dtype:
        return vectors, lengths, np.zeros(len(vectors))
    with np.errstate(over="ignore"):
        rounded = vectors.astype(dtype)
    errors = np.sqrt(_squares(vectors - rounded.astype(vectors.dtype))) / np.maximum(lengths, 1e-300)
    if len(errors) and not errors.max() <= MOST_ROUNDING:
        raise UsageError(f"{dtype} cannot hold these vectors (error {errors.max():.1g} of their length); use float32")
    return rounded, lengths, errors


def usable(vectors: NDArray[Any]) -> NDArray[np.bool_]:
    """Which vectors are finite and not all zeros: (n, dim) -> (n,)."""
    squares = _squares(vectors)  # not finite where any number is not
    return np.isfinite(squares) & (squares > 0)


def _squares(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Squared lengths, (n, dim) -> (n,), summed in the next wider type, which holds any square of the narrower."""
    wide: NDArray[np.floating] = vectors.astype(np.float32 if vectors.dtype == np.float16 else np.float64)
    return np.vecdot(wide, wide).astype(np.float64)


def unusable_reason(vector: NDArray[Any]) -> str:
    """Why a vector is left out."""
    return "the vector is all zeros" if not np.any(vector) else "the vector holds NaN or infinity"


def _mapped(file: Path, shape: tuple[int, int]) -> NDArray[Any]:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as fault:
        raise UsageError(f"{file} cannot be read ({fault}); make the reference again") from fault
    if array.shape != shape:
        raise UsageError(f"{file} is of shape {array.shape}, the reference says {shape}; it was changed")
    return array
