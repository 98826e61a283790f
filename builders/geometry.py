"""Image sizing: which part of the source is shown, at what size, and where annotations move with it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import BadItem
from ..manifests.images import MAX_PIXELS, RGB
from ..manifests.recipe import Sizing

Box = tuple[float, float, float, float]
ScalarT = TypeVar("ScalarT", bound=np.generic)
GridAxis = tuple[int, NDArray[np.int32]]
"""The first output column (or row) that is no padding, and (N,) the source column (or row) of each from there on."""
CARRIERS: Final = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.float64}


@dataclass(frozen=True, slots=True)
class Geometry:
    """Crop, then resize, then pad: how source pixels become output pixels.

    Attributes:
        source_wh: size of the upright source image, pixels.
        crop_xyxy: the part kept, whole source pixels.
        resized_wh: size of that part after scaling, pixels.
        offset_xy: where its top left corner lies in the output, pixels.
        size_wh: size of the output, pixels.
        pad_rgb: colour of the padding.
    """

    source_wh: tuple[int, int]
    crop_xyxy: tuple[int, int, int, int]
    resized_wh: tuple[int, int]
    offset_xy: tuple[int, int]
    size_wh: tuple[int, int]
    pad_rgb: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def native(cls, source_wh: tuple[int, int]) -> Geometry:
        """Nothing changes."""
        return cls(source_wh, (0, 0, *source_wh), source_wh, (0, 0), source_wh)

    @property
    def is_native(self) -> bool:
        """Whether every output pixel is the source pixel at the same place."""
        return self.crop_xyxy == (0, 0, *self.source_wh) and self.size_wh == self.source_wh == self.resized_wh

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Output pixels a source pixel, along x and y."""
        left, top, right, bottom = self.crop_xyxy
        return self.resized_wh[0] / (right - left), self.resized_wh[1] / (bottom - top)

    def image(self, pixels: RGB) -> RGB:
        """Move RGB pixels, (H, W, 3) uint8; area averaging when shrinking, cubic when growing."""
        if self.is_native:
            return pixels
        scale_x, scale_y = self.scale_xy
        shrinks = scale_x <= 1 and scale_y <= 1
        return self._move(pixels, cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC, self.pad_rgb)

    def labels(self, values: NDArray[ScalarT], pad: int = 0) -> NDArray[ScalarT]:
        """Move a map whose values must not be blended (labels, masks, depth): nearest pixel.

        Args:
            values: (H, W) of any integer or floating type.
            pad: the value of padding.
        """
        if self.is_native:
            return values
        left, top, right, bottom = self.crop_xyxy
        carrier = values.view(CARRIERS[values.itemsize])  # OpenCV copies whole pixels but does not know every type
        moved = cv2.resize(carrier[top:bottom, left:right], self.resized_wh, interpolation=cv2.INTER_NEAREST_EXACT)
        moved = moved.view(values.dtype)
        if self.resized_wh == self.size_wh:
            return moved
        out = np.full((self.size_wh[1], self.size_wh[0]), pad, values.dtype)
        x, y = self.offset_xy
        out[y : y + moved.shape[0], x : x + moved.shape[1]] = moved
        return out

    def grid(self) -> tuple[GridAxis, GridAxis] | None:
        """Which source columns and rows `labels` shows; None when it does not show whole columns and rows."""
        left, top, right, bottom = self.crop_xyxy
        columns, rows = np.arange(left, right, dtype=np.int32), np.arange(top, bottom, dtype=np.int32)
        across = cv2.resize(columns[None], (self.resized_wh[0], 1), interpolation=cv2.INTER_NEAREST_EXACT)
        down = cv2.resize(rows[None], (self.resized_wh[1], 1), interpolation=cv2.INTER_NEAREST_EXACT)
        return (self.offset_xy[0], across[0]), (self.offset_xy[1], down[0])

    def inside(self) -> NDArray[np.bool_]:
        """(H, W) bool: output pixels that show the source, not padding."""
        shown = np.zeros((self.size_wh[1], self.size_wh[0]), bool)
        x, y = self.offset_xy
        shown[y : y + self.resized_wh[1], x : x + self.resized_wh[0]] = True
        return shown

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Move a point given in pixel centres (0 is the centre of the first pixel)."""
        scale_x, scale_y = self.scale_xy
        out_x = (x + 0.5 - self.crop_xyxy[0]) * scale_x - 0.5 + self.offset_xy[0]
        out_y = (y + 0.5 - self.crop_xyxy[1]) * scale_y - 0.5 + self.offset_xy[1]
        return out_x, out_y

    def shown_points(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move (N, 2) points given in pixel edges (0 is where the first pixel begins) to the resized part, unpadded."""
        return (edges - np.array(self.crop_xyxy[:2])) * np.array(self.scale_xy)

    def box(self, box_xyxy: Box) -> Box | None:
        """Move a box given by its edges and clip it to what is shown; None when nothing of it is left."""
        scale_x, scale_y = self.scale_xy
        left, top, right, bottom = self.crop_xyxy
        x0, y0 = max(box_xyxy[0], left), max(box_xyxy[1], top)
        x1, y1 = min(box_xyxy[2], right), min(box_xyxy[3], bottom)
        if x1 <= x0 or y1 <= y0:
            return None
        offset_x, offset_y = self.offset_xy
        return (
            (x0 - left) * scale_x + offset_x,
            (y0 - top) * scale_y + offset_y,
            (x1 - left) * scale_x + offset_x,
            (y1 - top) * scale_y + offset_y,
        )

    def _move(self, pixels: RGB, interpolation: int, pad: Sequence[int]) -> RGB:
        left, top, right, bottom = self.crop_xyxy
        part = pixels[top:bottom, left:right]
        if (right - left, bottom - top) != self.resized_wh:
            part = cv2.resize(part, self.resized_wh, interpolation=interpolation)
        if self.resized_wh == self.size_wh:
            return np.ascontiguousarray(part)
        out = np.empty((self.size_wh[1], self.size_wh[0], 3), np.uint8)
        out[:] = pad
        x, y = self.offset_xy
        out[y : y + part.shape[0], x : x + part.shape[1]] = part
        return out


