"""PhraseCut objects taken out of their photographs by an inpainting model: "remove the black shirt".

InstructDiffusion trained on such pairs and never released them. This reader takes them in a plain form that is quick
to write after inpainting PhraseCut's masks with LaMa or another model: `removal.json`, a list of objects with
`image` (the photograph), `removed` (the same without the object) and `phrase` (what was taken out). `task_id`,
PhraseCut's own, names the pair when it is there. A photograph has many phrases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.coco_values import is_id, is_text
from ..reading.edit_pairs import brief, instructions_in, is_there, removals_of
from ..reading.json_stream import stream_json
from ..sample import Feature, FileBytes, Pair, Sample
from ..source import Entry, Reject, Source

_LIST = "removal.json"


class PhraseCutRemoval(Source):
    """Object removal pairs made from PhraseCut."""

    name = "phrasecut_removal"
    title = "PhraseCut removal (objects inpainted away)"
    homepage = "https://github.com/ChenyunWu/PhraseCutDataset"
    license = "PhraseCut: not stated by its authors; photographs of Visual Genome (CC BY 4.0)"
    splits = ("train", "val", "test")
    features = Feature.EDIT
    tree = """  phrasecut_removal/
    removal.json                                (split val: removal_val.json; test: removal_test.json)
                                                ([{image, removed, phrase, task_id?}, …])
    images/2405860.jpg …                        (paths are those of the list, from this folder on)
    removed/2405860__2.jpg …"""

    def inputs(self) -> list[Path]:
        return [self._listing(), self.path]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        listing = self._listing()
        count = 0
        for _, item in stream_json(listing):
            count += 1
            found = item if isinstance(item, dict) else {}
            removed = found.get("removed")
            try:
                yield self._entry(found)
            except BadItem as fault:
                reject(brief(removed) if isinstance(removed, str) else f"{listing.name} item {count}", str(fault))
        if not count:
            raise SourceLayoutError(f"{listing} lists no pairs; expected is a list of objects")

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        source, removed = (FileBytes(self.file(record[key])) for key in ("image", "removed"))
        return Sample(entry_id, source, pair=Pair(removed, "edit", removals_of(record["phrase"])))

    def _listing(self) -> Path:
        return self.require(f"removal_{self.split}.json", *([_LIST] if self.split == "train" else []))

    def _entry(self, found: Mapping[str, Any]) -> Entry:
        """The entry of one record.

        Raises:
            BadItem: it names no two pictures that are there, or has no phrase.
        """
        paths = []
        for key in ("image", "removed"):
            name = found.get(key)
            if not is_text(name):
                raise BadItem(f"the record has no {key}")
            if not is_there(self.file(name)):
                raise BadItem(f"{key} {brief(name)} is missing")
            paths.append(name)
        phrases = instructions_in(found.get("phrase"))
        if len(phrases) != 1:
            raise BadItem("the record has no phrase")
        task = found.get("task_id")
        name = str(task) if is_text(task) or is_id(task) else PurePosixPath(paths[1]).with_suffix("").as_posix()
        record = {"image": paths[0], "removed": paths[1], "phrase": phrases[0]}
        return Entry(name, f"visual_genome/{PurePosixPath(paths[0]).stem}", Feature.EDIT, record)
