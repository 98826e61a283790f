"""Embedding every distinct picture and text once: workers prepare, devices compute, the store keeps."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...filters.scorer import Embedder, Vectors
from .catalogue import KEY_BYTES, SIDES, ShardEntry
from .fit import FittedModel, fitting_size
from .prepare import Chunk, Prepared, prepared
from .store import EmbeddingStore, Keys

_TEXTS: Final = 256
"""Captions at a time."""


@dataclass(frozen=True)
class EmbedOptions:
    """How to embed.

    Attributes:
        devices: each gets its own copy of the model; batches go round.
        batch_size: 0 for what fits.
        workers: processes that decode.
    """

    devices: tuple[str, ...]
    batch_size: int
    workers: int


def embed_pictures(
    root: Path,
    embedder: Embedder,
    chunks: Iterable[Chunk],
    store: EmbeddingStore,
    options: EmbedOptions,
    on_pictures: Callable[[int], None],
) -> None:
    """Embed pictures of a dataset; what was done is kept when it is stopped.

    Raises:
        BuildError: a device's memory does not hold one picture.
        OutputError: the folder cannot be written.
    """
    models = models_of(embedder, options)
    failed: deque[tuple[bytes, str]] = deque()
    size = min(model.size for model in models)
    stacks = batches(prepared(root, embedder, chunks, options.workers), size, failed)
    try:
        for keys, vectors in on_devices(models, options.devices, stacks):
            store.add(keys, vectors)
            on_pictures(len(keys))
            _add_failed(store, failed, on_pictures)
        _add_failed(store, failed, on_pictures)
    finally:
        store.flush()


def models_of(embedder: Embedder, options: EmbedOptions) -> list[FittedModel]:
    """The embedder's model on each device."""
    sample = embedder.prepare(np.zeros((64, 64, 3), np.uint8))
    found = []
    for device in options.devices:
        run = embedder.open(device)
        found.append(FittedModel(run, device, options.batch_size or fitting_size(run, sample, device)))
    return found


def batches(
    chunks: Iterable[Prepared], size: int, failed: deque[tuple[bytes, str]]
) -> Iterator[tuple[list[bytes], NDArray[Any]]]:
    """Keys and stack of `size` pictures at a time; the last one may be smaller. Failures are put aside."""
    keys: list[bytes] = []
    stack: NDArray[Any] | None = None
    for chunk in chunks:
        failed.extend(chunk.failed)
        start = 0
        while start < len(chunk.keys):
            if stack is None:
                stack = np.empty((size, *chunk.pictures.shape[1:]), chunk.pictures.dtype)
            count = min(size - len(keys), len(chunk.keys) - start)
            stack[len(keys) : len(keys) + count] = chunk.pictures[start : start + count]
            keys.extend(chunk.keys[start : start + count])
            start += count
            if len(keys) == size:
                yield keys, stack
                keys, stack = [], None
    if stack is not None:
        yield keys, stack[: len(keys)]


def on_devices(
    models: Sequence[FittedModel], devices: Sequence[str], stacks: Iterable[tuple[list[bytes], NDArray[Any]]]
) -> Iterator[tuple[list[bytes], Vectors]]:
    """Vectors of each batch, in order. While one is computed the next is put together, on CUDA even handed over."""
    with ExitStack() as stack:
        pools = []
        for device in devices:
            pool = ThreadPoolExecutor(2 if device.startswith("cuda") else 1, thread_name_prefix=device)
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            pools.append(pool)
        running: deque[tuple[list[bytes], Future[Vectors]]] = deque()
        for number, (keys, pictures) in enumerate(stacks):
            place = number % len(models)
            running.append((keys, pools[place].submit(models[place], pictures)))
            while len(running) > 2 * len(models):
                yield _taken(running)
        while running:
            yield _taken(running)


def _taken(running: deque[tuple[list[bytes], Future[Vectors]]]) -> tuple[list[bytes], Vectors]:
    keys, future = running.popleft()
    return keys, future.result()


def _add_failed(store: EmbeddingStore, failed: deque[tuple[bytes, str]], on_pictures: Callable[[int], None]) -> None:
    if failed:
        store.add_failed(list(failed))
        on_pictures(len(failed))
        failed.clear()


def text_key(text: str) -> bytes:
    """Key of a caption."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]


def text_keys(entry: ShardEntry) -> tuple[list[list[bytes]], dict[bytes, str]]:
    """Keys of the source and the target captions of a shard's rows, b"" where there is none; and key -> caption."""
    table = entry.table([f"{side}_caption" for side in SIDES])
    found: list[list[bytes]] = []
    texts: dict[bytes, str] = {}
    for side in SIDES:
        captions = table.column(f"{side}_caption").to_pylist()
        keys = [text_key(caption) if caption else b"" for caption in captions]
        texts |= {key: caption for key, caption in zip(keys, captions, strict=True) if key}
        found.append(keys)
    return found, texts


def embed_texts(embedder: Embedder, entries: Sequence[ShardEntry], store: EmbeddingStore, device: str) -> int:
    """Embed the captions of a dataset that have no vector yet; returns how many.

    Raises:
        UsageError: the embedder's tokenizer cannot be had.
        BuildError: the device's memory does not hold one.
    """
    model: FittedModel | None = None
    done = 0
    try:
        for entry in entries:
            texts = text_keys(entry)[1] if entry.captions else {}
            keys = as_keys(list(texts))
            for batch in slices(keys[store.missing(keys)] if texts else keys):
                model = model or FittedModel(embedder.open_text(device), device, _TEXTS)
                raw = [batch[place : place + 1].tobytes() for place in range(len(batch))]
                store.add(raw, model([texts[key] for key in raw]))
                done += len(raw)
            store.flush()
    finally:
        store.flush()
    return done


def as_keys(keys: Sequence[bytes]) -> Keys:
    """Keys as an array, (n,) S16."""
    return np.array(keys, f"S{KEY_BYTES}")


def slices(keys: Keys) -> Iterator[Keys]:
    """As many captions as a model gets at a time."""
    for start in range(0, len(keys), _TEXTS):
        yield keys[start : start + _TEXTS]
