"""OneTrainer: target, conditioning image and caption side by side, a concept file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import as_png, code, guide, one_line, picture_name
from ._loose import Entry, LooseExport

_RESERVED: Final = ("-condlabel", "-masklabel")


class OneTrainer(LooseExport):
    """`x.png`, `x-condlabel.png`, `x.txt`: a conditioning image must be PNG, so that a JPEG source becomes one.

    Source: Nerogar/OneTrainer modules/dataLoader/mixin/DataLoaderText2ImageMixin.py (`cond_path`),
    modules/util/config/ConceptConfig.py.
    """

    name = "onetrainer"
    summary = "x.png, x-condlabel.png, x.txt, and concepts.json"
    trainer = "OneTrainer: concepts, with custom_conditioning_image"

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Target as it is, source as PNG, caption."""
        stem = f"{part.folder}/{row.id}{'-target' if row.id.endswith(_RESERVED) else ''}"
        files = {
            picture_name(stem, row.edited_image): row.edited_image,
            f"{stem}-condlabel.png": as_png(row.input_image),
            f"{stem}.txt": one_line(row.edit_prompt).encode(),
        }
        return Entry(files)

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """concepts.json with one concept a split, only the first one enabled, and a README.md."""
        concepts = [
            {
                "name": split,
                "path": place.seen(split),
                "enabled": position == 0,
                "include_subdirectories": True,
                "image": {"enable_crop_jitter": False, "enable_random_flip": False},
                "text": {"prompt_source": "sample"},
            }
            for position, split in enumerate(splits)
        ]
        text = guide(
            "OneTrainer",
            "In the training configuration:",
            code(
                f'"concept_file_name": {json.dumps(place.seen("concepts.json"))},\n"custom_conditioning_image": true',
                "json",
            ),
            "Random flips are off, they are on by default: a flipped target would not fit an instruction that says "
            "left or right. Each line of a caption file would count as a caption; line breaks in instructions were "
            "replaced by spaces.",
        )
        return {"concepts.json": json.dumps(concepts, indent=2, ensure_ascii=False) + "\n", "README.md": text}
