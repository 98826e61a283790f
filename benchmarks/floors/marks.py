"""Floors of marks on a photograph: joints, landmarks, dots, boxes, frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor
from typing import Any

import cv2
import numpy as np
import orjson
from taskpaint.builders.marks.cut_polygons import points_in_picture
from taskpaint.builders.tasks.counting import places_of
from taskpaint.builders.tasks.oriented_boxes import shown_box
from taskpaint.builders.view import View

from .item import COCO, Drawn, Floor, Item, nothing
from .pictures import Image, encoded, opened, source_of
from .regions import region_mask

RGB = tuple[int, int, int]


def _marked(paint: Callable[[Item, Image], None]) -> Callable[[Item], Drawn]:
    """A pipeline that paints on the photograph, once that is encoded."""

    def draw(item: Item) -> Drawn:
        data, photo = opened(item)
        source = source_of(item, data, photo)
        paint(item, photo)
        return source, encoded(photo, item), item.noted()

    return draw


def _joints(item: Item, target: Image) -> None:
    """Joints as opaque discs or rings."""
    outer = item.params["radius"]
    inner = round(outer - item.params["thickness"], 2) if item.params["thickness"] else -1.0
    for asked, color in zip(item.annotation["points"], item.colors, strict=True):
        for point in asked["xy"]:
            _stamp(target, point, outer, inner, color)


def _dots(item: Item, target: Image) -> None:
    """A dot on every object: in the middle of the pixels that no other has, or where these are the deepest."""
    segmentations, all_deep = item.facts
    masks = [region_mask(item, [one])[1] for one in orjson.loads(segmentations)]
    layers = sum(masks[1:], masks[0])
    for mask in masks:
        own = mask & (layers == 1) if len(masks) > 1 else mask
        point = _place(own if own.any() else mask, all_deep)
        _stamp(target, point, item.params["radius"], -1.0, item.params["rgb"])


def _place(mask: Image, deep: bool) -> tuple[float, float]:
    moments = cv2.moments(mask, binaryImage=True)
    x, y = round(moments["m10"] / moments["m00"], 2), round(moments["m01"] / moments["m00"], 2)
    if not deep and mask[round(y), round(x)]:
        return x, y
    distance = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 5)
    y, x = divmod(int(distance[1:-1, 1:-1].argmax()), mask.shape[1])
    return float(x), float(y)


def _landmarks(item: Item, target: Image) -> None:
    """A dot on every landmark, in the colour of its part of the face."""
    for part, dots in zip(item.params["parts"], item.annotation["dots"], strict=True):
        for point in dots["xy"]:
            _stamp(target, point, item.params["radius"], -1.0, part["rgb"])


def _boxes(item: Item, target: Image) -> None:
    """Boxes as outlines, or filled; in the order of their size."""
    line = item.params["outline"]
    for x0, y0, x1, y1, color in item.facts:
        if not line or min(x1 - x0, y1 - y0) < 3 * line:
            _fill(target, x0, y0, x1, y1, color)
            continue
        _fill(target, x0, y0, x1, y0 + line, color)
        _fill(target, x0, y1 - line, x1, y1, color)
        _fill(target, x0, y0 + line, x0 + line, y1 - line, color)
        _fill(target, x1 - line, y0 + line, x1, y1 - line, color)


def _rotated(item: Item, target: Image) -> None:
    """Outlines of the smallest rectangles around polygons, in the order of their size."""
    line = item.params["outline"]
    boxes = [(_smallest(_shown(orjson.loads(polygons), item)), color) for polygons, color in item.facts]
    for (x, y, width, height, along_x, along_y), color in sorted(boxes, key=lambda one: -one[0][2] * one[0][3]):
        reach_x = (abs(along_x) * width + abs(along_y) * height) / 2
        reach_y = (abs(along_y) * width + abs(along_x) * height) / 2
        left, right = max(0, floor(x - reach_x)), min(item.out[0], ceil(x + reach_x))
        top, bottom = max(0, floor(y - reach_y)), min(item.out[1], ceil(y + reach_y))
        dx, dy = np.arange(left, right) + 0.5 - x, (np.arange(top, bottom) + 0.5 - y)[:, None]
        across, down = dx * along_x + dy * along_y, dy * along_x - dx * along_y
        inside = _within(across, width / 2) & _within(down, height / 2)
        if min(width, height) >= 3 * line:
            inside &= ~(_within(across, width / 2 - line) & _within(down, height / 2 - line))
        target[top:bottom, left:right][inside] = color


def _shown(polygons: Any, item: Item) -> Any:
    """Corners of polygons at output size; of one that is cut off, of the part shown, by taskpaint's own code, as no
    library it needs has any for polygons of every shape."""
    left, top, right, bottom = item.crop
    scale = item.out[0] / (right - left), item.out[1] / (bottom - top)
    parts = [(np.array(polygon, float).reshape(-1, 2) - (left, top)) * scale for polygon in polygons]
    points = np.concatenate(parts) if len(parts) > 1 else parts[0]
    if points.min() >= 0 and (points <= item.out).all():
        return points
    return np.array([corner for part in parts for corner in points_in_picture(part.tolist(), item.out)])


def _smallest(points: Any) -> tuple[float, ...]:
    """Middle, sides and direction of the rectangle of least area; one of its sides lies along the hull."""
    hull = points[cv2.convexHull(points.astype(np.float32), returnPoints=False)[:, 0]]
    sides = np.roll(hull, -1, axis=0) - hull
    along = sides / np.hypot(*sides.T)[:, None]
    across, down = along @ hull.T, np.stack([-along[:, 1], along[:, 0]], axis=1) @ hull.T
    left, right, top, bottom = across.min(axis=1), across.max(axis=1), down.min(axis=1), down.max(axis=1)
    best = int(np.round((right - left) * (bottom - top), 6).argmin())
    (x, y), u, v = along[best], (left[best] + right[best]) / 2, (top[best] + bottom[best]) / 2
    return u * x - v * y, u * y + v * x, right[best] - left[best], bottom[best] - top[best], x, y


def _frame(item: Item, target: Image) -> None:
    """A frame in the colour of the answer."""
    border = item.params["border_px"]
    color = item.params["yes" if item.annotation["present"] else "no"]["rgb"]
    width, height = item.out
    _fill(target, 0, 0, width, border, color)
    _fill(target, 0, height - border, width, height, color)
    _fill(target, 0, border, border, height - border, color)
    _fill(target, width - border, border, width, height - border, color)


def _fill(target: Image, x0: int, y0: int, x1: int, y1: int, color: RGB) -> None:
    cv2.rectangle(target, (x0, y0), (x1 - 1, y1 - 1), color, cv2.FILLED)


def _within(values: Any, half: float) -> Any:
    """Many centres lie just on a side; which then count must not be left to rounding."""
    return (values >= -half - 1e-6) & (values < half - 1e-6)


def _stamp(image: Image, center: tuple[float, float], outer: float, inner: float, rgb: RGB) -> None:
    """A disc or ring to a fraction of a pixel; cv2.circle rounds centre and radius."""
    x, y = center
    height, width = image.shape[:2]
    left, right = max(0, ceil(x - outer)), min(width, floor(x + outer) + 1)
    top, bottom = max(0, ceil(y - outer)), min(height, floor(y + outer) + 1)
    across, down = np.arange(left, right) - x, np.arange(top, bottom) - y
    squared = np.add.outer(down * down, across * across)
    inside = squared <= outer * outer
    if inner > 0:
        inside &= squared > inner * inner
    image[top:bottom, left:right][inside] = rgb


def _of_class(row: Mapping[str, Any], view: View) -> list[tuple[Any, RGB]]:
    """Objects of the classes asked for, and the colour of each."""
    colors = {target["name"]: target["rgb"] for target in row["params"]["targets"]}
    found = [(one, colors.get(one.category.name)) for one in view.sample.instances]
    return [(one, color) for one, color in found if color]


def _counted(row: Mapping[str, Any], view: View) -> tuple[bytes, bool]:
    """COCO segmentations of the objects shown, still JSON; and whether all dots lie where these are deepest."""
    members = [one for one in view.sample.instances if one.category.name == row["params"]["name"]]
    shown = [(one, box) for one in members if (box := view.box(one))]
    middles = next(places_of(view, shown))
    return orjson.dumps([one.segmentation for one, _ in shown]), [list(p) for p in middles] != row["annotation"]["xy"]


def _pixel_boxes(row: Mapping[str, Any], view: View) -> list[tuple[int, int, int, int, RGB]]:
    """Edges on whole pixels, and the colour; the larger first."""
    shown = [(view.box(one), color) for one, color in _of_class(row, view)]
    found = [(*(round(edge) for edge in box), color) for box, color in shown if box]
    return sorted(found, key=lambda one: -(one[2] - one[0]) * (one[3] - one[1]))


def _outlines(row: Mapping[str, Any], view: View) -> list[tuple[bytes, RGB]]:
    """Polygons of what is shown, still JSON, and the colour."""
    found = [(one, color) for one, color in _of_class(row, view) if shown_box(view, one)]
    return [(orjson.dumps(one.segmentation), color) for one, color in found]


def _floor(
    paint: Callable[[Item, Image], None],
    task: str,
    options: Mapping[str, Any],
    facts: Callable[[Mapping[str, Any], View], Any] = nothing,
    sources: tuple[tuple[str, str, str], ...] = COCO,
) -> Floor:
    return Floor(sources, task, options, _marked(paint), facts)


FLOORS = {
    "disc": _floor(_joints, "keypoints", {"style": "disc", "who": "everyone"}),
    "ring": _floor(_joints, "keypoints", {"style": "ring", "who": "everyone", "count": [1, 2]}),
    "landmarks": _floor(
        _landmarks, "face_alignment", {}, sources=(("face_300w", "300w", "train"), ("wflw", "wflw", "train"))
    ),
    "dots": _floor(_dots, "counting", {"absent": 0}, _counted),
    "outline": _floor(_boxes, "detection", {"absent": 0, "count": [1, 3]}, _pixel_boxes),
    "filled": _floor(_boxes, "detection", {"absent": 0, "style": "filled"}, _pixel_boxes),
    "rotated": _floor(_rotated, "oriented_boxes", {}, _outlines),
    "frame": _floor(
        _frame, "classification", {"style": "border"}, sources=(("oxford_pets", "oxford_pets", "trainval"),)
    ),
}
