"""Draw the pictures of the documentation from the world of `taskpaint demo`; no photograph is used.

Run `python docs/pictures.py` when the drawing of a task changes. It writes docs/pictures/<task>.png, a triplet of each
style of the task, and docs/pictures/demo.png, a triplet of some tasks.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from drawn_samples import drawn_triplets
from PIL import Image, ImageDraw, ImageFont
from taskpaint.builders.world import write_world
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe import Sizing
from taskpaint.manifests.recipe_file import RecipeFile, load_recipe

PICTURES: Final = Path(__file__).parent / "pictures"

_SCENES, _SEED = 12, 4
_DRAWN_WITH = 7
"""Seed of the questions."""
_SIDE: Final = 176
"""Side of a drawn image, pixels."""
_GAP: Final = 6
_FONT_SIZE, _LINE = 12, 15
_LINES: Final = 3
_MOST_STYLES: Final = 4
_SHOWN_TASKS: Final = (
    "segmentation",
    "keypoints",
    "detection",
    "depth",
    "semantic",
    "skeleton",
    "normals",
    "inpainting",
)
_MOST_BYTES_OF_ALL, _MOST_BYTES_OF_A_TASK = 150_000, 80_000


@dataclass(frozen=True)
class _Shown:
    """A triplet as it is shown. style: tells the ways of drawing one task apart; asked: how many things it asks for."""

    task: str
    style: str
    asked: int
    instruction: str
    source: Image.Image
    target: Image.Image

    @property
    def lines(self) -> list[str]:
        """The instruction, broken to the width of the two images."""
        return _broken(self.instruction, 2 * _SIDE + _GAP - 4)


def main() -> None:
    """Build the demo's dataset in a temporary folder and draw the pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        triplets = [*_triplets(Path(scratch)), *_drawn()]
    PICTURES.mkdir(exist_ok=True)
    shown = {task: _one_of_each_style(triplets, task) for task in sorted({one.task for one in triplets})}
    for task, mine in shown.items():
        _save(_grid(mine, columns=2), task, _MOST_BYTES_OF_A_TASK)
    _save(_grid([shown[task][0] for task in _SHOWN_TASKS], columns=2), "demo", _MOST_BYTES_OF_ALL)


def _triplets(scratch: Path) -> list[_Shown]:
    write_world(scratch / "world", scenes=_SCENES, seed=_SEED)
    recipe = load_recipe("demo").recipe
    square = Sizing(resize="square", size=2 * _SIDE, crop="subject")
    file = RecipeFile(recipe.model_copy(update={"image": square, "seed": _DRAWN_WITH}), "demo")
    build([file], scratch / "dataset", BuildOptions(root=scratch / "world", workers=1))
    found = []
    for shard in DatasetFolder(scratch / "dataset").shards():
        for row in pq.read_table(shard).to_pylist():
            params, annotation = json.loads(row["params"]), json.loads(row["annotation"])
            if row["task"] != "skeleton" and _is_empty(annotation):  # most people hide some joint
                continue
            source, target = (_image(row[name]["bytes"]) for name in ("input_image", "edited_image"))
            asked = len(params.get("targets", ()))
            style = str(params.get("style") or params.get("kind") or params["section"])
            found.append(_Shown(row["task"], style, asked, row["edit_prompt"], source, target))
    return found


def _drawn() -> list[_Shown]:
    """Of the tasks that the demo's datasets do not feed."""
    return [
        _Shown(one.task, one.style, 1, one.instruction, _small(one.source), _small(one.target))
        for one in drawn_triplets(2 * _SIDE)
    ]


def _is_empty(annotation: dict[str, Any]) -> bool:
    """Whether something was asked for that is not there, so that nothing was drawn for it."""
    things = [thing for key in ("regions", "boxes", "points") for thing in annotation.get(key, ())]
    marks = [
        [thing[key] for key in ("area", "xyxy", "xy", "corners") if key in thing]
        for thing in things
        if isinstance(thing, dict)
    ]
    return any(mark and not any(mark) for mark in marks)


def _image(data: bytes) -> Image.Image:
    return _small(Image.open(io.BytesIO(data)).convert("RGB"))


def _small(picture: Image.Image) -> Image.Image:
    return picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)


def _one_of_each_style(triplets: Sequence[_Shown], task: str) -> list[_Shown]:
    """Those that ask for most, as long as their instruction has room."""
    found: dict[str, _Shown] = {}
    for shown in sorted(triplets, key=lambda one: (len(one.lines) > _LINES, -one.asked, one.instruction)):
        if shown.task == task:
            found.setdefault(shown.style, shown)
    return list(found.values())[:_MOST_STYLES]


def _grid(triplets: Sequence[_Shown], columns: int) -> Image.Image:
    """Source and target side by side with the instruction below, `columns` triplets in a row."""
    cells = [_cell(shown) for shown in triplets]
    width, height = cells[0].size
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    page = Image.new("RGB", (columns * (width + 3 * _GAP) - 3 * _GAP, rows * (height + _GAP) - _GAP), "white")
    for number, cell in enumerate(cells):
        page.paste(cell, (number % columns * (width + 3 * _GAP), number // columns * (height + _GAP)))
    return page


def _cell(shown: _Shown) -> Image.Image:
    cell = Image.new("RGB", (2 * _SIDE + _GAP, _SIDE + 4 + _LINES * _LINE), "white")
    cell.paste(shown.source, (0, 0))
    cell.paste(shown.target, (_SIDE + _GAP, 0))
    pen = ImageDraw.Draw(cell)
    for number, line in enumerate(shown.lines[:_LINES]):
        pen.text((1, _SIDE + 3 + number * _LINE), line, fill=(40, 40, 40), font=_font())
    return cell


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT_SIZE)


def _broken(text: str, width_px: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _font().getlength(longer) <= width_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _save(picture: Image.Image, name: str, most_bytes: int) -> None:
    """Write with a palette of its own.

    Raises:
        ValueError: the file would be larger than a repository should carry.
    """
    few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    size = len(out.getvalue())
    if size > most_bytes:
        raise ValueError(f"{name}.png would take {size} bytes, more than {most_bytes}; show fewer or smaller triplets")
    (PICTURES / f"{name}.png").write_bytes(out.getvalue())


if __name__ == "__main__":
    main()
