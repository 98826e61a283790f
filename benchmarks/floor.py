"""The floor: the same triplets as taskpaint's, from one plain loop a pipeline and the quickest calls known.

No framework, no checks, no randomness, no templates; annotations and choices are at hand already as `Item`s. What
remains is what the output cannot do without: read the photo, draw, encode, and write the same Parquet columns.
`speed.py` checks that images and annotations come out byte for byte as taskpaint's do, so neither side leaves out
work that the other does.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
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
        polygons: COCO segmentations of the class's objects.
        points: centres of the discs of each joint, output pixels.
        visibility: of each of these points, as COCO has it.
        radius: of the discs, pixels.
        lossless: the marks would not survive JPEG, so both images are written as PNG.
    """

    id: str
    file: str
    size: tuple[int, int]
    crop: tuple[int, int, int, int]
    out: tuple[int, int]
    names: Sequence[str]
    colors: Sequence[tuple[int, int, int]]
    polygons: Sequence[Any] = ()
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
            source = data if item.out == item.size and not item.lossless else _photo(photo, item)
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
            source = data if item.out == item.size and not item.lossless else _photo(photo, item)
            writer.add(item, source, _photo(target, item), *_joints(item))


PIPELINES: dict[str, Callable[[Sequence[Item], Path], None]] = {"overlay": overlay, "mask": mask, "disc": disc}


class _Writer:
    """Rows to one Parquet file: images stored as they are, text compressed, nothing else that takes time."""

    def __init__(self, file: Path, task: str) -> None:
        self._writer = pq.ParquetWriter(
            file,
            _SCHEMA,
            compression={name: "zstd" for name in ("params.list", "annotation", "params", "edit_prompt")} | _IMAGE_CODECS,
            use_dictionary=["task", "template_id", "source_dataset", "source_split", "license"],
            write_statistics=False,
        )
        self._task = task
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()
