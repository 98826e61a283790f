"""UniWorld-V1: a JSON list of conversations, and the line that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ...manifests.errors import UsageError
from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import Table, code, guide, json_line, one_line, picture_name, quoted
from ._loose import Entry, LooseExport
from ._text_to_image import is_text_to_image

_MARKUP: Final = re.compile(r"<(image|gen_image|\|[a-z_]+\|)>")


class UniWorld(LooseExport):
    """The target is the last image; `<image>` stands once for each other one, and `<gen_image>` is the answer.

    Source: PKU-YuanGroup/UniWorld-V1 univa/dataset/qwen2p5vl_dataset.py, `Qwen2p5VLDataset`;
    univa/utils/constant.py, `GENERATE_TOKEN`.
    """

    name = "uniworld"
    summary = "pictures, data.json, data.txt"
    trainer = "UniWorld-V1: dataset_config.data_txt"
    text_to_image = "without source"
    tables = (Table("data.json", form="list"),)

    def check(self, place: Destination) -> None:
        """A line of data.txt is cut at commas."""
        if "," in place.location or "\n" in place.location:
            raise UsageError(
                f"{place.location!r} has a comma, at which UniWorld cuts the lines of data.txt; choose another -o or "
                "give --location"
            )

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Source, target and a conversation; pictures pass through."""
        target = f"{part.folder}/{picture_name(f'{row.id}-target', row.edited_image)}"
        source = f"{part.folder}/{picture_name(f'{row.id}-input', row.input_image)}"
        alone = is_text_to_image(row)
        prompt = one_line(_MARKUP.sub(r"\1", row.edit_prompt))
        conversation = {
            "id": row.id,
            "image": [target] if alone else [source, target],
            "conversations": [
                {"from": "human", "value": prompt if alone else f"<image>\n{prompt}"},
                {"from": "gpt", "value": "<gen_image>"},
            ],
        }
        files = {target: row.edited_image, **({} if alone else {source: row.input_image})}
        return Entry(files, {"data.json": json_line(conversation)})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """data.txt for the first split, and a README.md."""
        split = next(iter(splits))
        text = guide(
            "UniWorld-V1",
            "In the training configuration:",
            code(f"dataset_config:\n  data_txt: {quoted(place.seen('data.txt'))}", "yaml"),
            "The third field of a line of data.txt says whether pixels that the edit changes weigh more; `true` suits "
            "local edits, `false` weighs all alike, which suits targets that are redrawn as a whole. UniWorld's own "
            "marks inside an instruction have lost their brackets, and line breaks, which it would remove, are spaces.",
        )
        return {"data.txt": f"{place.seen(split)},{place.seen(split, 'data.json')},false\n", "README.md": text}
