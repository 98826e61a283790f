"""Counting: one dot on every object of a class."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import Noun
from ...manifests.target import PhotoTarget, SameTarget, Target
from ..geometry import Box, hull
from ..marks.disc_finder import find_marks
from ..marks.discs import MarkShape, Point, can_be_read, pixels_under, stamp
from ..marks.evidence import read_evidence
from ..marks.mark_layout import match_marks
from ..marks.own_pixels import own_pixels, shown_pixels
from ..marks.palette import PALETTES, pick_clear
from ..masks.classes import absent_names
from ..sample import Feature, Instance, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View, union_of


class CountingOptions(Block):
    """Options of the counting task."""

    radius: float = Field(0.015, ge=0.005, le=0.1, description="of a dot, share of the shorter side; at least 3 pixels")
    max_count: int = Field(30, ge=1, le=100, description="a class with more objects is not asked for")
    min_count: int = Field(1, ge=1, le=100, description="a class with fewer objects is not asked for")
    min_box: float = Field(
        0.015,
        ge=0,
        le=0.5,
        description="a class with a smaller object is not asked for; shorter side of its box, share of the image's",
    )
    absent: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share of questions about a class that is not there; the target is then unchanged",
    )
    palette: Literal["vivid", "instructdiffusion"] = "vivid"
    classes: tuple[str, ...] | None = Field(None, description="only these; empty: all")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A class and all its objects; none when it is absent."""

    name: str
    members: tuple[Instance, ...] = ()


class Counting(Task[CountingOptions]):
    """Put one dot on every object of a class.

    A dot lies at the middle of what is shown of the object's mask, or, where that is not the object itself (a ring, a
    dog behind a cat), at the point of its mask that lies deepest inside; without masks, at the middle of its box.
    Classes with crowd regions are not asked for, nor those whose dots could not be told apart. The instruction does
    not give the number away.
    """

    name = "counting"
    summary = "put one dot on every object of a class, to count them"
    needs = (Feature.BOXES,)
    options_type = CountingOptions
    sections: ClassVar = {"dots": ("object", "color")}
    limits = (Limit("count_error", at_most=0), Limit("max_error_px", at_most=1.0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw an order of the classes, or a class that is absent."""
        if draw.random() < self.options.absent and (absent := absent_names(sample, self._wanted)):
            return Subject([_Candidate(draw.choice(absent))])
        members: dict[str, list[Instance]] = {}
        for one in sample.instances:
            if self._wanted(one.category.name):
                members.setdefault(one.category.name, []).append(one)
        found = [
            _Candidate(name, tuple(group))
            for name, group in members.items()
            if all(not one.crowd and one.box_xyxy is not None for one in group)
        ]
        if not found:
            raise NotApplicable("no class of the image has boxes and no crowd")
        draw.shuffle(found)
        return Subject(found, box=hull(one.box_xyxy for one in found[0].members))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Dot the first of the classes whose dots can be read back."""
        candidates: list[_Candidate] = subject.choice
        colors = PALETTES[self.options.palette]
        shape = MarkShape.scaled("disc", view.size_wh, self.options.radius, 0)
        target: Target = SameTarget()
        lossless = False
        pick = candidates[0]
        points: list[Point] = []
        if not pick.members:
            color = draw.choice(list(colors))
        else:
            pick, points = self._first(view, candidates, shape)
            color, clear = pick_clear(colors, pixels_under(view.rgb, points, shape), 1.0, draw)
            lossless = not clear
            painted = view.canvas()
            for point in points:
                stamp(painted, point, shape, color.rgb)
            target = PhotoTarget(painted, lossless)
        params = {
            "name": pick.name,
            "color": color.name,
            "rgb": list(color.rgb),
            "radius": shape.outer,
            **({"lossless": True} if lossless else {}),
        }
        annotation = {
            "size": [view.size_wh[1], view.size_wh[0]],
            "count": len(points),
            "xy": [list(point) for point in points],
        }
        return Rendered(target, "dots", {"object": Noun(pick.name), "color": color.name}, params, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """`count`, and `xy`, the centres of the dots."""
        (seen,) = read_evidence(target, source, [tuple(params["rgb"])], 1.0, lossless=params.get("lossless", False))
        points = [[round(x, 2), round(y, 2)] for x, y in find_marks(seen, MarkShape(params["radius"]))]
        return {"size": list(target.shape[:2]), "count": len(points), "xy": points}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """count_error, how far the number is off; max_error_px of dots within their diameter of a true one; missed
        and extra dots."""
        distances, missed, extra = match_marks(decoded["xy"], annotation["xy"], 2 * params["radius"])
        return {
            "count_error": float(abs(decoded["count"] - annotation["count"])),
            "max_error_px": max(distances, default=0.0),
            "missed": float(missed),
            "extra": float(extra),
        }

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name in self.options.classes

    def _first(self, view: View, candidates: Sequence[_Candidate], shape: MarkShape) -> tuple[_Candidate, list[Point]]:
        """The first class that can be asked for, and its dots.

        Raises:
            NotApplicable: there is none; the reason of the last that failed.
        """
        reason = ""
        for candidate in candidates:
            found = self._points(view, candidate, shape)
            if not isinstance(found, str):
                return candidate, found
            reason = found
        raise NotApplicable(reason)

    def _points(self, view: View, candidate: _Candidate, shape: MarkShape) -> list[Point] | str:
        """A dot for each object, or why the class cannot be asked for."""
        options, name = self.options, candidate.name
        shown = [(one, box) for one in candidate.members if (box := view.box(one)) is not None]
        if not shown:
            return f"the crop leaves nothing of class {name}"
        if not options.min_count <= len(shown) <= options.max_count:
            return f"class {name} has {len(shown)} objects, not {options.min_count} to {options.max_count}"
        least = options.min_box * min(view.size_wh)
        if any(min(box[2] - box[0], box[3] - box[1]) < least for _, box in shown):
            return f"class {name} has an object that is too small to see"
        for points in places_of(view, shown):
            if can_be_read(points, [0] * len(points), shape, view.size_wh):
                return points
        return f"the dots of class {name} cannot be told apart"


def places_of(view: View, shown: Sequence[tuple[Instance, Box]]) -> Iterator[list[Point]]:
    """For each object the middle of its own pixels where that is one of them; then the deepest of its own pixels.

    Nothing when an object has no pixels; without masks the middles of their boxes.
    """
    if any(one.segmentation is None for one, _ in shown):
        boxes = [((box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2) for _, box in shown]
        yield [(round(x, 2), round(y, 2)) for x, y in boxes]
        return
    masks = shown_pixels([union_of([one], view.sample) for one, _ in shown], view.geometry)
    if not all(mask.area for mask in masks):
        return
    objects = own_pixels(masks)
    middles = [(one, one.middle()) for one in objects]
    yield [middle if one.holds(middle) else one.deepest() for one, middle in middles]
    yield [one.deepest() for one in objects]
