"""InstructPix2Pix: pairs of generated photographs with an instruction, several seeds a prompt.

313,010 pairs in clip-filtered-dataset (436 GB), 451,990 in random-sample-dataset. The shards are read as folders or,
without unpacking, as shard-NN.zip. `prompt.json` may lack `input` and `output`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.edit_pairs import instructions_in, is_there
from ..reading.json_stream import stream_json
from ..reading.zip_members import ZipContents, lazy_member
from ..sample import Feature, FileBytes, Pair, Sample
from ..source import Entry, Reject, Source

_NAME = re.compile(r"(?:(?P<shard>shard-\d+)/)?(?P<prompt>[A-Za-z0-9][\w.-]*)")
_SEED = re.compile(r"[A-Za-z0-9]+")
_MOST_PROMPT_BYTES = 1 << 20

_Pointer = str | list[Any]
"""Where a file lies: its path below the dataset's folder, or [zip file, member, place]."""
_Finder = Callable[[str], _Pointer]
"""Finds a file of one prompt by its name ("prompt.json"); BadItem when it is not there."""


class InstructPix2PixOptions(Block):
    """Options of the InstructPix2Pix source."""

    ids: str = Field(
        "",
        description="file with the pairs to keep, JSON list or one a line: NAME, NAME/SEED or [NAME, SEED], such as "
        "InstructDiffusion's thres5.5-0.5 list; in the dataset's folder, or a full path",
    )


