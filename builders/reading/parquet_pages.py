"""One binary cell of a Parquet file by reading only the page that holds it.

pyarrow reads a column of a whole row group at a time: hundreds of megabytes for one picture when rows are visited in
shuffled order. The format lets one do better: a column chunk is a run of pages, each with a header that tells how
many values and bytes follow, so walking the headers once finds every row's page. In a page that is not compressed,
as `datasets` has written pictures since version 4, only the wanted bytes are touched. Whatever is not understood
here (other encodings, nested lists, other codecs) raises PageFault, and the caller lets pyarrow read it.

Source: the Parquet format specification (apache/parquet-format: README, Encodings, parquet.thrift) and Thrift's
compact protocol.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_PLAIN, _PLAIN_DICTIONARY, _RLE, _RLE_DICTIONARY = 0, 2, 3, 8
_CODECS: Final = {"SNAPPY": "snappy", "GZIP": "gzip", "ZSTD": "zstd", "BROTLI": "brotli"}
_MOST_HEADER_BYTES = 1 << 20
_MOST_PAGE_BYTES = 1 << 30
_FAULTS = (pa.ArrowException, OSError, ValueError, IndexError, KeyError, TypeError, struct.error, OverflowError)


class PageFault(Exception):
    """The page cannot be read this way; pyarrow may still manage, or say what is wrong."""


@dataclass(frozen=True, slots=True)
class _Page:
    """A page. first_row: the row of its first value; start: where its bytes begin; fields: its header."""

    first_row: int
    values: int
    kind: int
    start: int
    fields: dict[int, Any]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A column chunk: a column of one row group."""

    pages: tuple[_Page, ...]
    dictionary: _Page | None
    codec: str
    most_nesting: int


def read_bytes_cell(opened: pq.ParquetFile, file: Path, column: str, group: int, row: int) -> bytes | None:
    """The bytes in one cell of a binary column that holds one value a row; None when it is null.

    Args:
        opened: the file's metadata.
        file: its path.
        column: dotted path of the leaf: "image.bytes".
        group, row: counted from 0, the row within its group.

    Raises:
        PageFault: it cannot be read this way.
    """
    try:
        chunk = _chunk(opened, file, column, group)
        page = next(page for page in reversed(chunk.pages) if page.first_row <= row)
        return _value(_mapped(file), page, chunk, row - page.first_row)
    except StopIteration as fault:
        raise PageFault("the chunk has no pages") from fault
    except _FAULTS as fault:
        raise PageFault(str(fault)) from fault


def _mapped(file: Path) -> memoryview:
    """The file's bytes, none of them read until they are looked at; unmapped when the last view of them goes."""
    with file.open("rb") as handle:
        return memoryview(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ))


def _value(content: memoryview, page: _Page, chunk: _Chunk, place: int) -> bytes | None:
    """The value at a place of a page."""
    levels, encoding, data = _page_body(content, page, chunk)
    if not 0 <= place < page.values:
        raise PageFault("no such row")
    if levels is not None:
        if levels[place] < chunk.most_nesting:
            return None
        place = int((levels[:place] == chunk.most_nesting).sum())
    if encoding == _PLAIN:
        return _plain(data, place)
    if encoding not in (_PLAIN_DICTIONARY, _RLE_DICTIONARY) or chunk.dictionary is None:
        raise PageFault(f"encoding {encoding}")
    indices = _runs(data[1:], data[0], place + 1)
    entries = _unpacked(content, chunk.dictionary, chunk.codec)
    return _plain(entries, int(indices[place]))


def _chunk(opened: pq.ParquetFile, file: Path, column: str, group: int) -> _Chunk:
    schema = opened.schema
    places = {schema.column(position).path: position for position in range(len(schema))}
    if column not in places or group >= opened.metadata.num_row_groups:
        raise PageFault("no such column or row group")
    leaf, position = schema.column(places[column]), places[column]
    meta = opened.metadata.row_group(group).column(position)
    if leaf.max_repetition_level or meta.physical_type != "BYTE_ARRAY":
        raise PageFault("a column of lists, or not of bytes")
    if meta.compression not in _CODECS and meta.compression != "UNCOMPRESSED":
        raise PageFault(f"codec {meta.compression}")
    starts = [meta.data_page_offset, meta.dictionary_page_offset]
    start = min(offset for offset in starts if offset)
    pages = _walk(file, file.stat().st_mtime_ns, start, start + meta.total_compressed_size)
    data = tuple(page for page in pages if page.kind in (_DATA, _DATA_V2))
    dictionary = next((page for page in pages if page.kind == _DICTIONARY), None)
    return _Chunk(data, dictionary, meta.compression, leaf.max_definition_level)


