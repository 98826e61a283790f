"""Encode target pixels: palette PNG for flat pictures, JPEG 4:4:4 or PNG for photographs with marks.

Both PNG forms use one filter and a fast deflate (ISA-L level 1), many times quicker than Pillow at a like size;
`docs/performance.md` has the figures.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
import simplejpeg
from isal import isal_zlib
from numpy.typing import NDArray

from ..manifests.images import RGB
from ..manifests.recipe import Output
from ..manifests.target import FileTarget, FlatTarget, SameTarget, Target

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_LEVEL: Final = 1


def encode_target(target: Target, photograph: bytes, output: Output) -> bytes:
    """Encode a target as its kind asks for.

    Args:
        target: what the task drew.
        photograph: the encoded photograph, which is the target too when nothing was painted.
        output: the recipe's `output` block.
    """
    if isinstance(target, SameTarget):
        return photograph
    if isinstance(target, FileTarget):
        return target.data
    if isinstance(target, FlatTarget):
        return encode_palette_png(target.index, target.palette)
    if target.lossless or output.photo_format == "png":
        return encode_png(target.rgb)
    return encode_jpeg(target.rgb, output.jpeg_quality)


def encode_source(rgb: RGB, output: Output, *, lossless: bool) -> bytes:
    """Encode a source image whose own bytes cannot be passed through.

    Args:
        rgb: (H, W, 3) uint8, upright, at output size.
        output: the recipe's `output` block.
        lossless: it came from a lossless file at its own size, or its target can only be read against exact pixels.
    """
    if lossless or output.photo_format == "png":
        return encode_png(rgb)
    return encode_jpeg(rgb, output.jpeg_quality)


def encode_jpeg(rgb: RGB, quality: int) -> bytes:
    """JPEG without chroma subsampling. rgb: (H, W, 3) uint8; quality: 1 to 100."""
    return bytes(
        simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality, "RGB", colorsubsampling="444", fastdct=False)
    )


def encode_png(rgb: RGB) -> bytes:
    """RGB PNG with the "up" filter on every row. rgb: (H, W, 3) uint8."""
    height, width, _ = rgb.shape
    flat = np.ascontiguousarray(rgb).reshape(height, width * 3)
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = 2
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    return _png(width, height, 8, 2, b"", rows)


def encode_palette_png(index: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Palette PNG without filter.

    Args:
        index: (H, W) uint8, all below len(palette).
        palette: (N, 3) uint8, 1 to 256 colours.

    Raises:
        ValueError: the palette is empty or too long.
    """
    if not 1 <= len(palette) <= 256:
        raise ValueError(f"a palette has 1 to 256 colours, not {len(palette)}")
    height, width = index.shape
    depth = 1 if len(palette) <= 2 else 8
    if depth == 1:
        packed = np.packbits(index, axis=1)
        rows = np.zeros((height, 1 + packed.shape[1]), np.uint8)
        rows[:, 1:] = packed
    else:
        rows = np.zeros((height, 1 + width), np.uint8)
        rows[:, 1:] = index
    return _png(width, height, depth, 3, _chunk(b"PLTE", palette.tobytes()), rows)


def _png(width: int, height: int, depth: int, color: int, extra: bytes, rows: NDArray[np.uint8]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    data = isal_zlib.compress(rows, _LEVEL)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), extra, _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)))
