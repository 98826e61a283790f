"""Encoded image bytes of a row -> a small picture that a page can carry as a data URI."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..codecs import encode_jpeg

# What Pillow raises for bytes that are no image or a broken one.
_DECODE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error)
_JPEG_QUALITY = 85
_MAX_PALETTE = 256
# A drawn target is made of areas: most pixels equal their right-hand neighbour. A grey photograph stored as
# PNG has no more than 256 colours either, but there about one pixel in ten does.
_FLAT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ready for the page.

    Attributes:
        uri: data URI of the shrunk picture; empty when the image did not open.
        width, height: of the image in the dataset, pixels; 0 when it did not open.
        flat: the picture holds exact palette colours and should be enlarged without smoothing.
        problem: why the image did not open; empty when it did.
    """

    uri: str = ""
    width: int = 0
    height: int = 0
    flat: bool = False
    problem: str = ""


def make_picture(image: Any, longest_px: int) -> Picture:
    """Shrink one image cell of the dataset.

    Args:
        image: what the image column holds: a dict with `bytes` and `path`, or None.
        longest_px: the longest side of the result; smaller images keep their size.

    Returns:
        Flat targets as palette PNG shrunk without mixing colours, everything else as JPEG 4:4:4 quality 85.
        An image that does not open gives a Picture whose `problem` says why.
    """
    data = image.get("bytes") if isinstance(image, dict) else None
    if not data:
        path = image.get("path") if isinstance(image, dict) else None
        return Picture(problem=f"the row holds no image bytes, only the path {path}" if path else "no image")
    try:
        with Image.open(io.BytesIO(data)) as opened:
            lossless = opened.format not in ("JPEG", "MPO")
            decoded = ImageOps.exif_transpose(opened).convert("RGB")
    except (*_DECODE_ERRORS, Image.DecompressionBombError) as error:
        return Picture(problem=_reason(error, data))
    size = fit_size(decoded.size, longest_px)
    indexed = _as_palette(decoded) if lossless else None
    if indexed is not None:
        return _finish(indexed.resize(size, Image.Resampling.NEAREST), decoded.size, flat=True)
    if size != decoded.size:
        decoded_small = decoded.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        return _finish(decoded_small, decoded.size, flat=False)
    return _finish(decoded, decoded.size, flat=False)


def fit_size(size_wh: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Size in the same proportions whose longest side is at most `longest_px`, each side at least 1."""
    scale = min(1.0, longest_px / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def _as_palette(image: Image.Image) -> Image.Image | None:
    """The same pixels as a palette image, or None when the image is no flat drawing."""
    if image.getcolors(_MAX_PALETTE) is None:
        return None
    pixels = np.asarray(image).astype(np.uint32)
    codes = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    if codes.shape[1] > 1 and float(np.mean(codes[:, 1:] == codes[:, :-1])) < _FLAT_SHARE:
        return None
    colours, index = np.unique(codes, return_inverse=True)
    indexed = Image.fromarray(index.reshape(codes.shape).astype(np.uint8))
    palette = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)
    indexed.putpalette(palette.tobytes())
    return indexed


def _finish(picture: Image.Image, original_size: tuple[int, int], *, flat: bool) -> Picture:
    if flat:
        stream = io.BytesIO()
        picture.save(stream, "PNG", optimize=True)
        data = stream.getvalue()
    else:
        data = encode_jpeg(np.asarray(picture.convert("RGB")), _JPEG_QUALITY)
    media = "png" if flat else "jpeg"
    uri = f"data:image/{media};base64,{base64.b64encode(data).decode('ascii')}"
    return Picture(uri, *original_size, flat=flat)


def _reason(error: BaseException, data: bytes) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"{len(data)} bytes that are no image"
    return " ".join(str(error).split())[:160] or type(error).__name__
