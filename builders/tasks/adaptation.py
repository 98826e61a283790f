"""Adaptation: captioned photographs with marks drawn on them, to be generated from words alone."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

import cv2
import numpy as np
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.slots import Noun, SlotValue
from ...manifests.target import FlatTarget, PhotoTarget
from ..marks.discs import MarkShape, pixels_under, stamp
from ..marks.overlay import paint, sample_pixels
from ..marks.palette import PALETTES, pick_clear
from ..masks import regions
from ..masks.painting import MIN_PIXELS, stated
from ..sample import Feature, Instance, Sample
from ..subjects.captions import draw_caption
from ..task import Limit, Rendered, Subject, Task
from ..view import View, union_of

MarkKind = Literal["patches", "circle", "tint"]
_KINDS: Final[tuple[MarkKind, ...]] = get_args(MarkKind)
_GRAY: Final = (128, 128, 128)
_RING_THICKNESS: Final = 0.012
_MOST_OF_PICTURE: Final = 0.48
"""Radius of the widest circle, share of the shorter side; a wider one would leave the picture."""
_LEAST_SIDE: Final = 0.06
"""Shorter side of an object worth a circle, share of the picture's."""
_LEAST_AREA: Final = 0.01


class AdaptationOptions(Block):
    """Options of the adaptation task."""

    kinds: tuple[MarkKind, ...] = Field(
        _KINDS, min_length=1, description="of marks; circle and tint need objects, patches do not"
    )
    patches: Annotated[tuple[int, int], between(1, 100)] = Field((3, 12), description="least and most color patches")
    opacity: float = Field(0.5, ge=0.2, le=0.9, description="of a tint")


class Adaptation(Task[AdaptationOptions]):
    """Teach a text-to-image model to draw marks: the instruction is a caption that also tells of the mark.

    There is no source: a flat gray picture stands in its place, and `params` say `text_to_image`. After
    InstructDiffusion's pretraining adaptation (Geng et al., CVPR 2024).
    """

    name = "adaptation"
    summary = "generate a captioned photo with color patches, a circle or a tint on it, from words alone"
    needs = (Feature.CAPTIONS,)
    options_type = AdaptationOptions
    sections: ClassVar = {
        "patches": ("caption",),
        "circle": ("caption", "object", "color"),
        "tint": ("caption", "object", "color"),
    }
    limits: ClassVar[tuple[Limit, ...]] = ()

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """A caption, and in which order to try the kinds of marks."""
        caption = draw_caption(sample, draw)
        if caption is None:
            raise NotApplicable("the photo has no caption, or none short enough")
        kinds = list(dict.fromkeys(self.options.kinds))
        draw.shuffle(kinds)
        return Subject((caption, kinds))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the first kind of mark that the sample has a place for."""
        caption, kinds = subject.choice
        painted = view.rgb.copy()
        for kind in kinds:
            found = self._mark(kind, view, painted, draw)
            if found is not None:
                break
        else:
            raise NotApplicable(f"the photo has no object to mark with {' or '.join(kinds)}")
        slots, mark = found
        width, height = view.size_wh
        return Rendered(
            PhotoTarget(painted),
            kind,
            {"caption": caption, **slots},
            {"kind": kind, "caption": caption, "text_to_image": True},
            {"kind": kind, **mark},
            source=FlatTarget(np.zeros((height, width), np.uint8), np.array([_GRAY], np.uint8)),
        )

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing: without a source, marks cannot be told from the photograph."""
        return {}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """Nothing."""
        return {}

    def _mark(
        self, kind: MarkKind, view: View, painted: RGB, draw: random.Random
    ) -> tuple[dict[str, SlotValue], dict[str, Any]] | None:
        """Draw a mark; its slots and what is known of it, or None when there is no place for one."""
        if kind == "patches":
            return {}, {"patches": _add_patches(painted, draw.randint(*self.options.patches), draw)}
        return (
            _add_circle(view, painted, draw)
            if kind == "circle"
            else _add_tint(view, painted, self.options.opacity, draw)
        )


