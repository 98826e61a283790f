"""MagicBrush: real photographs of COCO, edited by hand with DALL-E 2, in sessions of up to three turns.

8,807 training, 528 dev and 1,053 test pairs. Three packings: the Hub's Parquet files (train and dev), the release's
`edit_turns.json` with a folder of pictures a photograph (test, and dev), and the `magic_train.json` that
InstructDiffusion made of it. From the second turn on, the photograph to edit is the result of the turn before; all
turns keep the COCO id of the photograph they began with. The region to edit (`mask_img`) is not used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.coco_values import is_id, is_text
from ..reading.edit_pairs import brief, instructions_in, is_there
from ..reading.json_stream import stream_json
from ..reading.parquet_rows import Cell, lazy_cell, parquet_files, rows_of
from ..sample import Feature, FileBytes, Pair, Sample
from ..source import Entry, Reject, Source

_COCO_ID = re.compile(r"0*(\d{1,12})")
_COLUMNS = ["img_id", "turn_index", "instruction"]
_PICTURES = ("source_img", "target_img")


class MagicBrush(Source):
    """MagicBrush as Parquet, as released, or as InstructDiffusion packed it."""

    name = "magicbrush"
    title = "MagicBrush (edits of COCO photographs)"
    homepage = "https://osu-nlp-group.github.io/MagicBrush/"
    license = "CC BY 4.0; photographs under their Flickr licences"
    splits = ("train", "dev", "test")
    features = Feature.EDIT
    tree = """  MagicBrush/
    data/train-00000-of-00051.parquet …         (dev: data/dev-00000-of-00004.parquet …)
  or
    test/edit_turns.json                        (or edit_turns.json of the one split that is here)
    test/images/242679/242679-input.png, 242679-output1.png …
  or
    magic_train.json                            ([{input, edited, instruction}, …], paths from this folder on)"""

    def inputs(self) -> list[Path]:
        if turns := self._turns():
            return [turns, turns.parent / "images"]
        if packed := self._packed():
            return [packed, self.path]
        if tables := parquet_files(self.path, self.split):
            return tables
        return [self.require(f"data/{self.split}-*.parquet", f"{self.split}/edit_turns.json")]

    def held_out_as(self) -> str:
        return {"dev": "validation"}.get(self.split) or super().held_out_as()

    def scan(self, reject: Reject) -> Iterator[Entry]:
        if turns := self._turns():
            return self._listed(turns, "output", reject)
        if packed := self._packed():
            return self._listed(packed, "edited", reject)
        return self._tabled(self.inputs(), reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        if "table" in record:
            table = self.file(record["table"])
            source, edited = (
                lazy_cell(Cell(table, f"{column}.bytes", record["group"], record["row"])) for column in _PICTURES
            )
        else:
            source, edited = (FileBytes(self.file(record[key])) for key in ("image", "edited"))
        return Sample(entry_id, source, pair=Pair(edited, "edit", tuple(record["edit"])))

    def _turns(self) -> Path | None:
        own = [self.path / self.split / "edit_turns.json"]
        # the train split was never released in this form, so a list at the top must not pass for it
        if self.path.name == self.split or (self.split != "train" and self.path.name not in self.splits):
            own.append(self.path / "edit_turns.json")
        return next((file for file in own if file.is_file()), None)

    def _packed(self) -> Path | None:
        file = self.path / f"magic_{self.split}.json"
        return file if file.is_file() else None

    def _tabled(self, tables: list[Path], reject: Reject) -> Iterator[Entry]:
        for table in tables:
            name = table.relative_to(self.path).as_posix()
            for group, row, values in rows_of(table, _COLUMNS):
                image, turn = values["img_id"], values["turn_index"]
                edit = instructions_in(values["instruction"])
                if not (is_text(image) or is_id(image)) or not is_id(turn) or not edit:
                    reject(f"{name} row {row} of row group {group}", "img_id, turn_index or instruction is missing")
                    continue
                record = {"table": name, "group": group, "row": row, "edit": list(edit)}
                yield Entry(f"{image}-{turn}", _key(str(image)), Feature.EDIT, record)

    def _listed(self, listing: Path, edited: str, reject: Reject) -> Iterator[Entry]:
        count = 0
        for _, item in stream_json(listing):
            count += 1
            found = item if isinstance(item, dict) else {}
            target = found.get(edited)
            try:
                yield self._entry(found, edited, listing)
            except BadItem as fault:
                reject(brief(target) if isinstance(target, str) else f"{listing.name} item {count}", str(fault))
        if not count:
            raise SourceLayoutError(f"{listing} lists no pairs; expected is a list of objects")

    def _entry(self, found: Mapping[str, Any], edited: str, listing: Path) -> Entry:
        """The entry of one record.

        Raises:
            BadItem: it names no two pictures that are there, or holds no instruction.
        """
        paths = []
        for key in ("input", edited):
            name = found.get(key)
            if not is_text(name):
                raise BadItem(f"the record has no {key}")
            path = name if edited == "edited" else self._in_images(name, listing)
            if not is_there(self.file(path)):
                raise BadItem(f"{key} {brief(path)} is missing")
            paths.append(path)
        edit = instructions_in(found.get("instruction"))
        if not edit:
            raise BadItem("the record has no instruction")
        # "242679-output1.png", of the photograph 242679
        source, target = (PurePosixPath(path).stem for path in paths)
        record = {"image": paths[0], "edited": paths[1], "edit": list(edit)}
        return Entry(target, _key(source.partition("-")[0]), Feature.EDIT, record)

    def _in_images(self, name: str, listing: Path) -> str:
        folder = listing.parent.relative_to(self.path).as_posix()
        return f"{folder}/images/{name.partition('-')[0]}/{name}".removeprefix("./")


def _key(image: str) -> str:
    """The photograph: img_id is the id it has in COCO."""
    match = _COCO_ID.fullmatch(image)
    return f"coco/{int(match[1]):012d}" if match else f"magicbrush/{image}"
