"""GQA-Inpaint: photographs of Visual Genome, the same with one object inpainted, and the request to remove it.

About 90,000 training pairs in the form of InstructDiffusion's `meta_info.json`, whose paths still start with the
folder of the machine it was made on. A photograph has many pairs, one for each object that was taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.coco_values import is_text
from ..reading.edit_pairs import brief, instructions_in, is_there
from ..reading.json_stream import stream_json
from ..sample import Feature, FileBytes, Pair, Sample
from ..source import Entry, Reject, Source


class GqaInpaint(Source):
    """GQA-Inpaint with `meta_info.json`."""

    name = "gqa_inpaint"
    title = "GQA-Inpaint (object removal)"
    homepage = "https://github.com/abyildirim/inst-inpaint"
    license = "not stated by its authors; photographs of Visual Genome (CC BY 4.0)"
    splits = ("train",)
    features = Feature.EDIT
    tree = """  gqa-inpaint/
    meta_info.json                              ([{source_image_path, target_image_path, instruction}, …])
    images/2370799.jpg …
    images_inpainted/2370799/1058498.jpg …      (photograph / object taken out)"""

    def inputs(self) -> list[Path]:
        return [self.require("meta_info.json"), *self._folders()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        listing = self.require("meta_info.json")
        self._folders()
        count = 0
        for _, item in stream_json(listing):
            count += 1
            found = item if isinstance(item, dict) else {}
            target = found.get("target_image_path")
            try:
                yield self._entry(found)
            except BadItem as fault:
                reject(brief(target) if isinstance(target, str) else f"meta_info.json item {count}", str(fault))
        if not count:
            raise SourceLayoutError(f"{listing} lists no pairs; expected is a list of objects")

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        source, edited = (FileBytes(self.file(record[key])) for key in ("image", "edited"))
        return Sample(entry_id, source, pair=Pair(edited, "edit", tuple(record["edit"])))

    def _folders(self) -> list[Path]:
        return [self.require(name, folder=True) for name in ("images", "images_inpainted")]

    def _entry(self, found: Mapping[str, Any]) -> Entry:
        """The entry of one record.

        Raises:
            BadItem: it names no two pictures that are there, or holds no instruction.
        """
        paths = [self._below(found.get(key), key) for key in ("source_image_path", "target_image_path")]
        edit = instructions_in(found.get("instruction"))
        if not edit:
            raise BadItem("the record has no instruction")
        source, target = (PurePosixPath(path) for path in paths)
        name = f"{target.parent.name}-{target.stem}" if target.parent.name != "images_inpainted" else target.stem
        record = {"image": paths[0], "edited": paths[1], "edit": list(edit)}
        return Entry(name, f"visual_genome/{source.stem}", Feature.EDIT, record)

    def _below(self, value: Any, key: str) -> str:
        """A path of the list, from the dataset's folder on: "../datasets/gqa-inpaint/images/1.jpg" -> "images/1.jpg".

        Raises:
            BadItem: there is no such file.
        """
        if not is_text(value) or "\x00" in value:
            raise BadItem(f"the record has no {key}")
        parts = [part for part in PurePosixPath(value).parts if part not in ("/", "..", ".")]
        for start in range(len(parts)):
            path = "/".join(parts[start:])
            if path.startswith(("images/", "images_inpainted/")) and is_there(self.file(path)):
                return path
        raise BadItem(f"{key} {brief(value)} is missing")
