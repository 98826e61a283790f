"""The floor: the same triplets as taskpaint's, from one plain loop a pipeline and the quickest calls known.

No framework, no checks, no randomness, no templates; choices and places are at hand already as `Item`s. What
remains is what the output cannot do without: read the photo, draw, encode, and write the same Parquet columns.
`speed.py` checks that images and annotations come out byte for byte as taskpaint's do, so neither side leaves out
work that the other does.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, floor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import simplejpeg
from isal import isal_zlib
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

ROW_GROUP_ROWS = 64
OPACITY = 0.5
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("input_image", _IMAGE),
        ("edited_image", _IMAGE),
        ("edit_prompt", pa.string()),
        ("task", pa.string()),
        ("template_id", pa.string()),
        ("params", pa.string()),
        ("annotation", pa.string()),
        ("source_dataset", pa.string()),
        ("source_split", pa.string()),
        ("source_id", pa.string()),
        ("image_key", pa.string()),
        ("license", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ]
)
Image = NDArray[np.uint8]
Row = tuple[bytes, bytes, dict[str, Any], dict[str, Any]]
"""Source image, target image, params, annotation."""


@dataclass(frozen=True, slots=True)
class Item:
    """One triplet's facts, chosen and parsed beforehand.

    Attributes:
        id: of the triplet.
        file: the photograph.
        size: its width and height, pixels.
        crop: the part shown; left, top, right, bottom.
        out: width and height of the output; the photo's when nothing changes.
        names: of the class, or of the joints.
        colors: RGB of each, in the same order.
        polygons: COCO segmentations of the class's objects, still JSON, as any index would have to keep them.
        points: centres of the discs of each joint, output pixels.
        visibility: of each of these points, as COCO has it.
        radius: of the discs, pixels.
        lossless: the marks would not survive JPEG; what would be JPEG is PNG.
    """

    id: str
    file: str
    size: tuple[int, int]
    crop: tuple[int, int, int, int]
    out: tuple[int, int]
    names: Sequence[str]
    colors: Sequence[tuple[int, int, int]]
    polygons: bytes = b"[]"
    points: Sequence[Sequence[tuple[float, float]]] = ()
    visibility: Sequence[Sequence[int]] = ()
    radius: float = 0.0
    lossless: bool = False


def overlay(items: Sequence[Item], file: Path) -> None:
    """A class under a half-transparent colour, over the photo."""
    with _Writer(file, "segmentation") as writer:
        for item in items:
            data = _read(item.file)
            photo = _sized(item, simplejpeg.decode_jpeg(data, "RGB"))
            rle, mask = _class_mask(item)
            left, top, width, height = cv2.boundingRect(mask)
            target = photo.copy()
            part = target[top : top + height, left : left + width]
            coat = cv2.LUT(part, _coat(item.colors[0]))
            cv2.copyTo(coat, mask[top : top + height, left : left + width], part)
            source = data if item.out == item.size else _photo(photo, item)
            writer.add(item, source, _photo(target, item), *_region(item, rle))


def mask(items: Sequence[Item], file: Path) -> None:
    """A class in a colour on black; pixels of the photo are only touched when it is resized."""
    with _Writer(file, "segmentation") as writer:
        for item in items:
            data = _read(item.file)
            rle, index = _class_mask(item)
            source = data
            if item.out != item.size:
                source = _jpeg(_sized(item, simplejpeg.decode_jpeg(data, "RGB")))
            writer.add(item, source, _two_color_png(index, item.colors[0]), *_region(item, rle))


def disc(items: Sequence[Item], file: Path) -> None:
    """Joints as opaque discs, on the photo."""
    with _Writer(file, "keypoints") as writer:
        for item in items:
            data = _read(item.file)
            photo = _sized(item, simplejpeg.decode_jpeg(data, "RGB"))
            target = photo.copy()
            for points, color in zip(item.points, item.colors, strict=True):
                for point in points:
                    _stamp(target, point, item.radius, color)
            source = data if item.out == item.size else _photo(photo, item)
            writer.add(item, source, _photo(target, item), *_joints(item))


PIPELINES: dict[str, Callable[[Sequence[Item], Path], None]] = {"overlay": overlay, "mask": mask, "disc": disc}


def publish(file: Path) -> str:
    """What makes a closed file a finished shard: on disk whatever happens, under its name only when whole, and with the
    SHA-256 that a manifest keeps. Timed apart, since the Parquet file itself is closed without it."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    file.replace(file.with_suffix(".done"))
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return digest


class _Writer:
    """Rows to one Parquet file of the form that a dataset needs: images as they are, text compressed, a page index and
    page edges that follow the content; no statistics, no checksum."""

    def __init__(self, file: Path, task: str) -> None:
        self._writer = pq.ParquetWriter(
            file,
            _SCHEMA,
            compression=_CODECS,
            use_dictionary=["task", "template_id", "source_dataset", "source_split", "license"],
            write_statistics=False,
            write_page_index=True,
            write_batch_size=4,
            use_content_defined_chunking={"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024},
        )
        self._task = task
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, item: Item, source: bytes, target: bytes, params: bytes, annotation: bytes) -> None:
        """Take a row; every 64 make a row group."""
        images = ({"bytes": source, "path": f"{item.id}-input.jpg"}, {"bytes": target, "path": f"{item.id}-target.jpg"})
        words = (f"Paint the {item.names[0]}.", self._task, "template", params, annotation)
        origin = ("coco", "train2017", item.id, f"coco/{item.id}", "CC BY 4.0")
        self._rows.append((item.id, *images, *words, *origin, *item.out))
        if len(self._rows) == ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, _SCHEMA, strict=True)]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
            self._rows.clear()


