"""Parquet shards in taskpaint's own columns: diffusers' InstructPix2Pix scripts train on them without a flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from ..export import Destination, Export, Part, Written
from ..shards import write_batches
from ._files import code, guide
from ._parquet import card_head


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
        file.parent.mkdir(parents=True, exist_ok=True)
        written = write_batches(file, batches)
        return Written(1, written.bytes, {place.relative(file): written.bytes})

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
