"""OmniGen: JSONL of instruction, input images and output image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import Table, code, guide, json_line, picture_name
from ._loose import Entry, LooseExport
from ._text_to_image import is_text_to_image

_MARKUP: Final = re.compile(r"<(/?img|\|image_\d+\||cfg)>")


class OmniGen(LooseExport):
    """The key is `output_image`: so the code reads it, whatever the documentation says.

    Source: VectorSpaceLab/OmniGen OmniGen/train_helper/data.py, `DatasetFromJson`; docs/fine-tuning.md.
    """

    name = "omnigen"
    summary = "pictures and data.jsonl"
    trainer = "OmniGen: --json_file, --image_path"
    text_to_image = "without source"
    tables = (Table("data.jsonl"),)

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Source, target and a line; pictures pass through."""
        target = f"{part.folder}/{picture_name(f'{row.id}-target', row.edited_image)}"
        prompt = _MARKUP.sub(r"\1", row.edit_prompt)
        if is_text_to_image(row):
            line = {"instruction": prompt, "input_images": [], "output_image": target}
            return Entry({target: row.edited_image}, {"data.jsonl": json_line(line)})
        source = f"{part.folder}/{picture_name(f'{row.id}-input', row.input_image)}"
        line = {
            "instruction": f"<img><|image_1|></img> {prompt}",
            "input_images": [source],
            "output_image": target,
        }
        return Entry({source: row.input_image, target: row.edited_image}, {"data.jsonl": json_line(line)})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md with the command line."""
        split = next(iter(splits))
        command = (
            "accelerate launch train.py --model_name_or_path Shitao/OmniGen-v1 \\\n"
            f"  --json_file {place.seen(split, 'data.jsonl')!r} \\\n"
            f"  --image_path {place.seen(split)!r} \\\n"
            "  --keep_raw_resolution --max_image_size 1024 …"
        )
        text = guide(
            "OmniGen",
            code(command, "bash"),
            "Instructions begin with `<img><|image_1|></img>`, which stands for the source; rows without one have only "
            "their caption. OmniGen's own marks inside an instruction have lost their brackets.",
        )
        return {"README.md": text}
