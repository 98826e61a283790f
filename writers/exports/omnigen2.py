"""OmniGen2: JSONL of task type, instruction, input images and output image, and the mixture that names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import Table, code, guide, json_line, picture_name, quoted
from ._loose import Entry, LooseExport, filled
from ._text_to_image import is_text_to_image


class OmniGen2(LooseExport):
    """Paths are absolute: the code opens them as they are.

    Source: VectorSpaceLab/OmniGen2 omnigen2/dataset/omnigen2_train_dataset.py, data_configs/train/example/mix.yml.
    """

    name = "omnigen2"
    summary = "pictures, edit.jsonl, t2i.jsonl, mix.yml"
    trainer = "OmniGen2: data.data_path of options/ft.yml"
    text_to_image = "without source"
    tables = (Table("edit.jsonl"), Table("t2i.jsonl"))

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Source, target and a line; pictures pass through."""
        target = f"{part.folder}/{picture_name(f'{row.id}-target', row.edited_image)}"
        output = place.seen(part.split, target)
        if is_text_to_image(row):
            line = {"task_type": "t2i", "instruction": row.edit_prompt, "output_image": output}
            return Entry({target: row.edited_image}, {"t2i.jsonl": json_line(line)})
        source = f"{part.folder}/{picture_name(f'{row.id}-input', row.input_image)}"
        images = [place.seen(part.split, source)]
        edit = {"task_type": "edit", "instruction": row.edit_prompt, "input_images": images, "output_image": output}
        return Entry({source: row.input_image, target: row.edited_image}, {"edit.jsonl": json_line(edit)})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """mix.yml for the first split, and a README.md."""
        split = next(iter(splits))
        lines = ["data:"]
        for kind in ("edit", "t2i"):
            if filled(place, [split], f"{kind}.jsonl"):
                lines += [
                    "  -",
                    f"    path: {quoted(place.seen(split, f'{kind}.jsonl'))}",
                    f"    type: {quoted(kind)}",
                    "    ratio: !!float 1",
                ]
        text = guide(
            "OmniGen2",
            "In options/ft.yml or options/ft_lora.yml:",
            code(f"data:\n  data_path: {quoted(place.seen('mix.yml'))}", "yaml"),
            "Rows without a source are in t2i.jsonl. All `ratio`s are equal: every row is taken.",
        )
        return {"mix.yml": "\n".join(lines) + "\n", "README.md": text}
