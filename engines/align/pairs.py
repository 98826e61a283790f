"""An item and one of its edits as a triplet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ...alignment.run import Item
from ...manifests.errors import BadItem
from ...manifests.images import RGB, decode_rgb
from ...manifests.triplet import Triplet
from ...writers.codecs import encode_png

_MOST_STRETCH: Final = 1.03
"""Models round sides to a multiple of 8 or 64 pixels; beyond this an edit shows another section of its source."""


def pair_of(root: Path, item: Item, place: int, row_id: str, alignment: Mapping[str, Any]) -> Triplet:
    """Make a triplet of task `edit`.

    Args:
        root: of the run.
        place: of the edit.
        row_id: the triplet's id.
        alignment: how the edit was made and chosen; kept in `params`.

    Raises:
        BadItem: a picture is gone or broken, or the two have other proportions.
    """
    source, edited = _read(root, item.source), _read(root, item.candidates[place].image)
    target = decode_rgb(edited)
    height, width = target.shape[:2]
    captions = {"source_caption": item.source_caption, "target_caption": item.target_caption}
    annotation = {"instruction": item.instruction, **(captions if item.source_caption else {})}
    params: dict[str, Any] = {"instruction": item.instruction}
    if item.task != "edit":
        params["asked_of_task"] = item.task
    return Triplet(
        id=row_id,
        input_image=_fitted(source, decode_rgb(source), (width, height)),
        edited_image=edited,
        edit_prompt=item.instruction,
        task="edit",
        template_id="as-given",
        params=_json({**params, "alignment": dict(alignment)}),
        annotation=_json(annotation),
        source_dataset=item.source_dataset or "alignment",
        source_split=item.source_split,
        source_id=item.source_id or item.id,
        image_key=item.image_key or f"picture-{Path(item.source).stem}",
        license=item.license or "not stated",
        width=width,
        height=height,
    )


def _fitted(data: bytes, source: RGB, size_wh: tuple[int, int]) -> bytes:
    """The source at the edit's size; its own bytes where it has that size already."""
    height, width = source.shape[:2]
    if (width, height) == size_wh:
        return data
    stretch = (width / height) / (size_wh[0] / size_wh[1])
    if max(stretch, 1 / stretch) > _MOST_STRETCH:
        raise BadItem(f"source is {width}x{height}, its edit {size_wh[0]}x{size_wh[1]}; proportions must be the same")
    how = cv2.INTER_AREA if size_wh[0] < width else cv2.INTER_CUBIC
    return encode_png(np.asarray(cv2.resize(source, size_wh, interpolation=how), np.uint8))


def _read(root: Path, path: str) -> bytes:
    try:
        return (root / path).read_bytes()
    except OSError as fault:
        raise BadItem(f"{path} cannot be read: {fault.strerror}") from fault


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
