"""Make a run by drawing several edits for every row of a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...alignment.draws import Draw
from ...alignment.pictures import store_file, store_pixels
from ...alignment.run import Candidate, Item, RunFolder
from ...manifests.errors import DatasetFolderError, ItemError, OutputError, ResumeError, UsageError
from ...manifests.folder import DatasetFolder, require_same, split_of, write_json
from ...manifests.images import RGB, decode_rgb

_ITEMS_AT_A_TIME = 64


@dataclass(frozen=True, slots=True)
class Edit:
    """What to draw. key: of the item; decides the noise, with the draw's seed."""

    key: str
    picture: RGB
    instruction: str


class Watch(Protocol):
    """Is told of progress."""

    def stage(self, what: str, total: int, unit: str) -> None:
        """Something begins."""

    def advance(self, count: int) -> None:
        """So many more are done."""


class Editor(Protocol):
    """Something that edits pictures by instruction.

    Attributes:
        identity: JSON-able; what decides its drawings.
    """

    identity: Mapping[str, Any]

    def edit(self, edits: Sequence[Edit], draw: Draw) -> Sequence[RGB]:
        """Draw each edit with one draw's settings; (H, W, 3) uint8 each, in the order of the edits.

        The same edits and draw give the same pixels.
        """


@dataclass(frozen=True)
class GenerateOptions:
    """Which rows to draw for.

    Attributes:
        draws: settings of the edits of every row.
        limit: rows, drawn by the seed; 0 for all.
        split: rows of this split.
        tasks: rows of these tasks; empty for all.
        seed: decides the rows.
        name: of the run.
    """

    draws: tuple[Draw, ...]
    limit: int = 0
    split: str = "train"
    tasks: tuple[str, ...] = ()
    seed: int = 0
    name: str = ""


@dataclass(frozen=True)
class Generated:
    """What a new run holds. drawn: edits drawn now; the others were there from an earlier run."""

    root: Path
    items: int
    candidates: int
    drawn: int


def generate(dataset: Path, root: Path, editor: Editor, options: GenerateOptions, watch: Watch) -> Generated:
    """Draw edits; a run that was stopped goes on, and comes to the same.

    Raises:
        UsageError: no rows, or fewer than two draws.
        DatasetFolderError: it is no dataset.
        ResumeError: the folder was begun otherwise, or holds something else.
        OutputError: it cannot be written.
    """
    if len(options.draws) < 2:
        raise UsageError("fewer than two edits leave nothing to choose; give --edits 2 or more")
    rows = _rows(dataset, options)
    try:
        folder = _begin(root, editor, options, rows)
        watch.stage("drawing", len(rows) * len(options.draws), " edits")
        return _Generation(folder, editor, options, watch).run(rows)
    except OSError as fault:
        raise OutputError(f"{root} cannot be written: {fault.strerror or fault}") from fault


