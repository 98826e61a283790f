"""A small picture of each task for the card: source and target side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from ..manifests.errors import BadItem
from ..manifests.images import RGB, decode_rgb
from .card_survey import CardSurvey, Place, read_place
from .codecs import encode_jpeg

_HEIGHT: Final = 144
_MAX_WIDTH: Final = 288
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_GAP: Final = 4
_QUALITY: Final = 75
_COLUMNS: Final = ["id", "edit_prompt", "input_image", "edited_image", "template_id", "source_dataset", "license"]


@dataclass(frozen=True, slots=True)
class TaskPicture:
    """One task's picture.

    Attributes:
        path: in the dataset folder: `card/<task>.jpg`.
        data: JPEG bytes.
        row_id, instruction, source, license: of the row that it shows.
    """

    path: str
    data: bytes
    row_id: str
    instruction: str
    source: str
    license: str


def task_pictures(survey: CardSurvey) -> dict[str, TaskPicture]:
    """Task -> its picture, from the first row whose images open and differ; a task without such a row has none.

    Raises:
        DatasetFolderError: a shard cannot be read.
    """
    found = {task: _first_fitting(task, places) for task, places in sorted(survey.places.items())}
    return {task: picture for task, picture in found.items() if picture is not None}


def _first_fitting(task: str, places: list[Place]) -> TaskPicture | None:
    for place in places:
        row = read_place(place, _COLUMNS)
        data = _side_by_side(row)
        if data is not None:
            return TaskPicture(
                f"card/{_UNSAFE.sub('-', task)}.jpg",
                data,
                row["id"],
                row["edit_prompt"],
                row["source_dataset"],
                row["license"],
            )
    return None


def _side_by_side(row: Mapping[str, Any]) -> bytes | None:
    encoded = [(row[name] or {}).get("bytes") or b"" for name in ("input_image", "edited_image")]
    if encoded[0] == encoded[1]:
        return None  # nothing had to be drawn: true, but no picture of the task
    try:
        source, target = (decode_rgb(data) for data in encoded)
    except BadItem:
        return None  # `taskpaint verify` says so
    panels = [_shrunk(source, flat=False), _shrunk(target, flat=_is_flat(target))]
    gap = np.full((_tallest(panels), _GAP, 3), 255, np.uint8)
    return encode_jpeg(np.concatenate([_padded(panels[0], len(gap)), gap, _padded(panels[1], len(gap))], 1), _QUALITY)


def _shrunk(image: RGB, *, flat: bool) -> RGB:
    height, width, _ = image.shape
    scale = min(1.0, _HEIGHT / height, _MAX_WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = Image.Resampling.NEAREST if flat else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(image).resize(size, method))


def _is_flat(image: RGB) -> bool:
    """Whether the image is a drawing of few colours, whose colours must not be mixed."""
    return Image.fromarray(image).getcolors(256) is not None


def _tallest(panels: list[RGB]) -> int:
    return max(len(panel) for panel in panels)


def _padded(panel: RGB, height: int) -> RGB:
    return np.pad(panel, ((0, height - len(panel)), (0, 0), (0, 0)), constant_values=255)
