"""Image bytes: what the header says, and 8-bit upright RGB pixels. Untrusted input throughout."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from . import png
from .errors import BadItem

RGB = NDArray[np.uint8]

MAX_PIXELS: Final = 120_000_000
"""Larger images are refused before any pixel is allocated (decompression bombs)."""

_PASSABLE = {("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGB"), ("PNG", "L"), ("WEBP", "RGB")}
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "JPEG2000")
"""Pillow knows more, some of which start other programs (EPS)."""
_PILLOW_FAULTS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_TO_RGB = {"RGB": cv2.COLOR_BGR2RGB, "L": cv2.COLOR_GRAY2RGB}
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What an image file's header says.

    Attributes:
        format: Pillow's name: "JPEG", "PNG", "GIF" …
        mode: Pillow's mode of the stored pixels: "RGB", "L", "P", "CMYK" …
        width, height: of the upright image, pixels, EXIF orientation applied.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
    """

    format: str
    mode: str
    width: int
    height: int
    orientation: int = 1

    @property
    def passable(self) -> bool:
        """Whether the file's own bytes may serve as an image column: a common form, upright, no alpha."""
        return self.orientation == 1 and (self.format, self.mode) in _PASSABLE


def read_header(data: bytes) -> ImageHeader:
    """Read the header and check that the file is whole, without decoding pixels.

    Raises:
        BadItem: empty, not an image, cut off, or more than `MAX_PIXELS`.
    """
    if not data:
        raise BadItem("image file is empty")
    header = _jpeg_header(data) if data.startswith(b"\xff\xd8\xff") else _pillow_header(data)
    _check_size(header.width, header.height)
    return header


def decode_rgb(data: bytes, header: ImageHeader | None = None) -> RGB:
    """Decode to upright RGB.

    Args:
        data: encoded JPEG, PNG, GIF, BMP, TIFF, WebP, PPM or JPEG 2000.
        header: from `read_header(data)` when at hand.

    Returns:
        (H, W, 3) uint8 in [0, 255]; EXIF orientation baked in; alpha over white; 16-bit grey scaled to 8 bits.

    Raises:
        BadItem: the pixels cannot be decoded, or the image is too large.
    """
    header = header or read_header(data)
    if header.format == "JPEG" and header.mode in ("RGB", "L"):
        try:
            return upright(simplejpeg.decode_jpeg(data, "RGB"), header.orientation)
        except ValueError:
            # libjpeg's warnings arrive as errors here; Pillow tells harmless ones from a cut-off file.
            return _pillow_rgb(data)
    if header.format == "PNG" and header.mode in ("RGB", "L") and png.is_plain(data) and not png.is_deep(data):
        with contextlib.suppress(BadItem):  # Pillow tells harmless damage from a cut-off file
            return upright(cv2.cvtColor(_plain_png(data), _TO_RGB[header.mode]), header.orientation)
    return _pillow_rgb(data)


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation (1 to 8) to (H, W, …) pixels; the result is contiguous."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows, columns = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return np.ascontiguousarray(pixels[::rows, ::columns])


def map_size(data: bytes) -> tuple[int, int]:
    """Width and height of a map that `read_map` reads, without reading its pixels.

    Raises:
        BadItem: not an image, cut off, or too large.
    """
    if not png.is_plain(data):
        header = read_header(data)
        return header.width, header.height
    _check_png_end(data)
    width, height = png.size(data)
    _check_size(width, height)
    return width, height


def read_map(data: bytes, order: Literal["RGB", "BGR"] = "RGB") -> NDArray[np.integer]:
    """Decode a label or depth map without touching its values: palette indices stay indices, 16 bits stay 16.

    Args:
        data: the file's content.
        order: of the channels of a map that has three; BGR spares a pass over a PNG.

    Returns:
        (H, W) or (H, W, 3) array, uint8, uint16 or int32 as stored; an alpha channel is left out.

    Raises:
        BadItem: not an image, cut off, too large, or of real numbers.
    """
    map_size(data)
    if png.is_plain(data):  # OpenCV is 2x faster
        decoded = _plain_png(data)
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB) if decoded.ndim == 3 and order == "RGB" else decoded
    try:
        with _quiet(), _open(data) as image:
            image.load()
            values = _stored_values(image, data)
    except _PILLOW_FAULTS as fault:
        raise BadItem(f"map image cannot be decoded: {fault}") from fault
    return np.ascontiguousarray(values[..., ::-1]) if values.ndim == 3 and order == "BGR" else values


