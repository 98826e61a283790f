"""Oriented boxes: the smallest rectangle at any angle around every object of a class, outlined or filled."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ...manifests.errors import BadItem, NotApplicable
from ...manifests.images import RGB
from ...manifests.slots import Legend, Noun, SlotValue
from ...manifests.target import PhotoTarget
from ..geometry import Box, Geometry, hull
from ..marks.box_options import BoxOptions
from ..marks.cut_polygons import points_in_picture
from ..marks.evidence import read_evidence
from ..marks.palette import PALETTES, Color, pick_apart
from ..marks.rectangles import MIN_OUTLINE
from ..marks.rotated_boxes import (
    Points,
    RotatedBox,
    box_of_corners,
    box_of_runs,
    corner_error,
    smallest_box,
)
from ..marks.rotated_drawing import Stroke
from ..marks.rotated_finder import find_rotated_boxes
from ..marks.rotated_reading import MIN_SIDE, can_be_read, match
from ..masks.run_lengths import read_counts
from ..sample import Feature, Instance, Sample
from ..subjects.together import larger_first, pick_together
from ..subjects.windows import window_around
from ..task import Limit, Rendered, Subject, Task
from ..view import View, union_of

_MATCH = 0.5
"""Least IoU of a found and a true box that are the same."""


class OrientedBoxesOptions(BoxOptions):
    """Options of the oriented boxes task."""

    min_side: float = Field(
        0.02,
        ge=0,
        le=0.5,
        description="a class with a smaller box is not asked for; shorter side of the box, share of the image's; at "
        "least 12 pixels",
    )
    max_boxes: int = Field(20, ge=1, le=60, description="a class with more boxes is not asked for")
    window: int | None = Field(
        None,
        ge=64,
        le=8192,
        description="show only a square of so many source pixels around an object: aerial pictures are huge",
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A class and all its objects."""

    name: str
    members: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class _Drawable:
    """A class as it is shown: its boxes at output size."""

    name: str
    boxes: tuple[RotatedBox, ...]


