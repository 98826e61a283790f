"""Parquet shards with the columns that diffusers' Kontext and FLUX.2 image-to-image LoRA scripts are told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ...manifests.triplet import huggingface_features, triplet_schema
from ..export import Destination, Export, Part, Written
from ._files import code, guide, whole_file
from ._parquet import card_head

COLUMNS: Final = {
    "image": "edited_image",
    "cond_image": "input_image",
    "caption": "edit_prompt",
    "id": "id",
    "task": "task",
    "license": "license",
}
"""Column of the export -> column of the dataset."""

_OPTIONS: Final[dict[str, Any]] = {
    "compression": {
        "image.bytes": "none",
        "cond_image.bytes": "none",
        **dict.fromkeys(("image.path", "cond_image.path", "caption", "id", "task", "license"), "zstd"),
    },
    "use_dictionary": ["task", "license"],
    "write_statistics": ["id", "task"],
    "write_page_index": True,
    "write_batch_size": 4,
}


class Kontext(Export):
    """Target, source and instruction by the names of `--image_column`, `--cond_image_column`, `--caption_column`.

    Source: diffusers examples/dreambooth/train_dreambooth_lora_flux_kontext.py and
    train_dreambooth_lora_flux2_img2img.py; `image` is the default of the first, the others have none.
    """

    name = "kontext"
    summary = "Parquet shards: image (target), cond_image (source), caption, id, task, license"
    trainer = "diffusers: train_dreambooth_lora_flux_kontext.py, …_flux2_img2img.py, --dataset_name DEST"

    def write(self, place: Destination, part: Part, batches: Iterator[pa.RecordBatch]) -> Written:
        """Copy the columns' Arrow buffers under other names."""
        file = place.root / "data" / f"{part.name}.parquet"
        schema = _schema()
        with whole_file(file) as opened:
            sink = pa.PythonFile(opened, "w")
            with pq.ParquetWriter(sink, schema, **_OPTIONS) as writer:
                for batch in batches:
                    columns = [batch.column(name) for name in COLUMNS.values()]
                    writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        size = file.stat().st_size
        return Written(1, size, {place.relative(file): size})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md with the command line."""
        command = (
            "accelerate launch train_dreambooth_lora_flux_kontext.py \\\n"
            f"  --dataset_name={place.location!r} \\\n"
            '  --image_column="image" --cond_image_column="cond_image" --caption_column="caption" \\\n'
            '  --instance_prompt="Edit the picture" …'
        )
        text = guide(
            "Kontext and FLUX.2 image-to-image LoRA for diffusers",
            code(command, "bash"),
            "The caption column takes the place of `--instance_prompt`. The script trains on the split `train`, which "
            "it loads into memory as a whole: `--limit` exports a part.",
            head=card_head(splits),
        )
        return {"README.md": text}


def _schema() -> pa.Schema:
    given, features = triplet_schema(), huggingface_features()
    named = {name: features[column] for name, column in COLUMNS.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": named}})}
    return pa.schema([pa.field(n, given.field(column).type) for n, column in COLUMNS.items()], metadata=metadata)
