"""Embedding on a cluster: a process holds the model, decodes and embeds one shard after the other."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from ...filters.scorer import Embedder, Vectors
from ...manifests.errors import BuildError, ItemError
from ...manifests.images import decode_rgb
from ..fleet import Fleet
from .catalogue import ShardEntry
from .embed import EmbedOptions, as_keys, batches, models_of, on_devices, slices, text_keys
from .fit import FittedModel
from .prepare import Chunk, Prepared, read_chunk
from .store import EmbeddingStore

_AHEAD = 3
"""Chunks in the making for each thread."""


def spread_pictures(
    root: Path,
    embedder: Embedder,
    chunks: Iterable[Chunk],
    store: EmbeddingStore,
    fleet: Fleet,
    batch_size: int,
    on_pictures: Callable[[int], None],
) -> None:
    """Embed pictures of a dataset on a cluster, a shard at a time; what was done is kept when it is stopped.

    Raises:
        BuildError: processes or devices that fail again and again.
        OutputError: the folder cannot be written.
    """
    shape = fleet.shape(accelerated=embedder.name != "nss")
    job = EmbedJob(root.absolute(), embedder, shape.device, batch_size, max(1, shape.cpus))
    shards = [tuple(some) for _, some in groupby(chunks, key=lambda chunk: chunk.shard)]
    try:
        for some, (vectors, failed) in fleet.run(job, shards, shape):
            bad = {key for key, _ in failed}
            good = [key for chunk in some for key in chunk.keys if key not in bad]
            if good:
                store.add(good, vectors)
            store.add_failed(failed)
            on_pictures(len(good) + len(failed))
    finally:
        store.flush()


@dataclass(frozen=True)
class EmbedJob:
    """Embeds what is missing of a shard; see `engines.local.Job`.

    Attributes:
        root: the dataset.
        device: "cpu", "cuda:0".
        batch_size: pictures; 0 for what fits.
        threads: that decode; on a CPU also those of the model.
    """

    root: Path
    embedder: Embedder
    device: str
    batch_size: int
    threads: int

    def open(self) -> Callable[[Sequence[Chunk]], tuple[Vectors, list[tuple[bytes, str]]]]:
        """Load the model."""
        cv2.setNumThreads(1)
        pa.set_cpu_count(self.threads)
        model = _opened(self.device, lambda: models_of(self.embedder, EmbedOptions((self.device,), self.batch_size, 1)))
        pool = ThreadPoolExecutor(self.threads)
        return lambda chunks: self._embed(chunks, model, pool)

    def _embed(
        self, chunks: Sequence[Chunk], models: Sequence[FittedModel], pool: ThreadPoolExecutor
    ) -> tuple[Vectors, list[tuple[bytes, str]]]:
        """Vectors of the pictures that can be embedded, in their order; key and reason of the others."""
        failed: deque[tuple[bytes, str]] = deque()
        prepared = self._prepared(chunks, pool)
        found = [
            vectors for _, vectors in on_devices(models, (self.device,), batches(prepared, models[0].size, failed))
        ]
        return np.concatenate([np.zeros((0, self.embedder.dim), np.float32), *found]), list(failed)

    def _prepared(self, chunks: Sequence[Chunk], pool: ThreadPoolExecutor) -> Iterator[Prepared]:
        """Chunks in their order, some of them begun ahead."""
        begun: deque[Future[Prepared]] = deque()
        for chunk in chunks:
            begun.append(pool.submit(self._prepare, chunk))
            if len(begun) > _AHEAD * self.threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()

    def _prepare(self, chunk: Chunk) -> Prepared:
        pictures, keys, failed = [], [], []
        for key, data in zip(chunk.keys, read_chunk(self.root, chunk), strict=True):
            try:
                pictures.append(self.embedder.prepare(decode_rgb(data or b"")))
                keys.append(key)
            except ItemError as fault:
                failed.append((key, str(fault)))
        return Prepared(tuple(keys), np.stack(pictures) if pictures else np.zeros((0, 0)), tuple(failed))


def spread_texts(embedder: Embedder, entries: Sequence[ShardEntry], store: EmbeddingStore, fleet: Fleet) -> int:
    """Embed the captions of a dataset that have no vector yet, on a cluster; returns how many.

    Raises:
        BuildError: processes or devices that fail again and again.
    """
    shape, done = fleet.shape(), 0
    try:
        for keys, vectors in fleet.run(TextJob(embedder, shape.device), list(_captions(entries, store)), shape):
            store.add([key for key, _ in keys], vectors)
            done += len(keys)
    finally:
        store.flush()
    return done


@dataclass(frozen=True)
class TextJob:
    """Embeds captions; see `engines.local.Job`."""

    embedder: Embedder
    device: str

    def open(self) -> Callable[[Sequence[tuple[bytes, str]]], Vectors]:
        """Load the model."""
        model = _opened(self.device, lambda: FittedModel(self.embedder.open_text(self.device), self.device, 256))
        return lambda captions: model([text for _, text in captions])


def _captions(entries: Sequence[ShardEntry], store: EmbeddingStore) -> Iterator[tuple[tuple[bytes, str], ...]]:
    """Key and text of every caption without a vector, once, in batches."""
    seen: set[bytes] = set()
    for entry in entries:
        texts = text_keys(entry)[1] if entry.captions else {}
        keys = [key for key in texts if key not in seen]
        seen.update(keys)
        wanted = as_keys(keys)
        for batch in slices(wanted[store.missing(wanted)] if keys else wanted):
            raw = [batch[place : place + 1].tobytes() for place in range(len(batch))]
            yield tuple((key, texts[key]) for key in raw)


def _opened(device: str, load: Callable[[], Any]) -> Any:
    """What `load` opens on a device.

    Raises:
        BuildError: the device cannot be used on this machine.
    """
    try:
        return load()
    except (RuntimeError, AssertionError) as fault:  # as torch tells of a device
        said = str(fault).strip().partition("\n")[0]
        raise BuildError(f"{device} cannot be used on {socket.gethostname()}: {said}") from fault