class OrientedBoxes(Task[OrientedBoxesOptions]):
    """Draw the smallest rectangle around what is shown of every object of one or several classes.

    The rectangle is that of the object's polygon, or of its mask, at output size, so that it is a right-angled one
    even where sizing distorts. Lines lie inside it; larger boxes are drawn first. A class is only asked for when it
    has no crowd region and all of its boxes can be read back: boxes that could also be others once they are drawn
    (filled ones that touch, most outlines that cross) are left to other tasks.
    """

    name = "oriented_boxes"
    summary = "draw rotated boxes around every object of a class, as outlines or filled"
    needs = (Feature.INSTANCES,)
    options_type = OrientedBoxesOptions
    sections: ClassVar = {
        "outline": ("object", "color"),
        "outline-many": ("legend",),
        "filled": ("object", "color"),
        "filled-many": ("legend",),
    }
    limits = (
        Limit("iou", at_least=0.9),
        Limit("max_error_px", at_most=1.5),
        Limit("missed", at_most=0),
        Limit("extra", at_most=0),
    )

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw an order of the classes; the first of them decide what a crop or a window should hold."""
        found = self._candidates(sample)
        if len(found) < self.options.count[0]:
            raise NotApplicable("too few classes of the image have masks and no crowd")
        draw.shuffle(found)
        first = [one for pick in found[: self.options.count[0]] for one in pick.members]
        boxes = [one.box_xyxy for one in first if one.box_xyxy is not None]
        if not boxes:
            return Subject(found)
        if self.options.window is not None:
            return Subject(found, crop=window_around(boxes, sample, self.options.window, draw))
        return Subject(found, box=hull(boxes))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the boxes of as many classes as were drawn by lot and can be read back together."""
        outline = self._outline(view)
        picks = self._picks(view, subject.choice, outline, draw)
        boxes, owners = _in_order(picks)
        strokes = [Stroke(box, view.size_wh, outline) for box in boxes]
        colors, lossless = self._colors(view.rgb, strokes, owners, draw)
        painted = view.canvas()
        for stroke, owner in zip(strokes, owners, strict=True):
            stroke.paint(painted, colors[owner].rgb)
        nouns = [Noun(pick.name, count=len(pick.boxes)) for pick in picks]
        named = [(noun, color.name) for noun, color in zip(nouns, colors, strict=True)]
        slots: dict[str, SlotValue] = {"object": nouns[0], "color": colors[0].name}
        if len(picks) > 1:
            slots = {"legend": Legend(tuple(named))}
        params = {
            "style": self.options.style,
            "outline": outline,
            "targets": [
                {"name": pick.name, "color": color.name, "rgb": list(color.rgb)}
                for pick, color in zip(picks, colors, strict=True)
            ],
            **({"lossless": True} if lossless else {}),
        }
        return Rendered(
            target=PhotoTarget(painted, lossless),
            section=self.options.style + ("-many" if len(picks) > 1 else ""),
            slots=slots,
            params=params,
            annotation={
                "size": [view.size_wh[1], view.size_wh[0]],
                "boxes": [{"name": pick.name, "corners": [_rounded(box) for box in pick.boxes]} for pick in picks],
            },
        )

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Corners of the boxes of each class's colour, pixel edges, clockwise from the topmost."""
        colors = [tuple(asked["rgb"]) for asked in params["targets"]]
        evidence = read_evidence(target, source, colors, 1.0, lossless=params.get("lossless", False))
        return {
            "size": list(target.shape[:2]),
            "boxes": [
                {
                    "name": asked["name"],
                    "corners": [_rounded(box) for box in find_rotated_boxes(seen, params["outline"])],
                }
                for asked, seen in zip(params["targets"], evidence, strict=True)
            ],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """iou, max_error_px: of the worst box and corner among boxes that match at IoU 0.5; missed and extra boxes."""
        worst, error, missed, extra = 1.0, 0.0, 0, 0
        for found, true in zip(decoded["boxes"], annotation["boxes"], strict=True):
            first, second = ([box_of_corners(corners) for corners in one["corners"]] for one in (found, true))
            pairs = match(first, second, _MATCH)
            worst = min([worst, *(shared for *_, shared in pairs)])
            error = max([error, *(corner_error(a, b) for a, b, _ in pairs)])
            missed += len(second) - len(pairs)
            extra += len(first) - len(pairs)
        return {"iou": worst, "max_error_px": error, "missed": float(missed), "extra": float(extra)}

    def _candidates(self, sample: Sample) -> list[_Candidate]:
        groups: dict[str, list[Instance]] = {}
        for instance in sample.instances:
            if self.options.classes is None or instance.category.name in self.options.classes:
                groups.setdefault(instance.category.name, []).append(instance)
        return [
            _Candidate(name, tuple(members))
            for name, members in groups.items()
            if all(one.segmentation is not None and not one.crowd for one in members)
        ]

    def _outline(self, view: View) -> int:
        if self.options.style == "filled":
            return 0
        return max(MIN_OUTLINE, round(self.options.outline * min(view.size_wh)))

    def _picks(
        self, view: View, candidates: Sequence[_Candidate], outline: int, draw: random.Random
    ) -> list[_Drawable]:
        """Classes whose boxes can be read back together, as many as drawn by lot.

        Raises:
            NotApplicable: there are too few; the reason of the last that failed.
        """

        def are_read(picks: Sequence[_Drawable], added: int | None) -> bool:
            return can_be_read(*_in_order(picks), outline, view.size_wh)

        drawables = (self._drawable(view, candidate) for candidate in candidates)
        picks, reason = pick_together(drawables, draw.randint(*self.options.count), are_read)
        if len(picks) < self.options.count[0]:
            raise NotApplicable(reason)
        return picks

    def _drawable(self, view: View, candidate: _Candidate) -> _Drawable | str:
        """The class as it is shown, or why it cannot be asked for."""
        bounds = [view.box(one) for one in candidate.members]
        near = [
            (_area(bound), at)
            for at, (one, bound) in enumerate(zip(candidate.members, bounds, strict=True))
            if bound or one.box_xyxy is None
        ]
        if len(near) > self.options.max_boxes:
            return f"class {candidate.name} has {len(near)} objects, more than max_boxes {self.options.max_boxes}"
        least = max(MIN_SIDE, self.options.min_side * min(view.size_wh))
        boxes: dict[int, RotatedBox] = {}
        for _, at in sorted(near):  # the smallest first: one is enough to refuse the class
            box = shown_box(view, candidate.members[at])
            if box is None:
                continue
            if min(box.width, box.height) < least:
                return f"class {candidate.name} has a box that is too small to draw"
            boxes[at] = box
        if not boxes:
            return f"the crop leaves nothing of class {candidate.name}"
        return _Drawable(candidate.name, tuple(boxes[at] for at in sorted(boxes)))

    def _colors(
        self, photo: RGB, strokes: Sequence[Stroke], owners: Sequence[int], draw: random.Random
    ) -> tuple[list[Color], bool]:
        """A colour a class, apart from each other and from what is painted; and whether JPEG would lose them."""
        under = (
            np.concatenate([stroke.under(photo) for stroke, one in zip(strokes, owners, strict=True) if one == owner])
            for owner in range(max(owners) + 1)
        )
        return pick_apart(PALETTES[self.options.palette], under, draw)


def shown_box(view: View, instance: Instance) -> RotatedBox | None:
    """The smallest rectangle around what is shown of an object, output pixels; None when nothing is.

    Raises:
        BadItem: its mask cannot be rasterised, or a corner of its polygon is no finite number.
    """
    whole, geometry = instance.segmentation, view.geometry
    if isinstance(whole, list):
        points = _points_shown(whole, geometry)
        if not len(points):
            return None
        return smallest_box(points if geometry.offset_xy == (0, 0) else points + np.array(geometry.offset_xy))
    runs = read_counts(union_of([instance], view.sample)["counts"])
    if geometry.is_native:
        return box_of_runs(runs, view.sample.height)
    grid = geometry.grid()
    assert grid is not None  # nothing is bent here
    (left, across), (top, down) = grid
    box = box_of_runs(runs, view.sample.height, (across, down))
    return box and box._replace(x=box.x + left, y=box.y + top)


def _points_shown(polygons: Sequence[Sequence[float]], geometry: Geometry) -> Points:
    """Points of what is shown of polygons, the corners of its hull among them; of the resized part, unpadded."""
    flat = polygons[0] if len(polygons) == 1 else [place for polygon in polygons for place in polygon]
    points = geometry.shown_points(np.array(flat, float).reshape(-1, 2))
    if points.min() >= 0 and (points <= geometry.resized_wh).all():
        return points
    if not np.isfinite(points).all():
        raise BadItem("a polygon has a corner that is no finite number")
    corners, kept, first = [(x, y) for x, y in points.tolist()], [], 0
    for polygon in polygons:
        last = first + len(polygon) // 2
        kept += points_in_picture(corners[first:last], geometry.resized_wh)
        first = last
    return np.array(kept, float).reshape(-1, 2)


def _in_order(picks: Sequence[_Drawable]) -> tuple[list[RotatedBox], list[int]]:
    return larger_first((pick.boxes for pick in picks), lambda box: box.width * box.height)


def _area(box: Box | None) -> float:
    return (box[2] - box[0]) * (box[3] - box[1]) if box else 0.0


def _rounded(box: RotatedBox) -> list[list[float]]:
    return [[round(x, 2), round(y, 2)] for x, y in box.corners().tolist()]
