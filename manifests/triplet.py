"""Triplet, the one record of taskpaint, and its Arrow schema."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

_ID = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_SUFFIXES = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"RIFF": "webp"}

TEXT_COLUMNS = (
    "edit_prompt",
    "task",
    "template_id",
    "params",
    "annotation",
    "source_dataset",
    "source_split",
    "source_id",
    "image_key",
    "license",
)
IMAGE_COLUMNS = ("input_image", "edited_image")
COLUMNS = ("id", *IMAGE_COLUMNS, *TEXT_COLUMNS, "width", "height")


@dataclass(frozen=True, slots=True)
class Triplet:
    """One instruction with its source and its target image.

    Attributes:
        id: unique in the dataset; letters, digits and single `-` only, so that neither webdataset (which
            splits at dots) nor musubi-tuner (which splits at `_`) misreads it.
        input_image: the source, encoded (JPEG, PNG or WebP) bytes.
        edited_image: the target, encoded bytes; decodes to the same size as the source.
        edit_prompt: the instruction.
        task: the task's registered name.
        template_id: which template of which bank.
        params: JSON object; what the instruction asked for and what decoding needs.
        annotation: JSON object; the ground truth that the target encodes.
        source_dataset, source_split, source_id: where the photograph comes from.
        image_key: names the photograph itself, the same in every dataset that reuses it.
        license: of the source.
        width, height: of both images, pixels.

    Raises:
        ValueError: a field that breaks one of these promises.
    """

    id: str
    input_image: bytes
    edited_image: bytes
    edit_prompt: str
    task: str
    template_id: str
    params: str
    annotation: str
    source_dataset: str
    source_split: str
    source_id: str
    image_key: str
    license: str
    width: int
    height: int

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id {self.id!r} may hold only letters, digits and single '-' between them")
        for name in IMAGE_COLUMNS:
            image_suffix(getattr(self, name))
        if not self.edit_prompt.strip():
            raise ValueError(f"edit_prompt of {self.id} is empty")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"size of {self.id} is {self.width}x{self.height}; both must be at least 1")
        for name in ("params", "annotation"):
            value = getattr(self, name)
            if not (value.startswith("{") and value.endswith("}")):
                raise ValueError(f"{name} of {self.id} is no JSON object: {value[:40]!r}")

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Triplet:
        """Read a row as Parquet gives it: image columns are dicts with `bytes` and `path`."""
        images = {name: row[name]["bytes"] for name in IMAGE_COLUMNS}
        return cls(**{name: images.get(name, row[name]) for name in COLUMNS})


def image_suffix(data: bytes) -> str:
    """File suffix that fits encoded image bytes: `jpg`, `png` or `webp`.

    Raises:
        ValueError: the bytes are none of these.
    """
    for magic, suffix in _SUFFIXES.items():
        if data.startswith(magic) and (suffix != "webp" or data[8:12] == b"WEBP"):
            return suffix
    raise ValueError(f"image bytes begin with {data[:4]!r}; expected JPEG, PNG or WebP")


def clean_id(text: str) -> str:
    """Turn any text into the letters, digits and single `-` that an id may hold."""
    return _UNSAFE.sub("-", text).strip("-")


@functools.cache
def triplet_schema() -> pa.Schema:
    """Arrow schema of the record, with the metadata from which `datasets` restores the features."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types: dict[str, pa.DataType] = {"id": pa.string(), **dict.fromkeys(IMAGE_COLUMNS, image)}
    types |= dict.fromkeys(TEXT_COLUMNS, pa.string())
    types |= {"width": pa.int32(), "height": pa.int32()}
    metadata = {"huggingface": json.dumps({"info": {"features": huggingface_features()}})}
    return pa.schema([pa.field(name, types[name]) for name in COLUMNS], metadata=metadata)


def huggingface_features() -> dict[str, Any]:
    """The record's features as `datasets` writes them; mode RGB so that palette PNG opens as 8-bit RGB."""
    features: dict[str, Any] = {name: {"dtype": "string", "_type": "Value"} for name in COLUMNS}
    features |= {name: {"mode": "RGB", "_type": "Image"} for name in IMAGE_COLUMNS}
    features |= {name: {"dtype": "int32", "_type": "Value"} for name in ("width", "height")}
    return features


def to_batch(triplets: Iterable[Triplet]) -> pa.RecordBatch:
    """Pack triplets into one Arrow record batch of `triplet_schema()`."""
    rows = list(triplets)
    arrays: list[pa.Array] = []
    for field in triplet_schema():
        values = [getattr(row, field.name) for row in rows]
        if field.name in IMAGE_COLUMNS:
            role = "input" if field.name == "input_image" else "target"
            paths = [f"{row.id}-{role}.{image_suffix(value)}" for row, value in zip(rows, values, strict=True)]
            binary = _binary_array(values)
            arrays.append(pa.StructArray.from_arrays([binary, pa.array(paths, pa.string())], fields=field.type))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=triplet_schema())


def _binary_array(values: list[bytes]) -> pa.BinaryArray:
    """Like `pa.array(values)`, but each byte is copied once; a builder would grow its buffer, and copy, many times.

    The memory is Arrow's own, which keeps it from one batch to the next. Python's would go back to the system, and
    cost a page fault every 4 KiB: eight times the copying.
    """
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    data = pa.allocate_buffer(int(offsets[-1]))
    flat = memoryview(data).cast("B")
    for start, value in zip(offsets.tolist(), values, strict=False):
        flat[start : start + len(value)] = value
    return pa.BinaryArray.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(offsets), data])
