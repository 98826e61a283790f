"""Encoded image pairs to arrays of one size, the target treated as what it is: a photograph or a map."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import DatasetFolderError, ItemError
from ..manifests.images import RGB, decode_rgb

Fit = Literal["crop", "stretch", "pad"]
_PALETTE_PNG = 3


def decode_pair(row: dict[str, Any], size: tuple[int, int] | None, fit: Fit) -> tuple[RGB, RGB]:
    """Source and target of a row, (H, W, 3) uint8 each.

    Args:
        row: with encoded images.
        size: width and height; None keeps the pixels.
        fit: crop: cover the size and cut the middle out; pad: fit inside, black around; stretch: neither.

    Raises:
        DatasetFolderError: an image does not open; names the row.
    """
    found = []
    for name in ("input_image", "edited_image"):
        data = row[name]["bytes"]
        try:
            pixels = decode_rgb(data)
        except ItemError as fault:
            raise DatasetFolderError(f"{name} of row {row['id']} does not open: {fault}") from fault
        sized = pixels if size is None else resize(pixels, size, fit, flat=is_flat(data))
        found.append(np.require(sized, np.uint8, ["C", "W"]))
    return found[0], found[1]


def is_flat(data: bytes) -> bool:
    """Whether it is a palette PNG: colours that mean something and must not be blended."""
    return data.startswith(b"\x89PNG") and len(data) > 25 and data[25] == _PALETTE_PNG


def resize(pixels: RGB, size: tuple[int, int], fit: Fit, *, flat: bool) -> RGB:
    """Bring (H, W, 3) uint8 to (height, width) of `size`, given as width and height."""
    width, height = size
    rows, columns = pixels.shape[:2]
    if fit == "stretch":
        return _scaled(pixels, width, height, flat)
    pick = max if fit == "crop" else min
    scale = pick(width / columns, height / rows)
    inner = max(1, round(columns * scale)), max(1, round(rows * scale))
    scaled = _scaled(pixels, *inner, flat)
    left, top = (inner[0] - width) // 2, (inner[1] - height) // 2
    if fit == "crop":
        return np.ascontiguousarray(scaled[top : top + height, left : left + width])
    out = np.zeros((height, width, 3), np.uint8)
    out[-top : -top + inner[1], -left : -left + inner[0]] = scaled
    return out


def _scaled(pixels: RGB, width: int, height: int, flat: bool) -> NDArray[np.uint8]:
    rows, columns = pixels.shape[:2]
    if (columns, rows) == (width, height):
        return pixels
    shrinks = width <= columns and height <= rows
    how = cv2.INTER_NEAREST_EXACT if flat else cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)
