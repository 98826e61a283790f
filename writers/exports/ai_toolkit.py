"""ai-toolkit: target folders with captions, control folders, a block of datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import code, guide, one_line, picture_name, quoted
from ._loose import Entry, LooseExport


class AiToolkit(LooseExport):
    """A control picture is found by its target's stem, in the control folder itself and no sub-folder, so that every
    sub-folder is a dataset of its own; one that is missing would be passed over in silence.

    Source: ostris/ai-toolkit toolkit/dataloader_mixins.py, `ControlFileItemDTOMixin`;
    config/examples/train_lora_flux_kontext_24gb.yaml.
    """

    name = "ai_toolkit"
    summary = "targets/ with captions, controls/, datasets.yaml"
    trainer = "ai-toolkit: config.process[].datasets, for edit models (FLUX Kontext, Qwen-Image-Edit …)"
    folders = ("targets", "controls")

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Control, target and caption; pictures pass through."""
        files = {
            f"controls/{part.folder}/{picture_name(row.id, row.input_image)}": row.input_image,
            f"targets/{part.folder}/{picture_name(row.id, row.edited_image)}": row.edited_image,
            f"targets/{part.folder}/{row.id}.txt": one_line(row.edit_prompt).encode(),
        }
        return Entry(files)

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """datasets.yaml with the datasets of the first split, and a README.md."""
        split = next(iter(splits))
        lines = ["# belongs below config: process: - type: 'sd_trainer'", "datasets:"]
        for part in splits[split]:
            lines += [
                f"  - folder_path: {quoted(place.seen(split, 'targets', part.folder))}",
                f"    control_path: {quoted(place.seen(split, 'controls', part.folder))}",
                '    caption_ext: "txt"',
                "    caption_dropout_rate: 0.05",
                "    shuffle_tokens: false",
                "    cache_latents_to_disk: true",
                "    resolution: [512, 768]",
            ]
        text = guide(
            "ai-toolkit",
            "Copy the block of datasets.yaml into config.process[0] of a configuration such as "
            "config/examples/train_lora_flux_kontext_24gb.yaml:",
            code("\n".join(lines[1:9]), "yaml"),
            "It has one dataset for each sub-folder, because ai-toolkit looks for a control picture in the folder "
            "itself; a larger `--shard-size` gives fewer. `[trigger]` in an instruction would be replaced by the "
            "trigger word.",
        )
        return {"datasets.yaml": "\n".join(lines) + "\n", "README.md": text}