def _add_patches(painted: RGB, count: int, draw: random.Random) -> list[dict[str, Any]]:
    """Rectangles and ellipses in any colours, at any place."""
    height, width = painted.shape[:2]
    found = []
    for _ in range(count):
        wide, high = (max(2, round(min(width, height) * draw.uniform(0.04, 0.16))) for _ in range(2))
        x, y = draw.randint(0, max(0, width - wide)), draw.randint(0, max(0, height - high))
        rgb = [draw.randrange(256) for _ in range(3)]
        round_one = draw.random() < 0.4
        if round_one:
            cv2.ellipse(painted, ((x + wide / 2, y + high / 2), (wide, high), 0.0), rgb, -1)
        else:
            painted[y : y + high, x : x + wide] = rgb
        found.append({"xyxy": [x, y, x + wide, y + high], "rgb": rgb, "round": round_one})
    return found


def _add_circle(view: View, painted: RGB, draw: random.Random) -> tuple[dict[str, SlotValue], dict[str, Any]] | None:
    """A ring around one object, or around a joint of one."""
    shorter = min(view.size_wh)
    places = [(one, box) for one in view.sample.instances if not one.crowd and (box := view.box(one)) is not None]
    draw.shuffle(places)
    for one, (left, top, right, bottom) in places:
        if min(right - left, bottom - top) < _LEAST_SIDE * shorter:
            continue
        center = ((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5)
        radius = 1.05 * math.hypot(right - left, bottom - top) / 2
        phrase: Noun | str = Noun(one.category.name, form="indefinite")
        joint = _visible_joint(one, view, draw)
        if joint is not None and (draw.random() < 0.5 or radius > _MOST_OF_PICTURE * shorter):
            phrase, center = joint
            radius = max(6.0, 0.07 * shorter)
        if radius > _MOST_OF_PICTURE * shorter:
            continue
        shape = MarkShape.scaled("ring", view.size_wh, radius / shorter, _RING_THICKNESS)
        color, _ = pick_clear(PALETTES["vivid"], pixels_under(view.rgb, [center], shape), 1.0, draw)
        stamp(painted, center, shape, color.rgb)
        known = {"center": [round(value, 2) for value in center], "radius_px": shape.outer, **stated(color)}
        return {"object": phrase, "color": color.name}, known
    return None


def _visible_joint(one: Instance, view: View, draw: random.Random) -> tuple[str, tuple[float, float]] | None:
    """A joint that is seen: a phrase for it, and its place at output size."""
    if one.skeleton is None or not one.joints:
        return None
    width, height = view.size_wh
    found = []
    for name, joint in zip(one.skeleton.joints, one.joints, strict=True):
        x, y = view.geometry.point(joint.x, joint.y)
        if joint.visibility == 2 and 0 <= x < width and 0 <= y < height:
            found.append((f"the {name} of one {one.category.name}", (x, y)))
    return draw.choice(found) if found else None


def _add_tint(
    view: View, painted: RGB, opacity: float, draw: random.Random
) -> tuple[dict[str, SlotValue], dict[str, Any]] | None:
    """A see-through coat over all objects of one class."""
    groups: dict[str, list[Instance]] = {}
    for one in view.sample.instances:
        if one.segmentation is not None:
            groups.setdefault(one.category.name, []).append(one)
    names = list(groups)
    draw.shuffle(names)
    width, height = view.size_wh
    for name in names:
        mask, rle = view.shown(union_of(groups[name], view.sample))
        box, area = regions.bounds(mask), regions.area(rle)
        if box is None or area < max(MIN_PIXELS, _LEAST_AREA * width * height):
            continue
        color, _ = pick_clear(PALETTES["vivid"], sample_pixels(view.rgb, mask, box), opacity, draw)
        paint(painted, mask, box, color.rgb, opacity)
        known = {"size": [height, width], "rle": regions.to_json(rle), "opacity": opacity, **stated(color)}
        return {"object": Noun(name, count=_count(groups[name], view)), "color": color.name}, known
    return None


def _count(members: list[Instance], view: View) -> int | None:
    """How many objects are shown, where that is known."""
    if any(one.crowd or one.box_xyxy is None for one in members):
        return None
    return sum(view.box(one) is not None for one in members)
