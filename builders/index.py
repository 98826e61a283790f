"""The index: a dataset's annotation files parsed once into memory-mapped Arrow that all workers share."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from ..manifests.cache import cache_folder
from ..manifests.errors import OutputError, SourceLayoutError
from ..manifests.folder import replacing
from ..manifests.locks import wait_for
from .sample import Sample
from .source import Entry, Reject, Source

_BATCH = 1024
_CONTENTS_AT_THE_END = (".zip", ".parquet")
"""Containers of pictures, too large to be read whole at every start; each ends with a table of what it holds, with
checksums (zip) or offsets and statistics (Parquet)."""
_TAIL_BYTES = 8 << 20
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image_key", pa.string()),
        ("features", pa.uint32()),
        ("record", pa.binary()),
    ]
)


@dataclass(frozen=True)
class IndexReject:
    """An annotation that the index left out."""

    id: str
    reason: str


class _Values:
    """Byte strings of a column, as they lie in memory; an Arrow scalar takes ten times as long."""

    def __init__(self, column: pa.Array) -> None:
        _, ends, data = column.buffers()
        self._ends = memoryview(ends).cast("i")[column.offset :]
        self._data = memoryview(b"" if data is None else data)

    def __getitem__(self, row: int) -> memoryview:
        return self._data[self._ends[row] : self._ends[row + 1]]


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
    _columns: list[tuple[_Values, _Values, _Values]] = field(default_factory=list)

    def __post_init__(self) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(self.file)))
        self._batches = [reader.get_batch(position) for position in range(reader.num_record_batches)]
        self._columns = [
            (_Values(batch["image_key"]), _Values(batch["id"]), _Values(batch["record"])) for batch in self._batches
        ]
        self.source.header = json.loads(_side_file(self.file, "header").read_text(encoding="utf-8"))
        self._rows = sum(len(batch) for batch in self._batches)

    def __len__(self) -> int:
        return self._rows

    def rejects(self) -> list[IndexReject]:
        """Annotations that were left out while indexing."""
        lines = _side_file(self.file, "rejects").read_text(encoding="utf-8").splitlines()
        return [IndexReject(**json.loads(line)) for line in lines]

    def features(self) -> NDArray[np.uint32]:
        """(rows,) bit mask of `Feature` for every entry."""
        columns = [batch["features"].to_numpy() for batch in self._batches]
        return np.concatenate([np.zeros(0, np.uint32), *columns])

    def image_keys(self) -> Iterator[str]:
        """The photograph of every entry, in order."""
        for batch in self._batches:
            yield from batch["image_key"].to_pylist()

    def ids(self) -> Iterator[str]:
        """The id of every entry, in order."""
        for batch in self._batches:
            yield from batch["id"].to_pylist()

    def key_and_id(self, row: int) -> tuple[str, str]:
        """Photograph and id of one entry."""
        keys, ids, _ = self._columns[row // _BATCH]
        return str(keys[row % _BATCH], "utf-8"), str(ids[row % _BATCH], "utf-8")

    def sample(self, row: int) -> Sample:
        """The Sample of one entry.

        Raises:
            BadItem: its record does not hold.
        """
        _, ids, records = self._columns[row // _BATCH]
        record = orjson.loads(records[row % _BATCH])
        return self.source.sample(str(ids[row % _BATCH], "utf-8"), record)


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
    if not _is_built(file):
        with _one_builder(file):  # of all processes that share the cache; the others wait here
            if not _is_built(file):
                _build(source, file, on_progress or (lambda count: None))
    index = SourceIndex(source, digest, file)
    if not len(index):
        raise SourceLayoutError(_nothing_in(index))
    return index


def _is_built(file: Path) -> bool:
    return all(part.exists() for part in (file, _side_file(file, "header"), _side_file(file, "rejects")))


@contextlib.contextmanager
def _one_builder(file: Path) -> Iterator[None]:
    """Wait until no other process builds this index. Where a file system has no locks it may be built twice: that costs
    time, nothing else."""
    with _cache_errors(file):
        locks = file.parent.parent / "locks"
        for folder in (file.parent, locks):
            folder.mkdir(parents=True, exist_ok=True)
        handle = (locks / file.stem).open("a+")
    with handle:
        try:
            wait_for(handle)
        except OSError as fault:
            if fault.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
        yield


@contextlib.contextmanager
def _cache_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise OutputError(
            f"the annotation index cannot be written to {file.parent}: {fault.strerror}; "
            "set TASKPAINT_CACHE to a writable folder"
        ) from fault


def _nothing_in(index: SourceIndex) -> str:
    source, rejects = index.source, index.rejects()
    start = f"source {source.name}: split {source.split} in {source.path} holds no images"
    if rejects:
        first = f"{rejects[0].id}: {rejects[0].reason}"
        start += f" that can be used ({len(rejects)} rejects, the first is {first})"
    return f"{start}; expected is\n{source.tree}"


def _build(source: Source, file: Path, on_progress: Callable[[int], None]) -> None:
    rejects: list[str] = []

    def reject(item: str, reason: str) -> None:
        rejects.append(json.dumps({"id": _printable(item), "reason": _printable(reason)}) + "\n")

    entries = _storable(source.scan(reject), reject)
    with _cache_errors(file), replacing(file) as part:
        _write_entries(entries, part, on_progress)
        for what, text in (("rejects", "".join(rejects)), ("header", json.dumps(source.header))):
            with replacing(_side_file(file, what)) as side:
                side.write_text(text, encoding="utf-8")


def _write_entries(entries: Iterator[Entry], file: Path, on_progress: Callable[[int], None]) -> None:
    count = 0
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
        while pending := list(islice(entries, _BATCH)):
            writer.write_batch(_batch(pending))
            count += len(pending)
            on_progress(count)


def _storable(entries: Iterator[Entry], reject: Reject) -> Iterator[Entry]:
    """Entries that Arrow and JSON can hold, each id once; the others become rejects."""
    seen: set[str] = set()
    while True:
        try:
            entry = next(entries, None)
        except OSError as fault:
            name = fault.filename or "a file of the dataset"
            raise SourceLayoutError(f"{name} cannot be read: {fault.strerror}") from fault
        if entry is None:
            return
        if reason := _unstorable(entry, seen):
            reject(entry.id, reason)
        else:
            seen.add(entry.id)
            yield entry


def _unstorable(entry: Entry, seen: set[str]) -> str:
    if entry.id in seen:
        return "another image of the split has the same id"
    try:
        orjson.dumps([entry.id, entry.image_key, entry.record])
    except TypeError as fault:  # text that is no valid Unicode, a number of more than 64 bits
        return f"the entry cannot be stored: {fault}"
    return ""


def _printable(text: str) -> str:
    """Text without the lone surrogates that stand for undecodable file names."""
    return text.encode("utf-8", "backslashreplace").decode()


def _batch(entries: list[Entry]) -> pa.RecordBatch:
    columns = [
        [entry.id for entry in entries],
        [entry.image_key for entry in entries],
        [int(entry.features) for entry in entries],
        [orjson.dumps(entry.record) for entry in entries],
    ]
    arrays = [pa.array(values, column.type) for values, column in zip(columns, _SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _side_file(file: Path, what: str) -> Path:
    return file.with_suffix(f".{what}.json")


def _digest(source: Source) -> str:
    identity = [source.name, source.reader_version, source.split, source.options.model_dump(mode="json")]
    digest = hashlib.sha256(json.dumps(identity).encode())
    try:
        for path in source.inputs():
            inside = path.is_relative_to(source.path)
            name = path.relative_to(source.path) if inside else path.name
            digest.update(str(name).encode(errors="surrogateescape"))
            _digest_content(path, digest)
    except OSError as fault:
        raise SourceLayoutError(
            f"source {source.name}: {fault.filename or source.path} cannot be read: {fault.strerror}"
        ) from fault
    return digest.hexdigest()


def _digest_content(path: Path, digest: hashlib._Hash) -> None:
    if path.is_dir():
        for name in _listing(path):
            digest.update(name.encode(errors="surrogateescape") + b"\n")
        return
    with path.open("rb") as file:
        if path.suffix.lower() in _CONTENTS_AT_THE_END:
            size = file.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            file.seek(max(0, size - _TAIL_BYTES))
        digest.update(hashlib.file_digest(file, "sha256").digest())


def _listing(folder: Path) -> list[str]:
    """Relative paths of all files below a folder, sorted.

    Raises:
        OSError: a folder cannot be listed.
    """

    def refuse(fault: OSError) -> None:
        raise fault

    found = []
    for base, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        found += [os.path.relpath(Path(base) / name, folder) for name in files]
    return sorted(found)
