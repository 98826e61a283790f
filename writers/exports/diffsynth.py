"""DiffSynth-Studio: metadata.csv of target, prompt and source."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import Table, code, guide, picture_name
from ._loose import Entry, LooseExport

_HEAD: Final = "image,prompt,edit_image,kontext_images\n"


class DiffSynth(LooseExport):
    """The source stands in two columns: Qwen-Image-Edit asks for `edit_image`, FLUX Kontext for `kontext_images`.

    Source: modelscope/DiffSynth-Studio examples/qwen_image/model_training/lora/Qwen-Image-Edit.sh,
    examples/flux/model_training/lora/FLUX.1-Kontext-dev.sh.
    """

    name = "diffsynth"
    summary = "pictures and metadata.csv"
    trainer = "DiffSynth-Studio: --dataset_base_path, --dataset_metadata_path, for Qwen-Image-Edit and FLUX Kontext"
    tables = (Table("metadata.csv", head=_HEAD),)

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Source, target and a line; pictures pass through."""
        source = f"{part.folder}/{picture_name(f'{row.id}-input', row.input_image)}"
        target = f"{part.folder}/{picture_name(f'{row.id}-target', row.edited_image)}"
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([target, row.edit_prompt, source, source])
        return Entry({source: row.input_image, target: row.edited_image}, {"metadata.csv": line.getvalue()})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md with the options of both trainers."""
        base = place.seen(next(iter(splits)))
        options = (
            "accelerate launch examples/{}/model_training/train.py \\\n"
            f"  --dataset_base_path {base!r} \\\n"
            f"  --dataset_metadata_path {base + '/metadata.csv'!r} \\\n"
            '  --data_file_keys "image,{}" --extra_inputs "{}" \\\n'
            "  --max_pixels 1048576 …"
        )
        text = guide(
            "DiffSynth-Studio",
            "Qwen-Image-Edit:",
            code(options.format("qwen_image", "edit_image", "edit_image"), "bash"),
            "FLUX.1 Kontext:",
            code(options.format("flux", "kontext_images", "kontext_images"), "bash"),
            "Pictures are cropped to multiples of 16 when they are read.",
        )
        return {"README.md": text}
