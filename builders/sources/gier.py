"""GIER: photographs that people asked others to edit, the edits, and several requests for each.

6,179 pairs with about 5 requests each. `amateur_summary` and `expert_summary` describe what was really done;
`request` is the first post of the forum thread, which often asks for more, or for something else. The photographs
have to be fetched from many sites, so some are always missing. `GIER.json` holds bare NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.coco_values import is_text
from ..reading.edit_pairs import brief, instructions_in, resampled_twin, without_tags
from ..reading.json_stream import stream_json
from ..sample import Feature, FileBytes, Pair, Sample
from ..source import Entry, Reject, Source

_FOLDER = "GIER_editing_data"
_HOMES = ("warped", "images")
"""`warped` holds the pictures whose edit moved or scaled the scene, brought back onto the original."""
_FIELDS = {
    "expert": ("expert_summary",),
    "amateur": ("amateur_summary",),
    "request": ("request", "detailed_request"),
}
_REWORKED = "prompts"
"""Lists made from GIER.json for training (GIER_new.json) keep all sentences under this key."""


class GierOptions(Block):
    """Options of the GIER source."""

    file: str = Field("GIER.json", min_length=1, description="the list of pairs; in the dataset's folder")
    requests: tuple[Literal["expert", "amateur", "request"], ...] = Field(
        ("expert", "amateur"),
        min_length=1,
        description="whose words to use; request is the forum post, which may ask for more than was done",
    )
    other_size: Literal["resample", "refuse"] = Field(
        "resample", description="what to do with an edited image that has the source's shape but another size"
    )


class Gier(Source):
    """GIER from `GIER_editing_data`, or from the folder that holds it."""

    name = "gier"
    title = "GIER (photo edit requests, real edits)"
    homepage = "https://sites.google.com/view/gierdataset"
    license = "not stated by its authors; photographs belong to those who posted them"
    splits = ("train",)
    features = Feature.EDIT
    tree = """  GIER_editing_data/
    GIER.json
    images/2vdko4_2vdko4.jpg …                  (and the edited 2vdko4_WeHiVL3.jpg)
    warped/2vdko4_WeHiVL3.jpg …                 (optional: pictures aligned with each other)"""
    options_type = GierOptions

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        super().__init__(path / _FOLDER if (path / _FOLDER).is_dir() else path, split, options)

    def inputs(self) -> list[Path]:
        found = [self.require(self._options.file), self.require("images", folder=True)]
        return [*found, *(folder for folder in [self.path / "warped"] if folder.is_dir())]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        listing = self.require(self._options.file)
        present = {name: _names_in(self.path / name) for name in _HOMES}
        count = 0
        for _, item in stream_json(listing):
            count += 1
            name = f"{listing.name} item {count}"
            try:
                yield self._entry(item, present)
            except BadItem as fault:
                found = item.get("output") if isinstance(item, dict) else None
                reject(brief(found) if isinstance(found, str) else name, str(fault))
        if not count:
            raise SourceLayoutError(f"{listing} lists no pairs; expected is a list of objects")

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        source, edited = (FileBytes(self.file(record[key])) for key in ("image", "edited"))
        twin = resampled_twin(source, edited) if self._options.other_size == "resample" else edited
        return Sample(entry_id, source, pair=Pair(twin, "edit", tuple(record["edit"])))

    @property
    def _options(self) -> GierOptions:
        assert isinstance(self.options, GierOptions)
        return self.options

    def _entry(self, item: Any, present: Mapping[str, set[str]]) -> Entry:
        """The entry of one record.

        Raises:
            BadItem: it names no two pictures that are there, or holds no instruction.
        """
        found = item if isinstance(item, dict) else {}
        paths = []
        for key in ("input", "output"):
            name = found.get(key)
            if not is_text(name):
                raise BadItem(f"the record has no {key}")
            self.file(name)
            home = next((folder for folder in _HOMES if name in present[folder]), None)
            if home is None:
                raise BadItem(f"{key} images/{brief(name)} is missing")
            paths.append(f"{home}/{name}")
        edit = self._instructions(found)
        if not edit:
            raise BadItem(f"the record has no sentence of {' or '.join(self._options.requests)}")
        source, edited = PurePosixPath(found["input"]), PurePosixPath(found["output"])
        record = {"image": paths[0], "edited": paths[1], "edit": list(edit)}
        return Entry(edited.stem, f"gier/{source.stem}", Feature.EDIT, record)

    def _instructions(self, found: Mapping[str, Any]) -> tuple[str, ...]:
        if _REWORKED in found:
            return instructions_in(found[_REWORKED])
        asked = set(without_tags(instructions_in([found.get(field) for field in _FIELDS["request"]])))
        sentences: list[str] = []
        for kind in self._options.requests:
            for field in _FIELDS[kind]:
                # some amateurs handed in the forum post itself as their summary
                tidy = without_tags(instructions_in(found.get(field)))
                sentences += [text for text in tidy if kind == "request" or text not in asked]
        return instructions_in(sentences)


def _names_in(folder: Path) -> set[str]:
    """Paths of all files below a folder, relative to it; none when it is missing."""
    if not folder.is_dir():
        return set()
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
