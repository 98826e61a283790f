"""Photographs in and out with the quickest calls known: simplejpeg, OpenCV, ISA-L."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import simplejpeg
from isal import isal_zlib
from numpy.typing import NDArray

from .item import Item

Image = NDArray[np.uint8]


def read(file: str) -> bytes:
    """A file's bytes."""
    with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - quicker than Path
        return opened.readall()


def decoded(data: bytes) -> Image:
    """(H, W, 3) uint8 RGB of a JPEG or PNG."""
    if data[:2] == b"\xff\xd8":
        return simplejpeg.decode_jpeg(data, "RGB")
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


def sized(item: Item, photo: Image) -> Image:
    """Cropped and resized as taskpaint does: area averaging to shrink, cubic to grow."""
    if item.is_native:
        return photo
    left, top, right, bottom = item.crop
    shrinks = item.out[0] <= right - left and item.out[1] <= bottom - top
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(photo[top:bottom, left:right], item.out, interpolation=how)


def sized_map(item: Item, values: NDArray[Any]) -> NDArray[Any]:
    """The same of a map whose values are not blended."""
    if item.is_native:
        return values
    left, top, right, bottom = item.crop
    return cv2.resize(values[top:bottom, left:right], item.out, interpolation=cv2.INTER_NEAREST_EXACT)


def opened(item: Item) -> tuple[bytes, Image]:
    """The photograph's file, and its pixels at output size."""
    data = read(item.file)
    return data, sized(item, decoded(data))


def source_of(item: Item, data: bytes, photo: Image) -> bytes:
    """The source image: the file as it is, or its pixels anew when it was resized."""
    return data if item.is_native else encoded(photo, item)


def encoded(rgb: Image, item: Item) -> bytes:
    """A photograph as the row wants it."""
    return png_up(rgb) if item.lossless else jpeg(rgb)


def jpeg(rgb: Image) -> bytes:
    """Quality 95, 4:4:4."""
    return simplejpeg.encode_jpeg(rgb, 95, "RGB", colorsubsampling="444", fastdct=False)


def two_color_png(index: Image, rgb: tuple[int, int, int]) -> bytes:
    """(H, W) of 0 and 1 as black and a colour, a bit a pixel."""
    height, width = index.shape
    packed = np.packbits(index, axis=1)
    rows = np.zeros((height, 1 + packed.shape[1]), np.uint8)  # the first byte names the filter: none
    rows[:, 1:] = packed
    return _png(width, height, 1, 3, _chunk(b"PLTE", bytes((0, 0, 0, *rgb))), rows)


def palette_png(index: Image, palette: Image) -> bytes:
    """(H, W) positions in a palette of more than two colours, a byte a pixel."""
    height, width = index.shape
    rows = np.empty((height, 1 + width), np.uint8)
    rows[:, 0] = 0
    rows[:, 1:] = index
    return _png(width, height, 8, 3, _chunk(b"PLTE", palette.tobytes()), rows)


def png_up(rgb: Image) -> bytes:
    """A photograph without loss, with the filter "up"."""
    height, width, _ = rgb.shape
    flat = rgb.reshape(height, width * 3)
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = 2
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    return _png(width, height, 8, 2, b"", rows)


def _png(width: int, height: int, depth: int, color: int, palette: bytes, rows: Image) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    data = _chunk(b"IDAT", isal_zlib.compress(rows, 1))
    return b"\x89PNG\r\n\x1a\n" + header + palette + data + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
