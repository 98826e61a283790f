"""SimpleTuner: two folders of equal names, captions beside the targets, a data backend file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...manifests.triplet import Triplet, image_suffix
from ..export import Destination, Part
from ._files import as_png, code, guide, json_line, one_line, picture_name, quoted
from ._loose import Entry, LooseExport


class SimpleTuner(LooseExport):
    """A source is found by its target's path, suffix and all, so a pair of two kinds becomes two PNG.

    Source: bghira/SimpleTuner documentation/DATALOADER.md, documentation/quickstart/FLUX_KONTEXT.md.
    """

    name = "simpletuner"
    summary = "targets/ with captions, references/, multidatabackend.json"
    trainer = "SimpleTuner: data_backend_config, for edit models (FLUX Kontext, FLUX.2, Qwen-Image-Edit)"
    folders = ("targets", "references")

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Source, target and caption; pictures pass through when both are of one kind."""
        source, target = row.input_image, row.edited_image
        if image_suffix(source) != image_suffix(target):
            source, target = as_png(source), as_png(target)
        name = picture_name(row.id, target)
        files = {
            f"references/{part.folder}/{name}": source,
            f"targets/{part.folder}/{name}": target,
            f"targets/{part.folder}/{row.id}.txt": one_line(row.edit_prompt).encode(),
        }
        return Entry(files)

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """multidatabackend.json with a pair of backends for the first split, and a README.md."""
        split = next(iter(splits))
        common: dict[str, Any] = {"type": "local", "resolution": 1024, "resolution_type": "pixel_area", "crop": False}
        backends = [
            {
                "id": f"{split}-targets",
                "dataset_type": "image",
                "instance_data_dir": place.seen(split, "targets"),
                "conditioning_data": [f"{split}-references"],
                "caption_strategy": "textfile",
                "metadata_backend": "discovery",
                "cache_dir_vae": f"cache/vae/{split}-targets",
                **common,
            },
            {
                "id": f"{split}-references",
                "dataset_type": "conditioning",
                "instance_data_dir": place.seen(split, "references"),
                "conditioning_type": "reference_strict",
                "source_dataset_id": f"{split}-targets",
                "caption_strategy": None,
                "metadata_backend": "discovery",
                "cache_dir_vae": f"cache/vae/{split}-references",
                **common,
            },
            {
                "id": "text-embeds",
                "type": "local",
                "dataset_type": "text_embeds",
                "default": True,
                "cache_dir": "cache/text",
            },
        ]
        listed = ",\n".join("  " + json_line(backend).rstrip() for backend in backends)
        text = guide(
            "SimpleTuner",
            "In config.json:",
            code(f'"data_backend_config": {quoted(place.seen("multidatabackend.json"))}', "json"),
            "Sources and targets have one size, so `reference_strict` holds. SimpleTuner takes each line of a caption "
            "file for a caption of its own; line breaks in instructions were replaced by spaces.",
        )
        return {"multidatabackend.json": f"[\n{listed}\n]\n", "README.md": text}