_CODECS = {name: "zstd" for name in _SCHEMA.names if "image" not in name} | {
    f"{image}_image.{leaf}": codec
    for image in ("input", "edited")
    for leaf, codec in (("bytes", "none"), ("path", "zstd"))
}


def _read(file: str) -> bytes:
    with open(file, "rb") as opened:  # noqa: PTH123 - quicker than Path
        return opened.read()


def _sized(item: Item, photo: Image) -> Image:
    """Cropped and resized as taskpaint does: area averaging to shrink, cubic to grow."""
    if item.out == item.size:
        return photo
    left, top, right, bottom = item.crop
    shrinks = item.out[0] <= right - left and item.out[1] <= bottom - top
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(photo[top:bottom, left:right], item.out, interpolation=how)


def _class_mask(item: Item) -> tuple[dict[str, Any], Image]:
    """Run lengths and pixels of all objects of a class, at output size, exactly as the COCO API has them."""
    width, height = item.size
    parts = [coco_mask.frPyObjects(region, height, width) for region in orjson.loads(item.polygons)]
    rle = coco_mask.merge([one for part in parts for one in (part if isinstance(part, list) else [part])])
    pixels = cv2.transpose(coco_mask.decode(rle).T)  # pycocotools decodes column-major
    if item.out == item.size:
        return rle, pixels
    left, top, right, bottom = item.crop
    pixels = cv2.resize(pixels[top:bottom, left:right], item.out, interpolation=cv2.INTER_NEAREST_EXACT)
    return coco_mask.encode(cv2.transpose(pixels).T), pixels


@cache
def _coat(rgb: tuple[int, int, int]) -> Image:
    levels = np.arange(256, dtype=np.float64)[:, None]
    return np.rint(levels + OPACITY * (np.array(rgb) - levels)).astype(np.uint8)[None]


def _stamp(image: Image, center: tuple[float, float], radius: float, rgb: tuple[int, int, int]) -> None:
    """A disc to a fraction of a pixel; cv2.circle rounds centre and radius."""
    x, y = center
    height, width = image.shape[:2]
    left, right = max(0, ceil(x - radius)), min(width, floor(x + radius) + 1)
    top, bottom = max(0, ceil(y - radius)), min(height, floor(y + radius) + 1)
    across, down = np.arange(left, right) - x, np.arange(top, bottom) - y
    inside = np.add.outer(down * down, across * across) <= radius * radius
    image[top:bottom, left:right][inside] = rgb


def _region(item: Item, rle: dict[str, Any]) -> tuple[bytes, bytes]:
    target = {"name": item.names[0], "color": "color", "rgb": item.colors[0]}
    params = {"style": "overlay", "opacity": OPACITY, "targets": [target], "section": "overlay", "slots": {}}
    size = [item.out[1], item.out[0]]
    region = {
        "name": item.names[0],
        "rle": {"size": size, "counts": rle["counts"].decode()},
        "area": int(coco_mask.area(rle)),
    }
    return orjson.dumps(params), orjson.dumps({"size": size, "regions": [region]})


def _joints(item: Item) -> tuple[bytes, bytes]:
    targets = [{"joint": name, "color": "color", "rgb": rgb} for name, rgb in zip(item.names, item.colors, strict=True)]
    params = {"style": "disc", "radius": item.radius, "targets": targets, "section": "disc", "slots": {}}
    points = [
        {"joint": name, "xy": xy, "visibility": seen}
        for name, xy, seen in zip(item.names, item.points, item.visibility, strict=True)
    ]
    return orjson.dumps(params), orjson.dumps({"size": [item.out[1], item.out[0]], "points": points})


def _photo(rgb: Image, item: Item) -> bytes:
    return _png_up(rgb) if item.lossless else _jpeg(rgb)


def _jpeg(rgb: Image) -> bytes:
    return simplejpeg.encode_jpeg(rgb, 95, "RGB", colorsubsampling="444", fastdct=False)


def _two_color_png(index: Image, rgb: tuple[int, int, int]) -> bytes:
    height, width = index.shape
    packed = np.packbits(index, axis=1)
    rows = np.zeros((height, 1 + packed.shape[1]), np.uint8)  # the first byte names the filter: none
    rows[:, 1:] = packed
    return _png(width, height, 1, 3, _chunk(b"PLTE", bytes((0, 0, 0, *rgb))), rows)


def _png_up(rgb: Image) -> bytes:
    height, width, _ = rgb.shape
    flat = rgb.reshape(height, width * 3)
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = 2  # the filter "up"
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    return _png(width, height, 8, 2, b"", rows)


def _png(width: int, height: int, depth: int, color: int, palette: bytes, rows: Image) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    data = _chunk(b"IDAT", isal_zlib.compress(rows, 1))
    return b"\x89PNG\r\n\x1a\n" + header + palette + data + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
