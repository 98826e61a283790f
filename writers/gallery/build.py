"""Write the gallery: pick rows, shrink their images, fill the page template, rename it into place."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...manifests.errors import OutputError, UsageError
from ...manifests.folder import replacing
from ...manifests.house_style import content_hash, load_page
from .detail import parse_json, pretty, swatches, words
from .pictures import Picture, make_picture
from .rows import Pick, Selection, find_shards, read_rows, select_rows

_TEMPLATE = Path(__file__).with_name("page.html")
# A card shows a picture at up to thumbnail_px CSS pixels, but dense screens and the enlarged view have more:
# half as much again keeps outlines of one or two pixels visible at twice the bytes.
_PIXEL_RATIO = 1.5
_MIN_THUMBNAIL_PX = 16
_PLACEHOLDER = re.compile(r"<!--(DATA|PICTURES)-->|(STYLE_HASH|SCRIPT_HASH)")


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """What was written.

    Attributes:
        path: the HTML file.
        shown: cards of each task.
        total: rows of each task in the whole dataset.
        broken: cards on which an image did not open.
        bytes: size of the HTML file.
    """

    path: Path
    shown: dict[str, int]
    total: dict[str, int]
    broken: int
    bytes: int


def write_gallery(
    dataset: Path, destination: Path, *, per_task: int = 24, seed: int = 0, thumbnail_px: int = 384
) -> GallerySummary:
    """Write one self-contained HTML page that shows a sample of a dataset folder.

    The page needs no network and opens from disk. The same dataset and options give the same bytes.

    Args:
        dataset: a folder that `taskpaint build` wrote; only `data/` is needed.
        destination: the HTML file to write; missing parent folders are made, an old file is replaced
            at the very end.
        per_task: at most so many rows of each task, spread evenly over its sources and splits.
        seed: which rows; another seed shows others.
        thumbnail_px: longest side of a picture on its card, CSS pixels; 1.5 times as many are embedded.

    Returns:
        Counts per task and the size of the page. An image that does not open is counted, and its card says
        why; it does not fail the page.

    Raises:
        UsageError: per_task < 1, thumbnail_px < 16, or destination is a folder.
        DatasetFolderError: no dataset folder, no shard, or a shard that cannot be read.
        OutputError: the file cannot be written.
    """
    _check_options(destination, per_task, thumbnail_px)
    shards = find_shards(dataset)
    selection = select_rows(shards, per_task, seed)
    pictures: dict[str, int] = {}
    longest_px = round(thumbnail_px * _PIXEL_RATIO)
    cards = [_card(pick, row, longest_px, pictures) for pick, row in read_rows(selection.picks)]
    cards.sort(key=lambda card: (card["rank"], card["id"]))
    for card in cards:
        del card["rank"]
    data = {
        "name": _dataset_name(dataset),
        "per_task": per_task,
        "seed": seed,
        "totals": selection.totals,
        "cards": cards,
    }
    size = _write(destination, _fill_template(data, list(pictures)))
    broken = sum(bool(card["input"]["problem"] or card["target"]["problem"]) for card in cards)
    return GallerySummary(destination, _shown(selection), selection.totals, broken, size)


def _check_options(destination: Path, per_task: int, thumbnail_px: int) -> None:
    if per_task < 1:
        raise UsageError(f"per_task is {per_task}; the gallery needs at least 1 row of each task")
    if thumbnail_px < _MIN_THUMBNAIL_PX:
        raise UsageError(f"thumbnail_px is {thumbnail_px}; give at least {_MIN_THUMBNAIL_PX}")
    if destination.is_dir():
        raise UsageError(f"{destination} is a folder; give a file name such as {destination / 'gallery.html'}")


def _shown(selection: Selection) -> dict[str, int]:
    counts = Counter(pick.task for pick in selection.picks)
    return {task: counts[task] for task in selection.totals}


def _card(pick: Pick, row: dict[str, Any], longest_px: int, pictures: dict[str, int]) -> dict[str, Any]:
    """What the page's script needs of one row; data URIs go to `pictures` (URI -> number), each once."""
    params, annotation = parse_json(row.get("params")), parse_json(row.get("annotation"))
    images = {
        name: _picture_entry(make_picture(row[column], longest_px), pictures)
        for name, column in (("input", "input_image"), ("target", "edited_image"))
    }
    return {
        "rank": pick.rank,
        "id": row["id"] or "",
        "task": pick.task,
        "source": pick.source,
        "split": pick.split,
        "instruction": row["edit_prompt"] or "",
        "template": row.get("template_id") or "",
        "source_split": row.get("source_split") or "",
        "source_id": row.get("source_id") or "",
        "image_key": row.get("image_key") or "",
        "license": row.get("license") or "",
        "params": pretty(row.get("params"), params),
        "annotation": pretty(row.get("annotation"), annotation),
        "swatches": swatches(params),
        "words": words(params, annotation),
        **images,
    }


def _picture_entry(picture: Picture, pictures: dict[str, int]) -> dict[str, Any]:
    """The picture without its URI, which is kept apart so that a photograph used twice is stored once."""
    entry = asdict(picture)
    uri = entry.pop("uri")
    return entry | {"picture": pictures.setdefault(uri, len(pictures)) if uri else None}


def _dataset_name(dataset: Path) -> str:
    """`name` of the manifest where there is one, else the folder's name. Only a heading: never fails."""
    manifest = dataset / "manifest.json"
    try:
        fields = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    except (OSError, ValueError, RecursionError):
        fields = {}
    name = fields.get("name") if isinstance(fields, dict) else None
    return name if isinstance(name, str) and name.strip() else dataset.resolve().name


def _fill_template(data: dict[str, Any], uris: list[str]) -> Iterator[str]:
    """The page in pieces. Dataset text stands only in a JSON block, where no `<` can end it.

    The content security policy admits the template's own style and script, by hash, and nothing else: no
    request leaves the page, and markup in an instruction could not run even if it reached the document.
    """
    template = load_page(_TEMPLATE)
    position = 0
    for place in _PLACEHOLDER.finditer(template):
        yield template[position : place.start()]
        position = place.end()
        if place[0] == "STYLE_HASH":
            yield content_hash(template, "style")
        elif place[0] == "SCRIPT_HASH":
            yield content_hash(template, "script")
        elif place[1] == "DATA":
            yield f'<script type="application/json" id="data">{_script_safe_json(data)}</script>'
        else:
            for number, uri in enumerate(uris):
                yield f'<script type="text/plain" id="picture-{number}">{uri}</script>\n'
    yield template[position:]


def _script_safe_json(data: dict[str, Any]) -> str:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _write(destination: Path, pieces: Iterator[str]) -> int:
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with replacing(destination) as part, part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)
        return destination.stat().st_size
    except OSError as error:
        raise OutputError(
            f"{destination} cannot be written ({error.strerror or error}); choose another place for the page"
        ) from error
