"""Detection: boxes of classes drawn on the photograph, outlined or filled, a colour a class."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.slots import Legend, Noun, SlotValue
from ...manifests.target import PhotoTarget, SameTarget
from ..geometry import Box, hull
from ..marks.box_options import BoxOptions
from ..marks.evidence import read_evidence
from ..marks.matching import assign_within
from ..marks.palette import PALETTES, Color, pick_apart
from ..marks.rectangle_finder import PixelBox, find_boxes
from ..marks.rectangles import MIN_OUTLINE, BoxStyle, can_be_read, pixels_under, stamp_box, whole_pixels
from ..masks.classes import absent_names
from ..sample import Feature, Instance, Sample
from ..subjects.together import larger_first, pick_together
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_MATCH = 0.5
"""Least IoU of a found and a true box that are the same, as in COCO's AP50."""


class DetectionOptions(BoxOptions):
    """Options of the detection task."""

    absent: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share of questions about a class that is not there; the target is then unchanged",
    )
    crowd: Literal["include", "exclude"] = Field(
        "exclude",
        description="include: a crowd region counts as one box of its class; exclude: its class is not asked for",
    )
    min_box: float = Field(
        0.02,
        ge=0,
        le=0.5,
        description="a class with a smaller box is not asked for; shorter side of the box, share of the image's",
    )
    max_boxes: int = Field(12, ge=1, le=30, description="a class with more boxes is not asked for")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A class and all its objects."""

    name: str
    members: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class _Drawable:
    """A class as it is shown: true boxes, and the same on whole pixels, at output size."""

    name: str
    boxes: tuple[Box, ...]
    drawn: tuple[PixelBox, ...]
    crowd: bool


class Detection(Task[DetectionOptions]):
    """Draw the box of every object of one or several classes.

    Lines lie inside the box, whose edges are rounded to whole pixels; boxes less than three lines wide or high are
    painted full. Larger boxes are drawn first. A class is only asked for when all of its objects can be drawn and
    read back: filled boxes of one colour must not touch, and outlines that could also be those of other boxes (a box
    that shares three sides with another of its class) are left to other tasks.
    """

    name = "detection"
    summary = "draw the bounding boxes of classes, as outlines or filled"
    needs = (Feature.BOXES,)
    options_type = DetectionOptions
    sections: ClassVar = {
        "outline": ("object", "color"),
        "outline-many": ("legend",),
        "filled": ("object", "color"),
        "filled-many": ("legend",),
    }
    limits = (Limit("max_error_px", at_most=1.0), Limit("missed", at_most=0), Limit("extra", at_most=0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw an order of the classes; the first of them decide what a crop should hold."""
        options = self.options
        if draw.random() < options.absent and (absent := absent_names(sample, self._wanted)):
            return Subject([_Candidate(draw.choice(absent))])
        found = self._candidates(sample)
        if len(found) < options.count[0]:
            raise NotApplicable("too few classes of the image have boxes, none of them a crowd, and not too many")
        draw.shuffle(found)
        return Subject(found, box=hull(one.box_xyxy for pick in found[: options.count[0]] for one in pick.members))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the boxes of as many classes as were drawn by lot and can be read back together."""
        candidates: list[_Candidate] = subject.choice
        if not candidates[0].members:
            color = draw.choice(list(PALETTES[self.options.palette]))
            shape = {"name": candidates[0].name, "xyxy": []}
            return self._rendered(SameTarget(), view, [Noun(candidates[0].name)], [color], [shape], False)
        style = self._style(view)
        picks = self._picks(view, candidates, style, draw)
        colors, lossless = self._colors(view, picks, style, draw)
        painted = view.canvas()
        for box, owner in zip(*_in_order(picks), strict=True):
            stamp_box(painted, box, style, colors[owner].rgb)
        nouns = [Noun(pick.name, count=None if pick.crowd else len(pick.boxes)) for pick in picks]
        shapes = [
            {"name": pick.name, "xyxy": [[round(edge, 2) for edge in box] for box in pick.boxes]} for pick in picks
        ]
        return self._rendered(PhotoTarget(painted, lossless), view, nouns, colors, shapes, lossless)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Boxes of each class's colour, whole pixels."""
        colors = [tuple(asked["rgb"]) for asked in params["targets"]]
        evidence = read_evidence(target, source, colors, 1.0, lossless=params.get("lossless", False))
        return {
            "size": list(target.shape[:2]),
            "boxes": [
                {
                    "name": asked["name"],
                    "xyxy": [[float(edge) for edge in box] for box in find_boxes(seen, params["outline"])],
                }
                for asked, seen in zip(params["targets"], evidence, strict=True)
            ],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """max_error_px: the worst edge of boxes that match at IoU 0.5 or more; missed and extra boxes."""
        worst, missed, extra = 0.0, 0, 0
        for found, true in zip(decoded["boxes"], annotation["boxes"], strict=True):
            first = np.array(found["xyxy"], float).reshape(-1, 4)
            second = np.array(true["xyxy"], float).reshape(-1, 4)
            pairs = assign_within(1 - _overlaps(first, second), 1 - _MATCH)
            worst = max([worst, *(float(np.abs(first[a] - second[b]).max()) for a, b in pairs)])
            missed += len(second) - len(pairs)
            extra += len(first) - len(pairs)
        return {"max_error_px": worst, "missed": float(missed), "extra": float(extra)}

    def _candidates(self, sample: Sample) -> list[_Candidate]:
        groups: dict[str, list[Instance]] = {}
        for instance in sample.instances:
            groups.setdefault(instance.category.name, []).append(instance)
        return [
            _Candidate(name, tuple(members))
            for name, members in groups.items()
            if self._wanted(name)
            and all(one.box_xyxy is not None for one in members)
            and not (self.options.crowd == "exclude" and any(one.crowd for one in members))
        ]

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name in self.options.classes

    def _style(self, view: View) -> BoxStyle:
        if self.options.style == "filled":
            return BoxStyle(0)
        return BoxStyle(max(MIN_OUTLINE, round(self.options.outline * min(view.size_wh))))

    def _picks(
        self, view: View, candidates: Sequence[_Candidate], style: BoxStyle, draw: random.Random
    ) -> list[_Drawable]:
        """Classes whose boxes can be read back together, as many as drawn by lot.

        Raises:
            NotApplicable: there are too few; the reason of the last that failed.
        """

        def are_read(picks: Sequence[_Drawable], added: int | None) -> bool:
            return can_be_read(*_in_order(picks), style, view.size_wh, added)

        drawables = (self._drawable(view, candidate, style) for candidate in candidates)
        picks, reason = pick_together(drawables, draw.randint(*self.options.count), are_read)
        if len(picks) < self.options.count[0]:
            raise NotApplicable(reason)
        return picks

    def _drawable(self, view: View, candidate: _Candidate, style: BoxStyle) -> _Drawable | str:
        """The class as it is shown, or why it cannot be asked for."""
        shown = [(one, box) for one in candidate.members if (box := view.box(one)) is not None]
        if not shown:
            return f"the crop leaves nothing of class {candidate.name}"
        if len(shown) > self.options.max_boxes:
            return f"class {candidate.name} has {len(shown)} boxes, more than max_boxes {self.options.max_boxes}"
        boxes = tuple(box for _, box in shown)
        drawn = tuple(whole_pixels(box) for box in boxes)
        least = max(style.min_side, self.options.min_box * min(view.size_wh))
        if any(min(x1 - x0, y1 - y0) < least for x0, y0, x1, y1 in drawn):
            return f"class {candidate.name} has a box that is too small to draw"
        return _Drawable(candidate.name, boxes, drawn, any(one.crowd for one, _ in shown))

    def _colors(
        self, view: View, picks: Sequence[_Drawable], style: BoxStyle, draw: random.Random
    ) -> tuple[list[Color], bool]:
        """A colour a class, apart from each other and from what is painted; and whether JPEG would lose them."""
        under = (pixels_under(view.rgb, pick.drawn, style) for pick in picks)
        return pick_apart(PALETTES[self.options.palette], under, draw)

    def _rendered(
        self,
        target: PhotoTarget | SameTarget,
        view: View,
        nouns: Sequence[Noun],
        colors: Sequence[Color],
        shapes: list[dict[str, Any]],
        lossless: bool,
    ) -> Rendered:
        style = self._style(view)
        section: str = self.options.style
        slots: dict[str, SlotValue] = {"object": nouns[0], "color": colors[0].name}
        if len(nouns) > 1:
            section += "-many"
            slots = {"legend": Legend(tuple((n, c.name) for n, c in zip(nouns, colors, strict=True)))}
        params = {
            "style": self.options.style,
            "outline": style.outline,
            "targets": [
                {"name": noun.name, "color": color.name, "rgb": list(color.rgb)}
                for noun, color in zip(nouns, colors, strict=True)
            ],
            **({"lossless": True} if lossless else {}),
        }
        annotation = {"size": [view.size_wh[1], view.size_wh[0]], "boxes": shapes}
        return Rendered(target, section, slots, params, annotation)


def _in_order(picks: Sequence[_Drawable]) -> tuple[list[PixelBox], list[int]]:
    return larger_first((pick.drawn for pick in picks), lambda box: (box[2] - box[0]) * (box[3] - box[1]))


def _overlaps(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) intersection over union of (N, 4) and (M, 4) boxes."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None, :] - shared)