@lru_cache(maxsize=1024)
def _walk(file: Path, changed_ns: int, start: int, end: int) -> tuple[_Page, ...]:
    """All pages of a chunk, as long as the file was not changed."""
    pages, row = [], 0
    content = _mapped(file)
    while start < end:
        # a header is as long as it is; statistics may blow it up, but not beyond this
        fields, length = _thrift_struct(content[start : min(end, start + _MOST_HEADER_BYTES)], 0)
        kind, packed = fields[1], fields[3]
        if packed < 0 or start + length + packed > min(end, len(content)):
            raise PageFault("a page leads out of its chunk")
        values = int(fields.get({_DATA: 5, _DATA_V2: 8}.get(kind, 0), {}).get(1, 0))
        pages.append(_Page(row, values, kind, start + length, fields))
        row += values
        start += length + packed
    return tuple(pages)


def _page_body(content: memoryview, page: _Page, chunk: _Chunk) -> tuple[NDArray[np.int64] | None, int, memoryview]:
    """Definition levels (None when the column is never null), encoding, and the encoded values."""
    width = chunk.most_nesting.bit_length()
    if page.kind == _DATA:
        header, body, start = page.fields[5], _unpacked(content, page, chunk.codec), 0
        levels = None
        if width:
            if header[3] != _RLE:
                raise PageFault("levels in another encoding")
            start = 4 + int.from_bytes(body[:4], "little")
            levels = _runs(body[4:start], width, page.values)
        return levels, header[2], body[start:]
    header = page.fields[8]
    body = content[page.start : page.start + page.fields[3]]
    repetition, definition = header[6], header[5]
    start = repetition + definition
    levels = _runs(body[repetition:start], width, page.values) if width else None
    values = body[start:]
    if header.get(7, True):
        values = _inflate(values, page.fields[2] - start, chunk.codec)
    return levels, header[4], values


def _unpacked(content: memoryview, page: _Page, codec: str) -> memoryview:
    return _inflate(content[page.start : page.start + page.fields[3]], page.fields[2], codec)


def _inflate(data: memoryview, size: int, codec: str) -> memoryview:
    if not 0 <= size <= _MOST_PAGE_BYTES:
        raise PageFault("an absurd page size")
    if codec == "UNCOMPRESSED" or not size:
        return data
    return memoryview(pa.Codec(_CODECS[codec]).decompress(pa.py_buffer(data), size, asbytes=True))


def _plain(data: memoryview, place: int) -> bytes:
    """The value at a place of PLAIN byte arrays: each is its length in 4 bytes, then its bytes."""
    start = 0
    for _ in range(place):
        start += 4 + int.from_bytes(data[start : start + 4], "little")
    length = int.from_bytes(data[start : start + 4], "little")
    value = bytes(data[start + 4 : start + 4 + length])
    if start + 4 > len(data) or len(value) != length:
        raise PageFault("a value leads out of its page")
    return value


def _runs(data: memoryview, width: int, count: int) -> NDArray[np.int64]:
    """The first `count` numbers of `width` bits in the hybrid of run lengths and bit packing."""
    parts: list[NDArray[np.int64]] = []
    position, found = 0, 0
    while found < count:
        header, position = _varint(data, position)
        if header & 1:
            size = (header >> 1) * width
            packed = np.frombuffer(data[position : position + size], np.uint8)
            bits = np.unpackbits(packed, bitorder="little")
            rows = bits[: len(bits) // width * width].reshape(-1, width) if width else np.zeros((count, 1), np.uint8)
            part = rows.astype(np.int64) @ (1 << np.arange(rows.shape[1], dtype=np.int64))
        else:
            size = (width + 7) // 8
            value = int.from_bytes(data[position : position + size], "little")
            part = np.full(min(header >> 1, count - found), value, np.int64)
        if not len(part):
            raise PageFault("an empty run")
        parts.append(part)
        found += len(part)
        position += size
    return np.concatenate(parts)[:count]


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise PageFault("a number of more than 64 bits")


def _thrift_struct(data: memoryview, position: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """A struct of Thrift's compact protocol as {field id: value}, and where it ends.

    Raises:
        IndexError: the data ends first.
    """
    if depth > 8:
        raise PageFault("headers nested too deeply")
    fields: dict[int, Any] = {}
    last = 0
    while True:
        head = data[position]
        position += 1
        if not head:
            return fields, position
        kind, delta = head & 0x0F, head >> 4
        if delta:
            last += delta
        else:
            raw, position = _varint(data, position)
            last = _zigzag(raw)
        fields[last], position = _thrift_value(data, position, kind, depth)


def _thrift_value(data: memoryview, position: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return kind == 1, position
    if kind in (4, 5, 6):
        raw, position = _varint(data, position)
        return _zigzag(raw), position
    if kind == 8:
        length, position = _varint(data, position)
        if position + length > len(data):
            raise PageFault("a text leads out of its header")
        return None, position + length  # statistics, which nobody asks for
    if kind == 12:
        return _thrift_struct(data, position, depth + 1)
    raise PageFault(f"a header field of kind {kind}")


def _zigzag(raw: int) -> int:
    return (raw >> 1) ^ -(raw & 1)
