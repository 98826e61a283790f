"""A supersampled drawing surface that knows, for each pixel, which object is on top.

Objects are drawn back to front. Every solid fill writes its colour, the number of its object and its class
into three buffers of one size, so visible masks and label maps need no second pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from .colour import Colour
from .shapes import Points, Shape

SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Gradient:
    """Paint that runs over the box of a filled shape, downwards or (across) to the right."""

    start: Colour
    stop: Colour
    across: bool = False


Paint = Colour | Gradient


@dataclass
class Thing:
    """One object of an annotated category, in drawing order.

    Attributes:
        category: COCO category name.
        crowd: whether it stands for a group (iscrowd).
        keypoints: (17, 3) float64 x, y in pixels and COCO visibility, for people; else None.
        words: what captions may say about it, such as "colour" or "action".
    """

    category: str
    crowd: bool = False
    keypoints: NDArray[np.float64] | None = None
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A finished drawing.

    Attributes:
        rgb: (H, W, 3) uint8.
        labels: (H, W) uint8, ADE20K class index, 0 for none.
        owners: (H * s, W * s) int32, index into things or -1, at s samples a pixel side.
        things: the annotated objects.
    """

    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    owners: NDArray[np.int32]
    things: list[Thing]

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return the visible region of a thing, (H, W) bool: pixels covered by half or more."""
        height, width = self.labels.shape
        covered = cv2.resize((self.owners == index).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(covered >= 0.5, dtype=np.bool_)


class Canvas:
    """Drawing surface of width x height pixels, with scale samples along each pixel side."""

    def __init__(self, width: int, height: int, scale: int = 2) -> None:
        self.width, self.height, self.scale = width, height, scale
        self.rgb = np.full((height * scale, width * scale, 3), 255, np.float32)
        self.owners = np.full((height * scale, width * scale), -1, np.int32)
        self.labels = np.zeros((height * scale, width * scale), np.uint8)
        self.things: list[Thing] = []
        self._owner, self._label = -1, 0
        self._glows: list[tuple[float, float, float, Colour, float]] = []

    @contextmanager
    def stuff(self, label: int) -> Iterator[None]:
        """Fills inside the block belong to no object and carry an ADE20K class."""
        with self._tag(-1, label):
            yield

    @contextmanager
    def thing(self, thing: Thing, label: int) -> Iterator[int]:
        """Fills inside the block belong to a new object; yields its index."""
        self.things.append(thing)
        index = len(self.things) - 1
        with self._tag(index, label):
            yield index

    @contextmanager
    def _tag(self, owner: int, label: int) -> Iterator[None]:
        before = self._owner, self._label
        self._owner, self._label = owner, label
        try:
            yield
        finally:
            self._owner, self._label = before

    def fill(
        self,
        shape: Shape,
        paint: Paint,
        *,
        alpha: float = 1.0,
        within: Shape | None = None,
        blur: float = 0.0,
        solid: bool = True,
    ) -> None:
        """Fill the union of polygons.

        Args:
            shape: polygons in pixels.
            paint: one colour or a gradient over the shape's box.
            alpha: opacity in [0, 1].
            within: a second shape; only the overlap is filled.
            blur: standard deviation of a soft edge, pixels.
            solid: False for shading, which leaves the object and class buffers alone.
        """
        box = self._box(shape, 3 * blur)
        if box is None:
            return
        left, top, right, bottom = box
        mask = self._raster(shape, box)
        if blur > 0:
            mask = _blurred(mask, blur * self.scale)
        if within is not None:
            mask = np.asarray(cv2.multiply(mask, self._raster(within, box), scale=1 / 255), np.uint8)
        area = self.rgb[top:bottom, left:right]
        cover = mask.astype(np.float32)[:, :, None] * np.float32(alpha / 255)
        area += (self._colours(paint, shape, box) - area) * cover
        if solid:
            inside = mask >= 128
            self.owners[top:bottom, left:right][inside] = self._owner
            self.labels[top:bottom, left:right][inside] = self._label

    def _box(self, shape: Shape, margin: float) -> tuple[int, int, int, int] | None:
        joined = np.concatenate(shape)
        low = np.floor((joined.min(0) - margin) * self.scale - 1).astype(int)
        high = np.ceil((joined.max(0) + margin) * self.scale + 2).astype(int)
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right = min(int(high[0]), self.width * self.scale)
        bottom = min(int(high[1]), self.height * self.scale)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _raster(self, shape: Shape, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        left, top, right, bottom = box
        mask = np.zeros((bottom - top, right - left), np.uint8)
        # A sample's centre lies half a sample in from its corner.
        offset = np.array([left + 0.5, top + 0.5])
        for points in shape:
            fixed = np.round((points * self.scale - offset) * (1 << SUBPIXEL_BITS)).astype(np.int32)
            cv2.fillPoly(mask, [fixed], 255, lineType=cv2.LINE_AA, shift=SUBPIXEL_BITS)
        return mask

    def _colours(self, paint: Paint, shape: Shape, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
        if not isinstance(paint, Gradient):
            return np.array(paint, np.float32)
        axis = 0 if paint.across else 1
        low = min(float(points[:, axis].min()) for points in shape) * self.scale
        high = max(float(points[:, axis].max()) for points in shape) * self.scale
        along = np.arange(box[axis], box[axis + 2], dtype=np.float32)
        share = np.clip((along - low) / max(high - low, 1e-6), 0, 1)[:, None]
        start, stop = np.array(paint.start, np.float32), np.array(paint.stop, np.float32)
        line = start + (stop - start) * share
        return np.asarray(line[None, :, :] if paint.across else line[:, None, :], np.float32)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float = 0.6) -> None:
        """Ask for a round light, added after grading."""
        self._glows.append((x, y, radius, colour, strength))

    def shade(self, x: float, y: float, radius_x: float, radius_y: float, strength: float = 0.28) -> None:
        """Darken a soft ellipse: the shadow under something that stands on the ground."""
        turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        oval: Points = np.stack([x + radius_x * np.cos(turn), y + radius_y * np.sin(turn)], 1)
        self.fill([oval], (40, 34, 70), alpha=strength, blur=max(radius_y * 0.45, 0.6), solid=False)

    def finish(self, tint: Colour = (255, 255, 255), noise: NDArray[np.float32] | None = None) -> Picture:
        """Grade, light, and reduce to the final size.

        Args:
            tint: multiplies the picture (255 leaves a channel as it is), for evening and night.
            noise: (H, W) float32 grey levels to add, or None.
        """
        small = np.asarray(cv2.resize(self.rgb, (self.width, self.height), interpolation=cv2.INTER_AREA), np.float32)
        small *= np.array(tint, np.float32) / np.float32(255)
        for x, y, radius, colour, strength in self._glows:
            add_glow(small, x, y, radius, colour, strength)
        if noise is not None:
            small += noise[:, :, None]
        rgb = np.clip(np.round(small), 0, 255).astype(np.uint8)
        labels = np.ascontiguousarray(self.labels[:: self.scale, :: self.scale])
        return Picture(rgb=rgb, labels=labels, owners=self.owners, things=self.things)


def _blurred(mask: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Blur a mask; wide blurs are done on a quarter of the samples, which nobody can see."""
    rows, columns = mask.shape
    if sigma < 6 or min(rows, columns) < 16:
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.uint8)
    small = cv2.resize(mask, (columns // 4, rows // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def add_glow(rgb: NDArray[np.float32], x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
    """Screen a smooth disc of light onto (H, W, 3) float32 in place."""
    height, width = rgb.shape[:2]
    left, right = max(int(x - radius), 0), min(int(x + radius) + 1, width)
    top, bottom = max(int(y - radius), 0), min(int(y + radius) + 1, height)
    if left >= right or top >= bottom:
        return
    rows = (np.arange(top, bottom, dtype=np.float32) - y)[:, None]
    columns = (np.arange(left, right, dtype=np.float32) - x)[None, :]
    fall = np.clip(1 - np.sqrt(rows**2 + columns**2) / np.float32(radius), 0, 1) ** 2
    light = fall[:, :, None] * np.array(colour, np.float32) * np.float32(strength / 255)
    area = rgb[top:bottom, left:right]
    area += (255 - area) * np.clip(light, 0, 1)


class Pen:
    """Draws shapes given in an object's own units: origin at (x, y), one unit is size pixels."""

    def __init__(
        self, canvas: Canvas, x: float, y: float, size: float, *, flip: bool = False, angle: float = 0.0
    ) -> None:
        self.canvas, self.x, self.y, self.size = canvas, x, y, size
        cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        turning = np.array([[cosine, sine], [-sine, cosine]]) * size
        mirror = np.array([[-1.0 if flip else 1.0, 0.0], [0.0, 1.0]])
        self._matrix: Points = mirror @ turning

    def place(self, shape: Shape) -> Shape:
        """Return the shape in pixels."""
        return [points @ self._matrix + (self.x, self.y) for points in shape]

    def fill(
        self,
        shape: Shape,
        paint: Paint,
        *,
        alpha: float = 1.0,
        within: Shape | None = None,
        blur: float = 0.0,
        solid: bool = True,
    ) -> None:
        """Canvas.fill in the pen's units; blur too is in units."""
        clip = None if within is None else self.place(within)
        self.canvas.fill(self.place(shape), paint, alpha=alpha, within=clip, blur=blur * self.size, solid=solid)
