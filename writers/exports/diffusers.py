"""Parquet shards in taskpaint's own columns: diffusers' InstructPix2Pix scripts train on them without a flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ...manifests.triplet import triplet_schema
from ..export import Destination, Export, Part, Written
from ..shards import WRITER_OPTIONS
from ._files import code, guide, whole_file
from ._parquet import card_head

_OPTIONS: Final[dict[str, Any]] = {
    name: value for name, value in WRITER_OPTIONS.items() if name != "use_content_defined_chunking"
}
"""As datasets are written, but for the page edges that a store of chunks likes: these files are read where they lie."""


class Diffusers(Export):
    """Columns `input_image`, `edit_prompt`, `edited_image`, and all others.

    Source: diffusers examples/instruct_pix2pix/train_instruct_pix2pix.py, `DATASET_NAME_MAPPING` and the defaults of
    `--original_image_column`, `--edit_prompt_column`, `--edited_image_column`.
    """

    name = "diffusers"
    summary = "Parquet shards, all columns"
    trainer = "diffusers: train_instruct_pix2pix.py and its SDXL form, --dataset_name DEST"
    text_to_image = "kept"

    def write(self, place: Destination, part: Part, batches: Iterator[pa.RecordBatch]) -> Written:
        """Copy the rows' Arrow buffers; pictures stay the bytes they are."""
        file = place.root / "data" / f"{part.name}.parquet"
        with (
            whole_file(file) as opened,
            pq.ParquetWriter(pa.PythonFile(opened, "w"), triplet_schema(), **_OPTIONS) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)
        size = file.stat().st_size
        return Written(1, size, {place.relative(file): size})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md whose head names the splits."""
        command = (
            "accelerate launch train_instruct_pix2pix.py \\\n"
            f"  --dataset_name={place.location!r} \\\n"
            "  --original_image_column=input_image --edit_prompt_column=edit_prompt --edited_image_column=edited_image"
        )
        text = guide(
            "InstructPix2Pix for diffusers",
            code(command, "bash"),
            "The three columns are the script's defaults. It trains on the split `train`, resizes every picture to a "
            "square of `--resolution`, and its text encoder cuts instructions after 77 tokens.",
            head=card_head(splits),
        )
        return {"README.md": text}
