"""Embeddings on disk, by the key of what was embedded: a picture's vector is the same wherever it stands."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...filters.scorer import Embedder, Vectors
from ...filters.sidecar import canonical
from ...manifests.folder import replacing, write_bytes
from ...writers.shards import output_errors
from .catalogue import KEY_BYTES

Keys = NDArray[np.bytes_]

_PART_ROWS: Final = 4096
_PART_SECONDS: Final = 60.0
"""A killed run loses at most this much work."""
_OPEN_PARTS: Final = 256


def store_folder(state: Path, embedder: Embedder, what: str = "pictures") -> Path:
    """Folder of an embedder's vectors; other weights or options have another one."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", embedder.name).strip("-.")
    digest = hashlib.sha256(canonical(embedder.identity).encode()).hexdigest()[:12]
    return state / "embeddings" / f"{name}-{digest}" / what


class EmbeddingStore:
    """Vectors in parts: `<n>.npy`, (rows, dim) float32, with `<n>.keys.npy`, (rows,) S16, written last.

    What could not be embedded has a row of NaN, and its reason in `<n>.failed.json`. A writer that does not have the
    store for itself has its name before the number, `rank-3-<n>.npy`; all read the parts of all.

    Args:
        folder: of the parts.
        dim: length of a vector.
        writer: name of this one among several that write at once; empty for the only one.
        wanted: keys to look for, (n,) S16; None: all. Of a big store a rank holds those of its own pictures.
    """

    def __init__(self, folder: Path, dim: int, writer: str = "", wanted: Keys | None = None) -> None:
        self._folder, self.dim = folder, dim
        self._begins = f"{writer}-" if writer else ""
        self._wanted = None if wanted is None else np.unique(wanted)
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob(f".{self._begins}*.part"):
            left_over.unlink(missing_ok=True)
        self._loaded: dict[str, tuple[Keys, NDArray[np.int64]]] = {}
        self._keys: list[Keys] = []
        self._vectors: list[Vectors] = []
        self._failed: dict[str, str] = {}
        self._rows = 0
        self._flushed = time.monotonic()
        self._part = lru_cache(_OPEN_PARTS)(self._map)

    @property
    def is_shared(self) -> bool:
        """Whether others may write to it at the same time."""
        return bool(self._begins)

    def missing(self, keys: Keys) -> NDArray[np.bool_]:
        """(n,) S16 -> (n,) which of them have no vector yet."""
        return ~_inside(keys, self.known())

    def known(self) -> Keys:
        """(n,) S16 sorted: those that have a vector."""
        return self._index[0]

    def look_again(self) -> None:
        """See what others have written meanwhile."""
        for name in ("_names", "_index", "reasons"):
            self.__dict__.pop(name, None)

    def add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Add vectors, a row each; they are on disk after `flush`, which comes by itself from time to time.

        Raises:
            OutputError: the disk is full or cannot be written.
        """
        bad = ~np.asarray(np.isfinite(vectors).all(axis=1))
        for place in np.flatnonzero(bad).tolist():
            self._failed.setdefault(keys[place].hex(), "the embedding is not finite")
        self._keys.append(np.array(keys, f"S{KEY_BYTES}"))
        self._vectors.append(np.where(bad[:, None], np.float32(np.nan), vectors).astype(np.float32))
        self._rows += len(keys)
        if self._rows >= _PART_ROWS or time.monotonic() - self._flushed > _PART_SECONDS:
            self.flush()

    def add_failed(self, failed: Sequence[tuple[bytes, str]]) -> None:
        """Add what could not be embedded: key and reason of each."""
        if failed:
            self._failed |= {key.hex(): reason for key, reason in failed}
            self.add([key for key, _ in failed], np.full((len(failed), self.dim), np.nan, np.float32))

    def flush(self) -> None:
        """Write what was added.

        Raises:
            OutputError: the disk is full or cannot be written.
        """
        self._flushed = time.monotonic()
        if not self._rows:
            return
        own = (name.removeprefix(self._begins) for name in self._names if name.startswith(self._begins))
        name = f"{self._begins}{max((int(number) for number in own if number.isdecimal()), default=-1) + 1:06d}"
        with output_errors(self._folder / f"{name}.npy"):
            _save(self._folder / f"{name}.npy", np.concatenate(self._vectors))
            if self._failed:
                write_bytes(self._folder / f"{name}.failed.json", json.dumps(self._failed).encode())
            _save(self._folder / f"{name}.keys.npy", np.concatenate(self._keys))
        self._keys, self._vectors, self._failed, self._rows = [], [], {}, 0
        self.look_again()

    def gather(self, keys: Keys) -> Vectors:
        """(n,) S16 -> (n, dim) float32; a row of NaN for what could not be embedded. All must have been added."""
        known, parts, rows = self._index
        found = np.empty((len(keys), self.dim), np.float32)
        places = np.searchsorted(known, keys)
        assert np.array_equal(known[places], keys)
        wanted = parts[places]
        for part in np.unique(wanted):
            at = np.flatnonzero(wanted == part)
            found[at] = self._part(self._names[part])[rows[places[at]]]
        return found

    @cached_property
    def reasons(self) -> dict[bytes, str]:
        """Key -> why it could not be embedded."""
        found: dict[bytes, str] = {}
        for name in self._names:
            with contextlib.suppress(FileNotFoundError):
                told = json.loads((self._folder / f"{name}.failed.json").read_text(encoding="utf-8"))
                found |= {bytes.fromhex(key): reason for key, reason in told.items()}
        return found

    @cached_property
    def _names(self) -> list[str]:
        return sorted(file.name.removesuffix(".keys.npy") for file in self._folder.glob("*.keys.npy"))

    @cached_property
    def _index(self) -> tuple[Keys, NDArray[np.int32], NDArray[np.int64]]:
        """Sorted keys, and the part and row of each."""
        found = [self._keys_of(name) for name in self._names]
        joined = np.concatenate([np.zeros(0, f"S{KEY_BYTES}"), *(keys for keys, _ in found)])
        parts = np.repeat(np.arange(len(found), dtype=np.int32), [len(keys) for keys, _ in found])
        rows = np.concatenate([np.zeros(0, np.int64), *(rows for _, rows in found)])
        order = np.argsort(joined, kind="stable")
        return joined[order], parts[order], rows[order]

    def _keys_of(self, name: str) -> tuple[Keys, NDArray[np.int64]]:
        """Keys of a part and the row of each, as far as they are wanted; then kept, since a part never changes."""
        if name in self._loaded:
            return self._loaded[name]
        keys = np.load(self._folder / f"{name}.keys.npy", allow_pickle=False)
        rows = np.arange(len(keys))
        if self._wanted is None:
            return keys, rows
        rows = rows[_inside(keys, self._wanted)]
        self._loaded[name] = keys[rows], rows
        return self._loaded[name]

    def _map(self, name: str) -> Any:
        return np.load(self._folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)


def _inside(keys: Keys, known: Keys) -> NDArray[np.bool_]:
    """(n,) which keys are among those known, which are sorted."""
    place = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
    return known[place] == keys if len(known) else np.zeros(len(keys), bool)


def _save(file: Path, array: NDArray[Any]) -> None:
    with replacing(file, alone=True) as part, part.open("wb") as opened:
        np.save(opened, array, allow_pickle=False)