def hull(boxes: Iterable[Box | None]) -> Box:
    """Edges of the smallest box that holds all boxes, at least one."""
    lefts, tops, rights, bottoms = zip(*(box for box in boxes if box is not None), strict=True)
    return float(min(lefts)), float(min(tops)), float(max(rights)), float(max(bottoms))


def fit(
    sizing: Sizing,
    source_wh: tuple[int, int],
    subject: Box | None,
    draw: random.Random,
    crop: Box | None = None,
) -> Geometry:
    """Apply a recipe's sizing to one image.

    Args:
        sizing: the recipe's `image` block.
        source_wh: upright source size, pixels.
        subject: box of what the instruction is about, for `crop: subject`; source pixels.
        draw: the unit's randomness, for `crop: random`.
        crop: a part that the task wants to look at first (one person); source pixels.

    Raises:
        BadItem: the image is so long and thin that it would become enormous.
    """
    window = _whole_pixels(crop, source_wh) if crop else (0, 0, *source_wh)
    width, height = window[2] - window[0], window[3] - window[1]
    size = sizing.size
    match sizing.resize:
        case "native":
            kept, out = window, (width, height)
        case "shortest":
            scale = size / min(width, height)
            kept, out = window, (round(width * scale), round(height * scale))
        case "longest":
            scale = size / max(width, height)
            kept, out = window, (round(width * scale), round(height * scale))
        case "square":
            kept, out = _square(window, sizing.crop, subject, draw), (size, size)
        case "stretch":
            kept, out = window, (size, size)
        case "pad":
            return _padded(sizing, source_wh, window)
    multiple = sizing.multiple_of
    if multiple > 1:
        target = tuple(max(multiple, side // multiple * multiple) for side in out)
        kept, out = _same_aspect(kept, (target[0], target[1])), (target[0], target[1])
    out = (max(1, out[0]), max(1, out[1]))
    if out[0] * out[1] > MAX_PIXELS and sizing.resize != "native":
        became = f"{out[0]}x{out[1]}, over the limit of {MAX_PIXELS} pixels"
        raise BadItem(f"image of {width}x{height} would become {became}")
    return Geometry(source_wh, kept, out, (0, 0), out)


def _padded(sizing: Sizing, source_wh: tuple[int, int], window: tuple[int, int, int, int]) -> Geometry:
    width, height = window[2] - window[0], window[3] - window[1]
    scale = sizing.size / max(width, height)
    resized = (max(1, round(width * scale)), max(1, round(height * scale)))
    offset = ((sizing.size - resized[0]) // 2, (sizing.size - resized[1]) // 2)
    return Geometry(source_wh, window, resized, offset, (sizing.size, sizing.size), sizing.pad_rgb)


def _square(
    window: tuple[int, int, int, int], how: str, subject: Box | None, draw: random.Random
) -> tuple[int, int, int, int]:
    left, top, right, bottom = window
    side = min(right - left, bottom - top)
    free_x, free_y = right - left - side, bottom - top - side
    if how == "subject" and subject is not None:
        x = _keeping(subject[0] - left, subject[2] - left, side, free_x, draw)
        y = _keeping(subject[1] - top, subject[3] - top, side, free_y, draw)
    elif how == "random":
        x, y = draw.randint(0, free_x), draw.randint(0, free_y)
    else:
        x, y = free_x // 2, free_y // 2
    return left + x, top + y, left + x + side, top + y + side


def _keeping(low: float, high: float, side: int, free: int, draw: random.Random) -> int:
    """A random offset in [0, free] whose window of `side` holds [low, high], or its middle when too long."""
    first, last = int(np.ceil(high)) - side, int(np.floor(low))
    if first > last:
        first = last = round((low + high - side) / 2)
    first, last = (min(max(value, 0), free) for value in (first, last))
    return draw.randint(first, last)


def _same_aspect(window: tuple[int, int, int, int], out_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Trim the window evenly so that scaling it to `out_wh` does not distort."""
    left, top, right, bottom = window
    width, height = right - left, bottom - top
    if width * out_wh[1] > height * out_wh[0]:
        trimmed = max(1, round(height * out_wh[0] / out_wh[1]))
        left += (width - trimmed) // 2
        return left, top, left + trimmed, bottom
    trimmed = max(1, round(width * out_wh[1] / out_wh[0]))
    top += (height - trimmed) // 2
    return left, top, right, top + trimmed


def _whole_pixels(box: Box, source_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    right, bottom = min(source_wh[0], int(np.ceil(box[2]))), min(source_wh[1], int(np.ceil(box[3])))
    return (left, top, right, bottom) if right > left and bottom > top else (0, 0, *source_wh)
