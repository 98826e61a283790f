"""Mosaic Data Shards: what MosaicML's `streaming` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ...manifests.errors import OutputError
from ...manifests.folder import write_json
from ...manifests.triplet import COLUMNS, Triplet
from ..export import Destination, Export, Part, Written, triplets
from ._files import code, guide, whole_file

ENCODINGS: Final = {
    **dict.fromkeys(COLUMNS, "str"),
    "input_image": "jpeg",
    "edited_image": "png",
    "params": "json",
    "annotation": "json",
    "width": "int",
    "height": "int",
}
"""Column -> encoding. The reader opens "jpeg" and "png" alike, by content, so that any picture may stand in both."""

_NAMES: Final = sorted(ENCODINGS)
_SIZES: Final = {"int": 8}
_MOST_BYTES: Final = 2**32


class Mds(Export):
    """`shard.NNNNN.mds` and index.json, version 2, without compression.

    A shard is: uint32 number of samples n, n + 1 uint32 offsets, the columns as JSON, the samples. A sample is: a
    uint32 size for every column that has no fixed one, then the values. All little-endian, columns by name.

    Source: mosaicml/streaming streaming/base/format/mds/writer.py, `encode_sample` and `encode_joint_shard`;
    encodings.py.
    """

    name = "mds"
    summary = "MDS shards and index.json, all columns"
    trainer = "mosaicml-streaming: StreamingDataset(local=DEST/SPLIT)"
    text_to_image = "kept"

    def write(self, place: Destination, part: Part, batches: Iterator[pa.RecordBatch]) -> Written:
        """One shard; its offsets are filled in last."""
        file = place.root / part.split / _shard_name(part)
        head = json.dumps(_columns(), sort_keys=True).encode()
        offsets = np.zeros(part.rows + 1, np.uint64)
        offsets[0] = 4 + offsets.size * 4 + len(head)
        with whole_file(file) as opened:
            opened.seek(4 + offsets.size * 4)
            opened.write(head)
            for number, row in enumerate(triplets(batches), 1):
                sample = _sample(row)
                opened.writelines(sample)
                offsets[number] = offsets[number - 1] + sum(map(len, sample))
            if offsets[-1] >= _MOST_BYTES:
                raise OutputError(f"{file} would pass 4 GiB, which an MDS shard cannot; give a smaller --shard-size")
            opened.seek(0)
            opened.write(np.uint32(part.rows).tobytes() + offsets.astype("<u4").tobytes())
        size = file.stat().st_size
        return Written(1, size, {place.relative(file): size})

    def finish(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> None:
        """An index.json in every split, then the README.md."""
        for split, parts in splits.items():
            shards = [_shard(part, (place.root / split / _shard_name(part)).stat().st_size) for part in parts]
            write_json(place.root / split / "index.json", {"version": 2, "shards": shards})
        super().finish(place, splits)

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md that reads the first split."""
        read = (
            "from streaming import StreamingDataset\n\n"
            f"rows = StreamingDataset(local={place.seen(next(iter(splits)))!r}, shuffle=True, batch_size=8)\n"
            "rows[0]['input_image'].convert('RGB'), rows[0]['edit_prompt'], rows[0]['edited_image'].convert('RGB')"
        )
        text = guide(
            "Mosaic Data Shards",
            code(read, "python"),
            "Pictures are stored as they are and open as PIL images; targets of flat colors have a palette, so "
            "`convert('RGB')` belongs to reading.",
        )
        return {"README.md": text}


def _shard_name(part: Part) -> str:
    return f"shard.{part.number:05d}.mds"


def _columns() -> dict[str, Any]:
    """What the head of a shard says, and its entry in the index too."""
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": None,
        "column_names": _NAMES,
        "column_encodings": [ENCODINGS[name] for name in _NAMES],
        "column_sizes": [_SIZES.get(ENCODINGS[name]) for name in _NAMES],
    }


def _shard(part: Part, size: int) -> dict[str, Any]:
    raw = {"basename": _shard_name(part), "bytes": size, "hashes": {}}
    return {**_columns(), "samples": part.rows, "raw_data": raw, "zip_data": None}


def _sample(row: Triplet) -> list[bytes]:
    """The sizes, then the values."""
    values = [_value(getattr(row, name)) for name in _NAMES]
    sized = [len(value) for name, value in zip(_NAMES, values, strict=True) if ENCODINGS[name] not in _SIZES]
    return [np.array(sized, "<u4").tobytes(), *values]


def _value(value: bytes | str | int) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else int(value).to_bytes(8, "little", signed=True)
