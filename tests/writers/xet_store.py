"""A stand-in for the Hub's Xet storage: reads the xorbs and shards that the real client uploads back into files.

Formats: huggingface.co/docs/xet, "Xorb format" and "Shard format", version 1. Chunks are stored as they are or as LZ4
frames; what the store keeps of a file is its content, put together from the terms that its shard lists.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

import pyarrow as pa

_ENTRY = 48
_HEADER = 48
_VERIFIED, _DESCRIBED = 1 << 31, 1 << 30
_BOOKEND = b"\xff" * 32


class XetStore:
    """Xorbs by hash, and the files that shards have put together from them, by SHA-256."""

    def __init__(self) -> None:
        self.xorbs: dict[str, list[bytes]] = {}
        self.files: dict[str, bytes] = {}
        self.uploaded = 0

    def add_xorb(self, name: str, data: bytes) -> bool:
        """Keep a xorb; returns whether it is new."""
        new = name not in self.xorbs
        self.xorbs[name] = list(_chunks(data))
        self.uploaded += len(data)
        return new

    def add_shard(self, data: bytes) -> list[str]:
        """Put the files of a shard together; returns their SHA-256.

        Raises:
            KeyError: it names a xorb that was never uploaded.
            ValueError: a file's content is not what the shard says.
        """
        assert struct.unpack_from("<Q", data, 32) == (2,), "another version of the shard format"
        place, found = _HEADER, []
        while (start := data[place : place + 32]) != _BOOKEND:
            flags, count = struct.unpack_from("<II", data, place + 32)
            assert flags & _DESCRIBED, f"file {_name(start)} comes without its SHA-256"
            terms = [self._term(data, place + _ENTRY * (1 + number)) for number in range(count)]
            place += _ENTRY * (1 + count * (2 if flags & _VERIFIED else 1))
            digest = _name(data[place : place + 32])
            place += _ENTRY
            content = b"".join(terms)
            if hashlib.sha256(content).hexdigest() != digest:
                raise ValueError(f"the content of {digest} is another one")
            self.files[digest] = content
            found.append(digest)
        return found

    def _term(self, data: bytes, place: int) -> bytes:
        size, first, stop = struct.unpack_from("<III", data, place + 36)
        content = b"".join(self.xorbs[_name(data[place : place + 32])][first:stop])
        assert len(content) == size
        return content


def _name(raw: bytes) -> str:
    """A hash as text: four little-endian numbers of 64 bits."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def _chunks(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data) and data[place : place + 7] != b"XETBLOB":  # a footer may follow
        version, packed, scheme, size = _chunk_header(data[place : place + 8])
        assert version == 0
        body = data[place + 8 : place + 8 + packed]
        content = body if scheme == 0 else pa.decompress(body, size, "lz4", asbytes=True)
        yield _ungrouped(content) if scheme == 2 else content
        place += 8 + packed


def _chunk_header(raw: bytes) -> tuple[int, int, int, int]:
    return raw[0], int.from_bytes(raw[1:4], "little"), raw[4], int.from_bytes(raw[5:8], "little")


def _ungrouped(data: bytes) -> bytes:
    """Undo the grouping of every fourth byte."""
    out, place = bytearray(len(data)), 0
    for first in range(4):
        count = len(range(first, len(data), 4))
        out[first::4] = data[place : place + count]
        place += count
    return bytes(out)