def _plain_png(data: bytes) -> NDArray[np.uint8 | np.uint16]:
    """Pixels of a PNG that `png.is_plain`, grey or blue, green and red."""
    decoded = cv2.imdecode(np.frombuffer(png.unpack(data), np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise BadItem("map image cannot be decoded")
    return decoded


def _stored_values(image: Image.Image, data: bytes) -> NDArray[np.integer]:
    if image.mode in ("LA", "PA"):
        return np.array(image)[:, :, 0]
    values = np.array(image if image.mode in ("1", "L", "P", "RGB") or image.mode[0] in "IF" else image.convert("RGB"))
    if values.dtype.kind == "f":
        raise BadItem("map image holds real numbers; whole numbers are needed")
    if image.format == "PNG" and image.mode == "L":
        values //= {2: 85, 4: 17}.get(data[24], 1)  # Pillow spreads 2 and 4 bits of grey over 0 to 255
    return values.astype(np.uint8 if values.dtype.kind == "b" else values.dtype.newbyteorder("="), copy=False)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BadItem(f"image is {width}x{height}, over the limit of {MAX_PIXELS} pixels")
    if width < 1 or height < 1:
        raise BadItem(f"image is {width}x{height}")


def _check_png_end(data: bytes) -> None:
    if b"IEND" not in data[-1024:]:
        raise BadItem("PNG is truncated: it has no end chunk")


def _jpeg_header(data: bytes) -> ImageHeader:
    """Walk the JPEG markers up to the scan; far quicker than a full parse and enough to judge the file."""
    position, orientation, frame = 2, 1, None
    while True:
        if position + 4 > len(data) or data[position] != 0xFF:
            raise BadItem("JPEG header is broken or cut off")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = position + 4
        if marker in _START_OF_FRAME:
            frame = data[body : body + 6]
        elif marker == 0xE1 and data[body : body + 6] == b"Exif\x00\x00":
            orientation = _exif_orientation(data[body : position + 2 + length])
        position += 2 + length
        if marker == 0xDA:
            break
    if frame is None or len(frame) < 6:
        raise BadItem("JPEG has no frame header")
    if data.rfind(b"\xff\xd9", position) < 0:
        raise BadItem("JPEG is truncated: it has no end marker")
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    if orientation >= 5:
        height, width = width, height
    return ImageHeader("JPEG", {1: "L", 3: "RGB"}.get(frame[5], "CMYK"), width, height, orientation)


def _exif_orientation(segment: bytes) -> int:
    exif = Image.Exif()
    try:
        with _quiet():
            exif.load(segment)
            value = exif.get(_ORIENTATION_TAG, 1)
    except _PILLOW_FAULTS:
        return 1  # broken EXIF says nothing; the pixels may still be sound
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _pillow_header(data: bytes) -> ImageHeader:
    try:
        with _open(data) as image:
            orientation = _exif_orientation(image.info.get("exif", b"")) if "exif" in image.info else 1
            width, height = image.size if orientation < 5 else image.size[::-1]
            name = image.format or "unknown"
            mode = "RGBA" if "transparency" in image.info else image.mode
    except UnidentifiedImageError as fault:
        raise BadItem(f"not an image: the file begins with {data[:8]!r}") from fault
    except _PILLOW_FAULTS as fault:
        raise BadItem(f"image header is broken: {fault}") from fault
    if name == "PNG":
        _check_png_end(data)
    return ImageHeader(name, mode, width, height, orientation)


def _pillow_rgb(data: bytes) -> RGB:
    try:
        with _quiet(), _open(data) as image:
            orientation = _exif_orientation(image.info["exif"]) if "exif" in image.info else 1
            return upright(np.asarray(_to_rgb(image)), orientation)
    except _PILLOW_FAULTS as fault:
        raise BadItem(f"image cannot be decoded: {fault}") from fault


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        values = np.asarray(image)
        return Image.fromarray(np.clip(values >> 8, 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _open(data: bytes) -> Image.Image:
    with _quiet():
        try:
            return Image.open(io.BytesIO(data), formats=_FORMATS)
        except Image.DecompressionBombError as bomb:
            raise BadItem(f"image is too large to be opened safely, over the limit of {MAX_PIXELS} pixels") from bomb


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns of sizes and EXIF oddities that are judged here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
