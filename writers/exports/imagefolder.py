"""A folder of pictures and metadata.jsonl, as `datasets` reads "imagefolder"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from ...manifests.triplet import TEXT_COLUMNS, Triplet
from ..export import Destination, Part
from ._files import Table, code, guide, json_line, picture_name
from ._loose import Entry, LooseExport


class ImageFolder(LooseExport):
    """Columns that end in `_file_name` become image columns without that ending.

    Source: https://huggingface.co/docs/datasets/image_dataset#imagefolder
    """

    name = "imagefolder"
    summary = "pictures and metadata.jsonl, all columns"
    trainer = 'datasets: load_dataset("imagefolder"); diffusers: --train_data_dir'
    text_to_image = "kept"
    tables = (Table("metadata.jsonl"),)

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Two pictures and a line."""
        source = f"{part.folder}/{picture_name(f'{row.id}-input', row.input_image)}"
        target = f"{part.folder}/{picture_name(f'{row.id}-target', row.edited_image)}"
        line = {
            "id": row.id,
            "input_image_file_name": source,
            "edited_image_file_name": target,
            **{name: getattr(row, name) for name in TEXT_COLUMNS},
            "width": row.width,
            "height": row.height,
        }
        return Entry({source: row.input_image, target: row.edited_image}, {"metadata.jsonl": json_line(line)})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md whose head names the splits."""
        files = [{"split": split, "path": [f"{split}/metadata.jsonl", f"{split}/*/*"]} for split in splits]
        head = yaml.safe_dump({"configs": [{"config_name": "default", "data_files": files}]}, sort_keys=False)
        first = next(iter(splits))
        load = f'from datasets import load_dataset\n\nrows = load_dataset({place.location!r}, split="{first}")'
        train = f"accelerate launch train_instruct_pix2pix.py --train_data_dir {place.seen(first)!r} …"
        text = guide(
            "Image folder",
            code(load, "python"),
            "diffusers takes every picture below `--train_data_dir` for training: give the folder of one split. Its "
            "column names are this script's defaults.",
            code(train, "bash"),
            head=f"---\n{head}---\n\n",
        )
        return {"README.md": text}
