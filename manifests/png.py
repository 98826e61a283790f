"""PNG checked and unpacked before libpng sees it, which tells of every oddity on the user's terminal."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
from isal import isal_zlib

from .errors import BadItem

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3}
"""Colour type -> samples a pixel: grey and RGB."""
_LONGEST_SIDE: Final = 1_000_000
"""What libpng reads at the most; a longer side is left to other decoders."""
_HIGHEST_FILTER: Final = 4
_BLOCK: Final = 0xFFFF


def is_plain(data: bytes) -> bool:
    """Whether this is a PNG of 8 or 16-bit grey or RGB, not interlaced, that `unpack` takes."""
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33:
        return False
    width, height, depth, color, _, _, interlaced = _header(data)
    return depth in (8, 16) and color in _CHANNELS and not interlaced and max(width, height) <= _LONGEST_SIDE


def is_deep(data: bytes) -> bool:
    """Whether a PNG that `is_plain` has 16 bits a sample."""
    return _header(data)[2] == 16


def size(data: bytes) -> tuple[int, int]:
    """Width and height that the header of a PNG that `is_plain` says."""
    width, height, *_ = _header(data)
    return width, height


def unpack(data: bytes) -> bytes:
    """The same picture as a PNG of header and uncompressed pixels alone.

    Reading it is no slower than reading the original, since isal inflates several times quicker than libpng's zlib.
    Colour profiles, gamma and transparent colours are left out.

    Args:
        data: a PNG that `is_plain`.

    Raises:
        BadItem: it is cut off, a checksum of header or pixels is wrong, or the pixels are not those of the header.
    """
    width, height, depth, color, compression, filtering, _ = _header(data)
    if compression or filtering:
        raise BadItem("PNG is broken: its header names an unknown compression or filter method")
    row = 1 + width * _CHANNELS[color] * depth // 8
    rows = _inflate(b"".join(_pixel_chunks(data)), row * height)
    if np.frombuffer(rows, np.uint8)[::row].max() > _HIGHEST_FILTER:
        raise BadItem("PNG is broken: a row has an unknown filter")
    return b"".join((_SIGNATURE, data[8:33], *_chunk(b"IDAT", _stored(rows)), *_chunk(b"IEND", [])))


def _header(data: bytes) -> tuple[int, ...]:
    """Width, height, bit depth, colour type, compression, filter and interlace method."""
    return struct.unpack_from(">IIBBBBB", data, 16)


def _pixel_chunks(data: bytes) -> Iterator[bytes]:
    """The bodies of the IDAT chunks; what a reader may leave out is passed over unchecked, as libpng does."""
    position, kind = 8, b""
    while kind != b"IEND":
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            raise BadItem("PNG is cut off")
        if kind in (b"IHDR", b"IDAT") and data[end : end + 4] != _checksum(data[position + 4 : end]):
            raise BadItem(f"PNG is damaged: the checksum of its {kind.decode()} chunk is wrong")
        if kind == b"IDAT":
            yield data[position + 8 : end]
        elif kind[:1].isupper() and kind not in (b"IHDR", b"PLTE", b"IEND"):
            raise BadItem(f"PNG is broken: it has an unknown chunk {kind!r}")
        position = end + 4


def _inflate(packed: bytes, size: int) -> memoryview:
    """The first `size` bytes of a zlib stream; nothing larger is ever held."""
    stream = isal_zlib.decompressobj()
    try:
        found = stream.decompress(packed, size + 1)
    except isal_zlib.error as fault:  # type: ignore[misc]  # isal's stub takes the class for an instance
        raise BadItem(f"PNG is damaged: its pixels cannot be unpacked: {fault}") from fault
    if len(found) < size or not (stream.eof or len(found) > size):
        raise BadItem("PNG is damaged: it has fewer pixels than its header says")
    return memoryview(found)[:size]


def _stored(rows: memoryview) -> list[bytes | memoryview]:
    """A zlib stream that is not compressed, in parts: blocks of at most 65,535 bytes."""
    starts = range(0, len(rows), _BLOCK)
    blocks = [rows[start : start + _BLOCK] for start in starts]
    heads = [struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ _BLOCK) for block in blocks]
    parts = [part for pair in zip(heads, blocks, strict=True) for part in pair]
    return [b"\x78\x01", *parts, struct.pack(">I", isal_zlib.adler32(rows))]


def _chunk(kind: bytes, body: list[bytes | memoryview]) -> list[bytes | memoryview]:
    checksum = isal_zlib.crc32(kind)
    for part in body:
        checksum = isal_zlib.crc32(part, checksum)
    return [struct.pack(">I", sum(map(len, body))), kind, *body, struct.pack(">I", checksum)]


def _checksum(kind_and_body: bytes) -> bytes:
    return struct.pack(">I", isal_zlib.crc32(kind_and_body))
