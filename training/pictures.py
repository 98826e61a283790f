"""Rows to tensors: decoded, sized, and a broken one replaced by another."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from ..manifests.errors import DatasetFolderError, ItemError
from ..manifests.images import RGB, decode_rgb
from .batches import Batch
from .catalogue import Catalogue

_KEPT_GROUPS: Final = 4
_PALETTE_PNG: Final = 3
Tokens = Callable[[list[str]], torch.Tensor]


def read_pair(row: dict[str, Any]) -> tuple[RGB, RGB]:
    """Source and target, (H, W, 3) uint8.

    Raises:
        ItemError: one does not open, or their sizes differ.
    """
    source, target = (decode_rgb(row[name]["bytes"]) for name in ("input_image", "edited_image"))
    if source.shape != target.shape:
        raise ItemError(f"source is {source.shape[1]}x{source.shape[0]}, target {target.shape[1]}x{target.shape[0]}")
    return source, target


def resized(pixels: RGB, size_wh: tuple[int, int], *, flat: bool) -> RGB:
    """Stretch to a size; the colours of flat pictures are not blended.

    Stretched, not cropped: a target's frame, or a mark near the edge, must not be cut off.
    """
    height, width = pixels.shape[:2]
    if (width, height) == size_wh:
        return pixels
    shrinks = size_wh[0] <= width and size_wh[1] <= height
    how = cv2.INTER_NEAREST_EXACT if flat else cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size_wh, interpolation=how), np.uint8)


def is_flat(data: bytes) -> bool:
    """Whether it is a palette PNG, whose colours mean something."""
    return data.startswith(b"\x89PNG") and len(data) > 25 and data[25] == _PALETTE_PNG


def to_tensor(pixels: RGB) -> torch.Tensor:
    """(H, W, 3) uint8 to (3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float().div_(127.5).sub_(1)


class Pictures(Dataset[dict[str, Any]]):
    """Whole batches by their `Batch`: `source` and `target` (N, 3, H, W) in [-1, 1], `tokens` (N, 77) int64,
    `drawn_from_nothing` (N,) bool, `ids`, and `skipped`: what is wrong with the rows that had to be replaced.
    """

    def __init__(self, catalogue: Catalogue, tokens: Tokens) -> None:
        self._catalogue, self._tokens = catalogue, tokens
        self._kept: OrderedDict[int, list[dict[str, Any]]] = OrderedDict()

    def __getitem__(self, batch: Batch) -> dict[str, Any]:
        cv2.setNumThreads(1)
        rows, skipped = [], []
        spares = iter(batch.spares)
        for number in batch.rows:
            chosen: int | None = number
            while chosen is not None:
                row = self.row(chosen)
                try:
                    rows.append((row, *read_pair(row)))
                    break
                except ItemError as fault:
                    skipped.append(f"{row['id']}: {fault}")
                chosen = next(spares, None)
            else:
                raise DatasetFolderError(
                    f"too many broken pictures in {self._catalogue.root}, the last: {skipped[-1]}; run taskpaint verify"
                )
        return {**_stacked(rows, batch.size_wh, self._tokens), "skipped": skipped}

    def row(self, number: int) -> dict[str, Any]:
        """A row as stored; the last few row groups are kept."""
        group = self._catalogue.group_of(number)
        if group not in self._kept:
            self._kept[group] = self._catalogue.read_group(group)
            if len(self._kept) > _KEPT_GROUPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(group)
        return self._kept[group][number - int(self._catalogue.firsts[group])]


def _stacked(
    rows: Sequence[tuple[dict[str, Any], RGB, RGB]], size_wh: tuple[int, int], tokens: Tokens
) -> dict[str, Any]:
    sources: list[torch.Tensor] = []
    targets: list[torch.Tensor] = []
    for row, source, target in rows:
        for found, pixels, name in ((sources, source, "input_image"), (targets, target, "edited_image")):
            found.append(to_tensor(resized(pixels, size_wh, flat=is_flat(row[name]["bytes"]))))
    blank = [json.loads(row["params"]).get("text_to_image") is True for row, _, _ in rows]
    return {
        "source": torch.stack(sources),
        "target": torch.stack(targets),
        "tokens": tokens([row["edit_prompt"] for row, _, _ in rows]),
        "drawn_from_nothing": torch.tensor(blank),
        "ids": [row["id"] for row, _, _ in rows],
    }
