"""The index: a dataset's annotation files parsed once into memory-mapped Arrow that all workers share."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from ..manifests.errors import OutputError, SourceLayoutError
from .sample import Sample
from .source import Entry, Source

_BATCH = 1024
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image_key", pa.string()),
        ("features", pa.uint32()),
        ("categories", pa.list_(pa.int32())),
        ("record", pa.binary()),
    ]
)


def cache_folder() -> Path:
    """Where indexes live: `TASKPAINT_CACHE`, else `taskpaint` in the user's cache folder."""
    home = os.environ.get("TASKPAINT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) if home else Path(base) / "taskpaint"


@dataclass(frozen=True)
class IndexReject:
    """An annotation that the index left out."""

    id: str
    reason: str


@dataclass
class SourceIndex:
    """A source and its memory-mapped entries.

    Attributes:
        source: the reader, its header filled in.
        digest: names the content of the annotation files; part of a build's identity.
        file: where the index lies.
    """

    source: Source
    digest: str
    file: Path
    _batches: list[pa.RecordBatch] = field(default_factory=list)

    def __post_init__(self) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(self.file)))
        self._batches = [reader.get_batch(position) for position in range(reader.num_record_batches)]
        metadata = reader.schema.metadata or {}
        self.source.header = json.loads(_side_file(self.file, "header").read_text(encoding="utf-8"))
        self._rows = int(metadata.get(b"rows", sum(len(batch) for batch in self._batches)))

    def __len__(self) -> int:
        return self._rows

    def rejects(self) -> list[IndexReject]:
        """Annotations that were left out while indexing."""
        lines = _side_file(self.file, "rejects").read_text(encoding="utf-8").splitlines()
        return [IndexReject(**json.loads(line)) for line in lines]

    def features(self) -> NDArray[np.uint32]:
        """(rows,) bit mask of `Feature` for every entry."""
        return np.concatenate([np.zeros(0, np.uint32), *(batch["features"].to_numpy() for batch in self._batches)])

    def image_keys(self) -> Iterator[str]:
        """The photograph of every entry, in order."""
        for batch in self._batches:
            yield from batch["image_key"].to_pylist()

    def ids(self) -> Iterator[str]:
        """The id of every entry, in order."""
        for batch in self._batches:
            yield from batch["id"].to_pylist()

    def with_any_category(self, wanted: set[int]) -> NDArray[np.bool_]:
        """(rows,) whether an entry holds at least one of the wanted classes."""
        found = []
        for batch in self._batches:
            lists = batch["categories"]
            hits = np.isin(lists.values.to_numpy(zero_copy_only=False), list(wanted))
            offsets = lists.offsets.to_numpy()
            counts = np.concatenate([[0], np.cumsum(hits)])
            found.append(counts[offsets[1:]] > counts[offsets[:-1]])
        return np.concatenate([np.zeros(0, bool), *found])

    def key_and_id(self, row: int) -> tuple[str, str]:
        """Photograph and id of one entry."""
        batch, position = self._batches[row // _BATCH], row % _BATCH
        return batch["image_key"][position].as_py(), batch["id"][position].as_py()

    def sample(self, row: int) -> Sample:
        """The Sample of one entry.

        Raises:
            BadItem: its record does not hold.
        """
        batch, position = self._batches[row // _BATCH], row % _BATCH
        record = orjson.loads(memoryview(batch["record"][position].as_buffer()))
        return self.source.sample(batch["id"][position].as_py(), record)


def open_index(source: Source, on_progress: Callable[[int], None] | None = None) -> SourceIndex:
    """Open a source's index, building it first when no cached one fits the files.

    Args:
        source: the reader.
        on_progress: called with the number of entries read so far.

    Raises:
        SourceLayoutError: files are missing or broken, or there is nothing in them.
        OutputError: the cache folder cannot be written.
    """
    digest = _digest(source)
    file = cache_folder() / "index" / f"{source.name}-{digest[:24]}.arrow"
    if not file.exists():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _build(source, file, on_progress or (lambda count: None))
        except OSError as fault:
            raise OutputError(
                f"the annotation index cannot be written to {file.parent}: {fault.strerror}; "
                "set TASKPAINT_CACHE to a writable folder"
            ) from fault
    index = SourceIndex(source, digest, file)
    if not len(index):
        raise SourceLayoutError(f"source {source.name}: split {source.split} in {source.path} holds no images")
    return index


def _build(source: Source, file: Path, on_progress: Callable[[int], None]) -> None:
    rejects: list[dict[str, str]] = []
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            pending: list[Entry] = []
            count = 0
            for entry in source.scan(lambda item, reason: rejects.append({"id": item, "reason": reason})):
                pending.append(entry)
                if len(pending) == _BATCH:
                    writer.write_batch(_batch(pending))
                    count += len(pending)
                    pending = []
                    on_progress(count)
            if pending:
                writer.write_batch(_batch(pending))
        lines = "".join(json.dumps(reject) + "\n" for reject in rejects)
        _side_file(file, "rejects").write_text(lines, encoding="utf-8")
        _side_file(file, "header").write_text(json.dumps(source.header), encoding="utf-8")
        part.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _batch(entries: list[Entry]) -> pa.RecordBatch:
    columns = [
        [entry.id for entry in entries],
        [entry.image_key for entry in entries],
        [int(entry.features) for entry in entries],
        [list(entry.categories) for entry in entries],
        [orjson.dumps(entry.record) for entry in entries],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _side_file(file: Path, what: str) -> Path:
    return file.with_suffix(f".{what}.json")


def _digest(source: Source) -> str:
    identity = [source.name, source.reader_version, source.split, source.options.model_dump(mode="json")]
    digest = hashlib.sha256(json.dumps(identity).encode())
    for path in source.inputs():
        digest.update(str(path.relative_to(source.path)).encode())
        if path.is_dir():
            for name in _listing(path):
                digest.update(name.encode(errors="surrogateescape") + b"\n")
        else:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _listing(folder: Path) -> list[str]:
    """Relative paths of all files below a folder, sorted."""
    found = []
    for base, folders, files in os.walk(folder):
        folders.sort()
        found += [os.path.relpath(Path(base) / name, folder) for name in files]
    return sorted(found)
