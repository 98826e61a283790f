"""sd-scripts: image and conditioning folders, captions beside the images, a dataset configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...manifests.triplet import Triplet
from ..export import Destination, Part
from ._files import code, guide, one_line, picture_name, quoted
from ._loose import Entry, LooseExport


class SdScripts(LooseExport):
    """Neither folder is searched for sub-folders, so that every sub-folder is a subset.

    Source: kohya-ss/sd-scripts library/train_util.py, `ControlNetDataset`; docs/config_README-en.md.
    """

    name = "sd_scripts"
    summary = "images/ with captions, conditioning/, dataset.toml"
    trainer = "sd-scripts: --dataset_config of the ControlNet and ControlNet-LLLite scripts"
    folders = ("images", "conditioning")

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Conditioning image, target and caption; pictures pass through."""
        files = {
            f"conditioning/{part.folder}/{picture_name(row.id, row.input_image)}": row.input_image,
            f"images/{part.folder}/{picture_name(row.id, row.edited_image)}": row.edited_image,
            f"images/{part.folder}/{row.id}.txt": one_line(row.edit_prompt).encode(),
        }
        return Entry(files)

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """dataset.toml with the subsets of the first split, and a README.md."""
        split = next(iter(splits))
        lines = [
            "[general]",
            'caption_extension = ".txt"',
            "flip_aug = false",
            "",
            "[[datasets]]",
            "resolution = 512",
            "batch_size = 4",
            "enable_bucket = true",
        ]
        for part in splits[split]:
            lines += [
                "",
                "  [[datasets.subsets]]",
                f"  image_dir = {quoted(place.seen(split, 'images', part.folder))}",
                f"  conditioning_data_dir = {quoted(place.seen(split, 'conditioning', part.folder))}",
            ]
        text = guide(
            "sd-scripts",
            code(f"accelerate launch train_control_net.py --dataset_config {place.seen('dataset.toml')} …", "bash"),
            "Only the first line of a caption file counts; line breaks in instructions were replaced by spaces. Leave "
            "`enable_wildcard` and `shuffle_caption` off: instructions hold commas and may hold braces.",
        )
        return {"dataset.toml": "\n".join(lines) + "\n", "README.md": text}
