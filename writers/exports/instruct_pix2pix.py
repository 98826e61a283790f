"""The folders of the original InstructPix2Pix code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...manifests.images import decode_rgb, read_header
from ...manifests.triplet import Triplet, image_suffix
from ..codecs import encode_png
from ..export import Destination, Part
from ._files import Table, code, guide, json_line, quoted
from ._loose import Entry, LooseExport


class InstructPix2Pix(LooseExport):
    """`seeds.json`, and for each row a folder with `0_0.jpg`, `0_1.jpg` and `prompt.json`.

    The reader asks for names that end in `.jpg`, opens them by content and takes the array as it comes, so a PNG lies
    under such a name without loss, and pictures of one channel or a palette become RGB PNG.

    Source: timothybrooks/instruct-pix2pix edit_dataset.py, `EditDataset`.
    """

    name = "instruct_pix2pix"
    summary = "a folder a row, and seeds.json"
    trainer = "timothybrooks/instruct-pix2pix: data.params.train.params.path of configs/train.yaml"
    text_to_image = "kept"
    tables = (Table("seeds.json", form="list"),)

    def entry(self, row: Triplet, part: Part, place: Destination) -> Entry:
        """Three files and a line; each row has one seed, 0."""
        folder = f"{part.folder}/{row.id}"
        prompt = {"edit": row.edit_prompt, "task": row.task, "license": row.license}
        files = {
            f"{folder}/0_0.jpg": _three_channels(row.input_image),
            f"{folder}/0_1.jpg": _three_channels(row.edited_image),
            f"{folder}/prompt.json": json_line(prompt).encode(),
        }
        return Entry(files, {"seeds.json": json_line([folder, ["0"]])})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md with the lines for configs/train.yaml."""
        lines = (
            "data:\n  params:\n    train:\n      params:\n"
            f"        path: {quoted(place.seen(next(iter(splits))))}\n"
            "        flip_prob: 0.0\n"
        )
        text = guide(
            "InstructPix2Pix, original code",
            "In configs/train.yaml:",
            code(lines, "yaml"),
            "`flip_prob` is 0.5 in the shipped file; a flipped pair would not fit an instruction that says "
            "left or right.",
            "Each split here is a `path` of its own. The code cuts every `path` into 0.9 train, 0.05 val and 0.05 test "
            "by itself; with `splits: [1.0, 0.0, 0.0]` it takes all of it. Files end in .jpg because the code asks for "
            "that name; those with PNG content are lossless.",
        )
        return {"README.md": text}


def _three_channels(data: bytes) -> bytes:
    """The same pixels in a file that opens in mode RGB."""
    header = read_header(data)
    return data if header.mode == "RGB" or image_suffix(data) == "webp" else encode_png(decode_rgb(data, header))
