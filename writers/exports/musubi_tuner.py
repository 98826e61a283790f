"""musubi-tuner: JSONL of target, control and caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import Table, code, guide, json_line, picture_name, quoted
from ._loose import Entry, LooseExport


class MusubiTuner(LooseExport):
    """Paths are absolute: older releases look for relative ones in the working directory only.

    Source: kohya-ss/musubi-tuner docs/dataset_config.md, "Sample for Image Dataset with Control Images".
    """

    name = "musubi_tuner"
    summary = "pictures, metadata.jsonl, dataset.toml"
    trainer = "musubi-tuner: --dataset_config, for FLUX Kontext, FLUX.2, Qwen-Image-Edit, FramePack one frame"
    tables = (Table("metadata.jsonl"),)

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Control, target and a line; pictures pass through."""
        control = f"{part.folder}/{picture_name(f'{row.id}-control', row.input_image)}"
        target = f"{part.folder}/{picture_name(row.id, row.edited_image)}"
        line = {
            "image_path": place.seen(part.split, target),
            "control_path": place.seen(part.split, control),
            "caption": row.edit_prompt,
        }
        return Entry({control: row.input_image, target: row.edited_image}, {"metadata.jsonl": json_line(line)})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """dataset.toml for the first split, and a README.md."""
        split = next(iter(splits))
        lines = [
            "[general]",
            "resolution = [1024, 1024]",
            "batch_size = 1",
            "enable_bucket = true",
            "bucket_no_upscale = true",
            "",
            "[[datasets]]",
            f"image_jsonl_file = {quoted(place.seen(split, 'metadata.jsonl'))}",
            f"cache_directory = {quoted(place.seen('cache', split))}",
            "num_repeats = 1",
        ]
        text = guide(
            "musubi-tuner",
            code(f"--dataset_config {place.seen('dataset.toml')}", "bash"),
            "Controls have their target's size, so they need no `control_resolution`; for Qwen-Image-Edit its "
            "documentation recommends `control_resolution = [1024, 1024]`.",
        )
        return {"dataset.toml": "\n".join(lines) + "\n", "README.md": text}