class InstructPix2Pix(Source):
    """InstructPix2Pix, clip-filtered-dataset or random-sample-dataset."""

    name = "instructpix2pix"
    reader_version = 2
    title = "InstructPix2Pix (generated edits)"
    homepage = "https://github.com/timothybrooks/instruct-pix2pix"
    license = "not stated by its authors; the pictures are made by Stable Diffusion (CreativeML OpenRAIL-M)"
    splits = ("train",)
    features = Feature.EDIT | Feature.CAPTIONS
    tree = """  clip-filtered-dataset/
    seeds.json
    shard-00.zip …                              (or unpacked:)
    shard-00/0000132/prompt.json …
    shard-00/0000132/127380018_0.jpg …          (the photograph; _1.jpg the edited one)"""
    options_type = InstructPix2PixOptions

    def inputs(self) -> list[Path]:
        seeds = self.require("seeds.json")
        ids = self._ids_file()
        shards = sorted(self.path.glob("shard-*.zip")) + self._shard_folders()
        return [seeds, *([ids] if ids else []), *(shards or [self.path])]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        kept = _Kept(self._ids_file())
        for shard, prompts in self._prompts_by_shard(reject).items():
            try:
                finder_of = self._finders(shard)
            except BadItem as fault:
                for name in prompts:
                    reject(name, str(fault))
                continue
            for name, seeds in prompts.items():
                wanted = [seed for seed in seeds if kept.holds(name, seed)]
                if wanted:
                    yield from self._entries(name, wanted, finder_of(name), reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        source, edited = (self._bytes(record[key]) for key in ("image", "edited"))
        pair = Pair(edited, "edit", tuple(record["edit"]), record.get("edited_caption", ""))
        return Sample(entry_id, source, captions=tuple(record["captions"]), pair=pair)

    def _entries(self, name: str, seeds: list[str], find: _Finder, reject: Reject) -> Iterator[Entry]:
        """The pairs of one prompt."""
        try:
            texts = _read_prompt(self._bytes(find("prompt.json")))
        except BadItem as fault:
            reject(name, str(fault))
            return
        for seed in seeds:
            try:
                record = {"image": find(f"{seed}_0.jpg"), "edited": find(f"{seed}_1.jpg")}
            except BadItem as fault:
                reject(f"{name}/{seed}", str(fault))
                continue
            yield Entry(
                id=f"{name.replace('/', '-')}-{seed}",
                image_key=f"instructpix2pix/{name.rpartition('/')[2]}",
                features=Feature.EDIT | (Feature.CAPTIONS if texts["captions"] else Feature(0)),
                record={**record, **texts},
            )

    def _prompts_by_shard(self, reject: Reject) -> dict[str, dict[str, list[str]]]:
        """Seeds by prompt by shard, in the order of seeds.json; shard "" when the names have none."""
        file = self.require("seeds.json")
        shards: dict[str, dict[str, list[str]]] = {}
        for _, item in stream_json(file):
            name, seeds = item if isinstance(item, list) and len(item) == 2 else (item, None)
            match = _NAME.fullmatch(name) if isinstance(name, str) else None
            texts = [str(seed) for seed in seeds if isinstance(seed, str | int)] if isinstance(seeds, list) else []
            if not match or not texts or ".." in str(name) or not all(_SEED.fullmatch(seed) for seed in texts):
                reject(str(name)[:80], f"{file.name}: no prompt name with a list of seeds")
                continue
            known = shards.setdefault(match["shard"] or "", {}).setdefault(str(name), [])
            known += [seed for seed in texts if seed not in known]
        if not shards:
            raise SourceLayoutError(f"{file} lists no prompt; expected is [[name, [seed, …]], …]")
        return shards

    def _finders(self, shard: str) -> Callable[[str], _Finder]:
        """Where the prompts of a shard are looked for.

        Raises:
            BadItem: there is no such shard, or it is a broken zip file.
        """
        if not shard:
            homes = ["", *(f"{folder.name}/" for folder in self._shard_folders())]
            return lambda name: partial(self._in_folder, self._home(name, homes))
        if (self.path / shard).is_dir():
            return lambda name: partial(self._in_folder, name)
        contents = ZipContents(self.path / f"{shard}.zip")
        return lambda name: partial(_in_zip, contents, name)

    def _home(self, name: str, homes: list[str]) -> str:
        return next((home + name for home in homes if self.file(home + name).is_dir()), name)

    def _in_folder(self, folder: str, file: str) -> str:
        pointer = f"{folder}/{file}"
        if not is_there(self.file(pointer)):
            raise BadItem(f"{pointer} is missing")
        return pointer

    def _bytes(self, pointer: _Pointer) -> FileBytes:
        if isinstance(pointer, str):
            return FileBytes(self.file(pointer))
        archive, member, place = pointer
        return lazy_member(self.file(archive), member, place)

    def _shard_folders(self) -> list[Path]:
        return sorted(folder for folder in self.path.glob("shard-*") if folder.is_dir())

    def _ids_file(self) -> Path | None:
        assert isinstance(self.options, InstructPix2PixOptions)
        if not self.options.ids:
            return None
        wanted = self.path / self.options.ids  # a full path stays as it is
        if not wanted.is_file():
            raise SourceLayoutError(f"source {self.name}: id list {wanted} is missing; correct the option `ids`")
        return wanted


def _in_zip(contents: ZipContents, name: str, file: str) -> _Pointer:
    """Members are named with the shard ("shard-00/0000132/prompt.json") or without."""
    names = (f"{name}/{file}", f"{name.rpartition('/')[2]}/{file}")
    place = contents.place(*names)
    member = names[0] if names[0] in contents else names[1]
    return [contents.archive.name, member, place]


def _read_prompt(file: FileBytes) -> dict[str, Any]:
    """Instructions, captions of the photo, and the caption of its twin, of a prompt.json.

    Raises:
        BadItem: it is missing, no JSON, or has no `edit`.
    """
    data = file.read()
    if len(data) > _MOST_PROMPT_BYTES:
        raise BadItem(f"{file.path.name} has {len(data)} bytes, too many for a prompt")
    try:
        texts = json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise BadItem(f"{file.path.name} is no JSON ({fault})") from fault
    edit = instructions_in(texts.get("edit")) if isinstance(texts, dict) else ()
    if not edit:
        raise BadItem(f"{file.path.name} has no text under `edit`")
    after = instructions_in(texts.get("output"))
    found = {"edit": list(edit), "captions": list(instructions_in(texts.get("input")))}
    return {**found, "edited_caption": after[0]} if after else found


class _Kept:
    """The pairs that an id list keeps; all when there is none."""

    def __init__(self, file: Path | None) -> None:
        self._ids = None if file is None else set(_read_ids(file))

    def holds(self, name: str, seed: str) -> bool:
        """Whether the pair is kept; the list may name it with or without its shard, with or without its seed."""
        prompt = name.rpartition("/")[2]
        return self._ids is None or not self._ids.isdisjoint((name, prompt, f"{name}/{seed}", f"{prompt}/{seed}"))


def _read_ids(file: Path) -> Iterator[str]:
    """NAME or NAME/SEED for every item of an id list.

    Raises:
        SourceLayoutError: the file is neither JSON nor text, or an item is neither of the two.
    """
    try:
        with file.open("rb") as opened:
            is_json = opened.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{"))
        items = (item for _, item in stream_json(file)) if is_json else iter(file.read_text("utf-8-sig").splitlines())
    except UnicodeDecodeError as fault:
        raise SourceLayoutError(f"{file} is no text file ({fault.reason}); correct the option `ids`") from fault
    for item in items:
        if isinstance(item, str):
            if item.strip():
                yield item.strip().strip("/")
        elif isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
            seeds = item[1] if isinstance(item[1], list) else [item[1]]
            yield from (f"{item[0]}/{seed}" for seed in seeds)
        else:
            raise SourceLayoutError(f"{file}: {str(item)[:80]!r} is neither NAME, NAME/SEED nor [NAME, SEED]")
