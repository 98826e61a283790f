"""One part: from a stretch of input to vectors and keys on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import ItemError
from ...manifests.images import decode_rgb
from ..scorer import Embedder
from .inputs import Stretch
from .layout import Part, ReferenceFolder, write_array, write_whole
from .pictures import pictures_of
from .vectors import Dtype, load_embeddings, picture_keys, stored, unusable_reason, usable

_ROWS_AT_ONCE: Final = 16_384
_BATCHES_AHEAD: Final = 3

Embed = Callable[[NDArray[Any]], NDArray[np.float32]]
"""From a stack of prepared pictures to vectors, as `Embedder.open` gives it."""


@dataclass
class _Gathered:
    """What a part has so far. blocks: vectors as stored; digests: of their pictures."""

    dtype: Dtype
    blocks: list[NDArray[Any]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)
    least: float = float("inf")
    squares: float = 0.0
    most: float = 0.0
    rounding: float = 0.0

    def add(self, vectors: NDArray[Any]) -> None:
        """Take in finite vectors."""
        if len(vectors):
            rounded, lengths, errors = stored(vectors, self.dtype)
            self.blocks.append(rounded)
            self.least, self.most = min(self.least, lengths.min()), max(self.most, lengths.max())
            self.squares += float(np.sum(lengths**2))
            self.rounding += float(np.sum(errors**2))

    def reject(self, where: str, reason: str) -> None:
        """Note an item that gives no vector."""
        self.rejects.append({"where": where, "reason": reason})

    def write(self, folder: ReferenceFolder, name: str, dim: int) -> Part:
        """Write the part's files and, last, its record."""
        vectors = np.concatenate(self.blocks) if self.blocks else np.empty((0, dim), self.dtype)
        write_array(folder.vectors(name), vectors)
        if self.digests:
            write_array(folder.keys(name), picture_keys(self.digests))
        return self.note(folder, name, len(vectors))

    def note(self, folder: ReferenceFolder, name: str, rows: int) -> Part:
        """Write rejects and record of a part whose vectors are there."""
        lines = "".join(json.dumps(reject, ensure_ascii=False) + "\n" for reject in self.rejects)
        write_whole(folder.rejects(name), lambda opened: opened.write(lines.encode("utf-8", "backslashreplace")))
        with folder.vectors(name).open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        least = float(self.least) if rows else 0.0
        norms = [least, self.squares, float(self.most)]
        part = Part(name, rows, sha256, bool(self.digests), len(self.rejects), norms, self.rounding)
        folder.note(part)
        return part


def embed_part(
    folder: ReferenceFolder,
    name: str,
    stretch: Stretch,
    embedder: Embedder,
    embed: Embed,
    dtype: Dtype,
    batch_size: int,
    threads: int,
    on_items: Callable[[int], None],
) -> Part:
    """Decode and embed the pictures of a stretch.

    Raises:
        UsageError: the type cannot hold the vectors.
        OSError: the disk is full or cannot be written.
    """
    gathered = _Gathered(dtype)
    for batch in _prepared(stretch, embedder, batch_size, threads):
        good = [(where, array, digest) for where, array, digest in batch if not isinstance(array, str)]
        for where, array, _ in batch:
            if isinstance(array, str):
                gathered.reject(where, array)
        if good:
            vectors = embed(np.stack([array for _, array, _ in good]))
            kept = usable(vectors)
            gathered.add(vectors[kept])
            gathered.digests += [digest for (_, _, digest), keep in zip(good, kept, strict=True) if keep]
            for place in np.flatnonzero(~kept):
                gathered.reject(good[place][0], unusable_reason(vectors[place]))
        on_items(len(batch))
    return gathered.write(folder, name, embedder.dim)


def take_part(
    folder: ReferenceFolder, name: str, stretch: Stretch, dtype: Dtype, link: bool, on_items: Callable[[int], None]
) -> Part:
    """Take over ready embeddings.

    Args:
        link: leave the file where it is, when the stretch is the whole of it, every row is sound and it is of `dtype`;
            a file that is not so is copied without the unsound rows.

    Raises:
        UsageError: the type cannot hold the vectors.
        OSError: the disk is full or cannot be written.
    """
    file, gathered = stretch.files[0], _Gathered(dtype)
    array = load_embeddings(file)
    linked = link and array.dtype == dtype and stretch.start == 0 and stretch.stop == len(array)
    for start in range(stretch.start, stretch.stop, _ROWS_AT_ONCE):
        block = np.array(array[start : min(start + _ROWS_AT_ONCE, stretch.stop)])
        kept = usable(block)
        gathered.add(block[kept])
        for place in np.flatnonzero(~kept):
            gathered.reject(f"{file}, row {start + place}", unusable_reason(block[place]))
        if linked and not gathered.rejects:
            gathered.blocks.clear()  # counted, and not to be written
        elif linked:
            return take_part(folder, name, stretch, dtype, False, on_items)
    on_items(stretch.stop - stretch.start)
    if linked:
        _link(file, folder.vectors(name))
        return gathered.note(folder, name, stretch.stop)
    return gathered.write(folder, name, array.shape[1])


def _link(file: Path, at: Path) -> None:
    at.unlink(missing_ok=True)
    at.symlink_to(file.resolve())


def adopt_part(source: ReferenceFolder, old: Part, target: ReferenceFolder, name: str) -> Part:
    """Take a finished part of another reference: the same file where the file system can, else a copy."""
    pairs = [(source.vectors(old.name), target.vectors(name))]
    if old.keyed:
        pairs.append((source.keys(old.name), target.keys(name)))
    for there, here in pairs:
        here.unlink(missing_ok=True)
        if there.is_symlink():
            here.symlink_to(there.resolve())
            continue
        try:
            os.link(there, here)
        except OSError:
            unfinished = here.with_name(f".{here.name}.part")
            shutil.copyfile(there, unfinished)
            unfinished.replace(here)
    write_whole(target.rejects(name), lambda opened: opened.write(b""))
    adopted = replace(old, name=name, rejects=0)
    target.note(adopted)
    return adopted


def _prepared(
    stretch: Stretch, embedder: Embedder, batch_size: int, threads: int
) -> Iterator[list[tuple[str, NDArray[Any] | str, bytes]]]:
    """Batches of (name, prepared picture or why there is none, digest), decoded in threads ahead of the device.

    Threads do, where builds need processes: the decoders and OpenCV release the interpreter's lock.
    """

    def prepare(where: str, data: bytes | str) -> tuple[str, NDArray[Any] | str, bytes]:
        if isinstance(data, str):
            return where, data, b""
        try:
            return where, embedder.prepare(decode_rgb(data)), hashlib.sha256(data).digest()
        except ItemError as fault:
            return where, str(fault), b""

    ahead: deque[Future[tuple[str, NDArray[Any] | str, bytes]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for where, data in pictures_of(stretch):
                ahead.append(pool.submit(prepare, where, data))
                if len(ahead) >= batch_size * _BATCHES_AHEAD:
                    yield [ahead.popleft().result() for _ in range(batch_size)]
            while ahead:
                yield [ahead.popleft().result() for _ in range(min(batch_size, len(ahead)))]
        finally:
            for future in ahead:
                future.cancel()