def _begin(root: Path, editor: Editor, options: GenerateOptions, rows: Sequence[_Place]) -> RunFolder:
    folder = RunFolder(root)
    state = root / ".taskpaint"
    identity = {
        "editor": dict(editor.identity),
        "draws": [asdict(draw) for draw in options.draws],
        "rows": [row.id for row in rows],
        "seed": options.seed,
    }
    begun = state / "generate.json"
    if begun.exists():
        remedy = "run it as before, or choose another folder"
        require_same(json.loads(begun.read_text("utf-8")), json.loads(json.dumps(identity)), root, remedy=remedy)
    elif root.exists() and any(root.iterdir()):
        raise ResumeError(f"{root} is not empty and no run that was begun here; choose another folder")
    else:
        state.mkdir(parents=True, exist_ok=True)
        folder.images.mkdir(exist_ok=True)
        write_json(begun, identity)
    return folder


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row stands."""

    id: str
    file: Path
    group: int
    row: int


class _Generation:
    """One run of drawing. The unit of work is one draw for a fixed group of rows: batches are the same after a stop."""

    def __init__(self, folder: RunFolder, editor: Editor, options: GenerateOptions, watch: Watch) -> None:
        self._folder, self._editor, self._options, self._watch = folder, editor, options, watch
        self._done_file = folder.root / ".taskpaint" / "drawn.jsonl"
        self._done = self._read_done()
        self._drawn = 0

    def run(self, places: Sequence[_Place]) -> Generated:
        items: list[Item] = []
        for first in range(0, len(places), _ITEMS_AT_A_TIME):
            items += self._group(first, places[first : first + _ITEMS_AT_A_TIME])
        name = self._options.name or self._folder.root.resolve().name
        made_by = {"editor": dict(self._editor.identity), "draws": [asdict(draw) for draw in self._options.draws]}
        self._folder.write(name, self._options.seed, made_by, items)
        return Generated(self._folder.root, len(items), len(items) * len(self._options.draws), self._drawn)

    def _group(self, first: int, places: Sequence[_Place]) -> Iterator[Item]:
        rows = [_read_row(place) for place in places]
        edits: list[Edit] = []
        for number, draw in enumerate(self._options.draws):
            if (first, number) not in self._done:
                edits = edits or [Edit(row["id"], _decoded(row), row["edit_prompt"]) for row in rows]
                self._draw(first, number, edits, draw)
            self._watch.advance(len(rows))
        for position, row in enumerate(rows):
            images = [self._done[first, number][position] for number in range(len(self._options.draws))]
            yield self._item(row, images)

    def _draw(self, first: int, number: int, edits: Sequence[Edit], draw: Draw) -> None:
        drawn = self._editor.edit(edits, draw)
        assert len(drawn) == len(edits), f"{len(drawn)} drawings for {len(edits)} edits"
        images = [store_pixels(self._folder.root, np.asarray(pixels)) for pixels in drawn]
        self._done[first, number] = images
        self._drawn += len(images)
        with self._done_file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps({"first": first, "draw": number, "images": images}) + "\n")

    def _read_done(self) -> dict[tuple[int, int], list[str]]:
        """Drawings of an earlier run whose files are all there; half a line of a killed one is passed over."""
        found: dict[tuple[int, int], list[str]] = {}
        lines = self._done_file.read_text("utf-8").split("\n") if self._done_file.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
                images = list(entry["images"])
            except (ValueError, KeyError, TypeError):
                continue
            if all((self._folder.root / image).is_file() for image in images):
                found[entry["first"], entry["draw"]] = images
        if lines and lines[-1]:
            with self._done_file.open("a", encoding="utf-8") as opened:
                opened.write("\n")
        return found

    def _item(self, row: Mapping[str, Any], images: Sequence[str]) -> Item:
        annotation = json.loads(row["annotation"])
        captions = {name: annotation.get(name, "") for name in ("source_caption", "target_caption")}
        return Item(
            id=row["id"],
            instruction=row["edit_prompt"],
            source=store_file(self._folder.root, row["input_image"]["bytes"]),
            candidates=tuple(
                Candidate(image=image, **asdict(draw)) for image, draw in zip(images, self._options.draws, strict=True)
            ),
            task=row["task"],
            split=self._options.split,
            **{name: row[name] for name in ("source_dataset", "source_split", "source_id", "image_key", "license")},
            **(captions if all(isinstance(text, str) and text for text in captions.values()) else {}),
        )


def _rows(dataset: Path, options: GenerateOptions) -> list[_Place]:
    """Rows to draw for, in the order of the dataset."""
    found: list[_Place] = []
    for file in DatasetFolder(dataset).shards():
        if split_of(file.stem) == options.split:
            found += _places(file, options.tasks)
    if not found:
        tasks = f" of task {', '.join(options.tasks)}" if options.tasks else ""
        raise UsageError(f"{dataset} has no rows{tasks} in the split {options.split!r}")
    if options.limit and options.limit < len(found):
        chosen = np.random.default_rng(options.seed).choice(len(found), options.limit, replace=False)
        found = [found[position] for position in sorted(chosen.tolist())]
    return found


def _places(file: Path, tasks: tuple[str, ...]) -> Iterator[_Place]:
    try:
        with pq.ParquetFile(file) as parquet:
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, columns=["id", "task"])
                for row, (row_id, task) in enumerate(
                    zip(*(table.column(n).to_pylist() for n in ("id", "task")), strict=True)
                ):
                    if not tasks or task in tasks:
                        yield _Place(row_id, file, group, row)
    except (pa.ArrowException, OSError, KeyError) as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}; taskpaint verify tells more") from fault


def _read_row(place: _Place) -> dict[str, Any]:
    with pq.ParquetFile(place.file, memory_map=True) as parquet:
        found: dict[str, Any] = parquet.read_row_group(place.group).slice(place.row, 1).to_pylist()[0]
    return found


def _decoded(row: Mapping[str, Any]) -> RGB:
    try:
        return decode_rgb(row["input_image"]["bytes"])
    except ItemError as fault:
        raise DatasetFolderError(f"source of row {row['id']} cannot be opened: {fault}") from fault
