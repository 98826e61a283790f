"""Edited photographs collected by yourself: a table of photograph, edited photograph and instruction.

Such as "photoshop request" threads: a table in CSV, TSV, JSONL, JSON or Parquet whose cells are paths below the
folder, or URLs. URLs are fetched while the index is built, into the cache beside the indexes, and kept there: a
build that was stopped goes on with what is missing, and one that failed at some can be told to try them again with
`round`. Private addresses are refused, queries of URLs are never shown.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import orjson
from pydantic import Field

from ...manifests.cache import cache_folder
from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.coco_values import is_id, is_text
from ..reading.edit_pairs import brief, instructions_in, is_there, resampled_twin
from ..reading.fetch import Fetcher, FetchLimits, cached_file, digest_of
from ..reading.json_stream import stream_json
from ..reading.parquet_rows import rows_of
from ..sample import Feature, FileBytes, Pair, Sample
from ..source import Entry, Reject, Source

_TABLES = tuple(f"pairs.{kind}" for kind in ("csv", "tsv", "jsonl", "json", "parquet"))
_CHUNK = 256
_MOST_LINE_BYTES = 1 << 20
_MOST_CELL_CHARACTERS = 100_000

_Row = tuple[str, Mapping[str, Any]]
"""A name for messages, and the row."""


class WildPairsOptions(Block):
    """Options of the wild pairs source."""

    file: str = Field("", description="the table, in the folder; empty: pairs.csv, .tsv, .jsonl, .json or .parquet")
    input: str = Field("input", min_length=1, description="column of the photograph: a path or a URL")
    edited: str = Field("edited", min_length=1, description="column of the edited photograph")
    instruction: str = Field("instruction", min_length=1, description="column of the instruction, or a list of them")
    id: str = Field("", description="column with an id; empty: the number of the row")
    separator: str = Field("", description="splits a cell into several instructions, such as ' | '; empty: one a cell")
    prefix: str = Field("", description="beginning to strip from paths, such as /mnt/data/pairs/")
    other_size: Literal["resample", "refuse"] = Field(
        "resample", description="what to do with an edited image that has the source's shape but another size"
    )
    most_megabytes: int = Field(64, ge=1, le=1024, description="of a fetched picture")
    tries: int = Field(3, ge=1, le=10, description="of each URL")
    parallel: int = Field(8, ge=1, le=64, description="URLs fetched at a time")
    seconds: float = Field(120, gt=0, le=3600, description="longest time for one try of one URL")
    allow_private: bool = Field(False, description="fetch from private, loopback and link-local addresses too")
    round: int = Field(0, ge=0, description="raise it to try the URLs again that failed before")


class WildPairs(Source):
    """A table of edits, of files or of URLs."""

    name = "wild_pairs"
    title = "Edits of your own (table of paths or URLs)"
    homepage = "https://github.com/cientgu/InstructDiffusion"
    license = "that of the pictures you list"
    splits = ("train", "val", "test")
    features = Feature.EDIT
    tree = """  wild_pairs/
    pairs.csv                                   (or .tsv, .jsonl, .json, .parquet; split val: pairs_val.csv …)
                                                columns input, edited, instruction (other names by options);
                                                cells are paths below this folder, or URLs"""
    options_type = WildPairsOptions

    def inputs(self) -> list[Path]:
        return [self._table(), self.path]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        options = self._options
        limits = FetchLimits(
            most_bytes=options.most_megabytes << 20,
            tries=options.tries,
            total_s=options.seconds,
            parallel=options.parallel,
            allow_private=options.allow_private,
        )
        rows = self._rows(reject)
        with Fetcher(_folder(), limits) as fetcher:
            while chunk := list(itertools.islice(rows, _CHUNK)):
                cells = [self._cells(row) for _, row in chunk]
                urls = [cell for pair in cells for cell in pair if _is_url(cell)]
                failed = fetcher.fetch_all(urls)
                for (name, row), pair in zip(chunk, cells, strict=True):
                    try:
                        yield self._entry(name, row, pair, failed)
                    except BadItem as fault:
                        reject(name, str(fault))

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        source, edited = (self._bytes(record[key]) for key in ("image", "edited"))
        twin = resampled_twin(source, edited) if self._options.other_size == "resample" else edited
        return Sample(entry_id, source, pair=Pair(twin, "edit", tuple(record["edit"])))

    @property
    def _options(self) -> WildPairsOptions:
        assert isinstance(self.options, WildPairsOptions)
        return self.options

    def _table(self) -> Path:
        if self._options.file:
            return self.require(self._options.file)
        mark = "" if self.split == "train" else f"_{self.split}"
        return self.require(*(name.replace("pairs.", f"pairs{mark}.") for name in _TABLES))

    def _bytes(self, pointer: Mapping[str, str]) -> FileBytes:
        if "fetched" in pointer:
            return FileBytes(cached_file(_folder(), pointer["fetched"]))
        return FileBytes(self.file(pointer["file"]))

    def _cells(self, row: Mapping[str, Any]) -> tuple[Any, Any]:
        return row.get(self._options.input), row.get(self._options.edited)

    def _entry(self, name: str, row: Mapping[str, Any], pair: tuple[Any, Any], failed: Mapping[str, str]) -> Entry:
        """The entry of one row.

        Raises:
            BadItem: a picture is missing, or there is no instruction.
        """
        options = self._options
        columns = (options.input, options.edited)
        image, edited = (self._pointer(cell, column, failed) for cell, column in zip(pair, columns, strict=True))
        given = row.get(options.instruction)
        if options.separator and isinstance(given, str):
            given = given.split(options.separator)
        edit = instructions_in(given)
        if not edit:
            raise BadItem(f"column {options.instruction!r} holds no instruction")
        own = row.get(options.id) if options.id else None
        if options.id and not is_text(own) and not is_id(own):
            raise BadItem(f"column {options.id!r} holds no id")
        record = {"image": image, "edited": edited, "edit": list(edit)}
        return Entry(str(own) if options.id else name, f"wild_pairs/{_photograph(image)}", Feature.EDIT, record)

    def _pointer(self, cell: Any, column: str, failed: Mapping[str, str]) -> dict[str, str]:
        """Where a picture lies: {"file": path} or {"fetched": digest of the URL}.

        Raises:
            BadItem: it is missing.
        """
        if not is_text(cell):
            raise BadItem(f"column {column!r} is empty")
        if _is_url(cell):
            if failed[cell]:
                raise BadItem(f"{column} {failed[cell]}")
            return {"fetched": digest_of(cell)}
        path = cell.removeprefix(self._options.prefix).replace("\\", "/")
        if not is_there(self.file(path)):
            raise BadItem(f"{column} {brief(path)} is missing")
        return {"file": path}

    def _rows(self, reject: Reject) -> Iterator[_Row]:
        table = self._table()
        kind = table.suffix.lower()
        readers = {".csv": self._delimited, ".tsv": self._delimited, ".jsonl": self._lines, ".json": self._items}
        if kind == ".parquet":
            return self._parquet(table)
        if kind not in readers:
            raise SourceLayoutError(f"{table} is neither .csv, .tsv, .jsonl, .json nor .parquet")
        return readers[kind](table, reject)

    def _wanted(self) -> list[str]:
        options = self._options
        return [name for name in (options.input, options.edited, options.instruction, options.id) if name]

    def _delimited(self, table: Path, reject: Reject) -> Iterator[_Row]:
        try:
            with table.open(encoding="utf-8-sig", newline="") as file:
                csv.field_size_limit(_MOST_CELL_CHARACTERS)
                reader = csv.DictReader(file, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
                there = reader.fieldnames or []
                for column in self._wanted():
                    if column not in there:
                        raise SourceLayoutError(f"{table} has no column {column!r}; there are: {', '.join(there)}")
                for number, row in enumerate(reader, 1):
                    yield f"{number:08d}", row
        except (UnicodeDecodeError, csv.Error) as fault:
            raise SourceLayoutError(f"{table} is no readable table ({fault}); save it as UTF-8") from fault

    def _lines(self, table: Path, reject: Reject) -> Iterator[_Row]:
        with table.open("rb") as file:
            for number in itertools.count(1):
                line = file.readline(_MOST_LINE_BYTES)
                if not line:
                    return
                if len(line) == _MOST_LINE_BYTES:
                    raise SourceLayoutError(f"{table}: line {number} is longer than {_MOST_LINE_BYTES} bytes")
                if not line.strip():
                    continue
                try:
                    row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
                except orjson.JSONDecodeError as fault:
                    reject(f"{number:08d}", f"line {number} of {table.name} is no JSON ({fault})")
                    continue
                yield f"{number:08d}", row if isinstance(row, dict) else {}

    def _items(self, table: Path, reject: Reject) -> Iterator[_Row]:
        for number, (_, row) in enumerate(stream_json(table), 1):
            yield f"{number:08d}", row if isinstance(row, dict) else {}

    def _parquet(self, table: Path) -> Iterator[_Row]:
        for number, (_, _, row) in enumerate(rows_of(table, self._wanted()), 1):
            yield f"{number:08d}", row


def _folder() -> Path:
    """Where fetched pictures are kept, for all tables."""
    return cache_folder() / "fetched"


def _is_url(cell: Any) -> bool:
    return is_text(cell) and "://" in cell


def _photograph(pointer: Mapping[str, str]) -> str:
    """Names the photograph: rows with the same path, or the same URL, show the same one."""
    return pointer["fetched"] if "fetched" in pointer else PurePosixPath(pointer["file"]).as_posix()
