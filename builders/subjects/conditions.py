"""Pictures that a photograph is to be made from: class maps, depth maps, boxes and edges, drawn by the forward tasks.

Each kind is drawn, read back and judged by the task that makes such a picture from a photograph.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast, get_args

import cv2
import numpy as np
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.slots import Legend, Noun, SlotValue
from ...manifests.target import FlatTarget, PhotoTarget
from ..marks.overlay import nearest_color
from ..masks.legend import BLACK, WHITE
from ..sample import Feature
from ..task import Task
from ..tasks.depth import Depth, DepthOptions
from ..tasks.detection import Detection, DetectionOptions
from ..tasks.semantic import Semantic, SemanticOptions
from ..view import View

ConditionKind = Literal["mask", "depth", "boxes", "edges"]
CONDITION_KINDS: Final[tuple[ConditionKind, ...]] = get_args(ConditionKind)

_TURBO: Final = " in the turbo colormap"
_CANNY_SPREAD: Final = 0.33
_AREA_TOLERANCE: Final = 0.01


class ConditionOptions(Block):
    """How the pictures are drawn."""

    classes: Annotated[tuple[int, int], between(1, 60)] = Field(
        (2, 8), description="of mask: least and most classes in the legend"
    )
    box_classes: Annotated[tuple[int, int], between(1, 6)] = Field(
        (1, 6), description="of boxes: least and most classes"
    )
    depth_style: Literal["gray", "turbo", "mixed"] = Field("mixed", description="of depth: gray, or a colormap")


@dataclass(frozen=True, slots=True)
class Condition:
    """A picture to make a photograph from.

    Attributes:
        picture: its pixels.
        slots: of the instruction.
        params: all that `read` needs.
        annotation: what the picture encodes.
    """

    picture: FlatTarget
    slots: Mapping[str, SlotValue]
    params: dict[str, Any]
    annotation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Drawer:
    """needs: features that one kind can be drawn from; any of them will do."""

    needs: tuple[Feature, ...]
    draw: Callable[[View, ConditionOptions, random.Random], Condition]


def features_for(kind: ConditionKind) -> tuple[Feature, ...]:
    """What a sample needs for a picture of this kind: any one of these."""
    return _DRAWERS[kind].needs


def draw_condition(kind: ConditionKind, view: View, options: ConditionOptions, draw: random.Random) -> Condition:
    """Draw the picture.

    Raises:
        NotApplicable: the sample has nothing to draw, or not enough.
        BadItem: its annotation is broken.
    """
    return _DRAWERS[kind].draw(view, options, draw)


def read_condition(kind: str, picture: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a picture, (H, W, 3) uint8, encodes."""
    if kind == "edges":
        lines = nearest_color(picture, [BLACK.rgb, WHITE.rgb])
        return {"size": list(lines.shape), "area": int(np.count_nonzero(lines))}
    return _FORWARD[kind].decode(picture, np.zeros_like(picture), params)


def compare_condition(
    kind: str, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, float]:
    """The forward task's figures, and readable: 1 when all of its limits hold, else 0."""
    if kind == "edges":
        off = abs(decoded["area"] - annotation["area"]) / annotation["area"]
        return {"area_error": off, "readable": float(off <= _AREA_TOLERANCE)}
    forward = _FORWARD[kind]
    figures = forward.compare(decoded, annotation, params)
    return {**figures, "readable": float(all(limit.holds(figures[limit.metric]) for limit in forward.limits))}


def _draw_mask(view: View, options: ConditionOptions, draw: random.Random) -> Condition:
    task = Semantic(SemanticOptions(count=options.classes, absent=0))
    rendered = task.render(view, task.choose(view.sample, draw), draw)
    picture = rendered.target
    assert isinstance(picture, FlatTarget)
    return Condition(picture, {"legend": rendered.slots["legend"]}, rendered.params, rendered.annotation)


def _draw_depth(view: View, options: ConditionOptions, draw: random.Random) -> Condition:
    """From the nearest to the farthest; holes are filled, for no photograph shows what a sensor has missed."""
    style = draw.choice(("gray", "turbo")) if options.depth_style == "mixed" else options.depth_style
    near_is: Literal["dark", "bright"] = draw.choice(("dark", "bright"))
    how: Literal["gray", "colormap"] = "gray" if style == "gray" else "colormap"
    task = Depth(DepthOptions(style=how, colormap="turbo", range="image", near_is=near_is, invalid="fill"))
    rendered = task.render(view, task.choose(view.sample, draw), draw)
    picture = rendered.target
    assert isinstance(picture, FlatTarget)
    span = cast(str, rendered.slots["range"]) + (_TURBO if style == "turbo" else "")
    return Condition(picture, {"range": span}, rendered.params, rendered.annotation)


def _draw_boxes(view: View, options: ConditionOptions, draw: random.Random) -> Condition:
    """Boxes as the detection task draws them, over a black picture in the photograph's place."""
    blank = copy.copy(view)
    blank.rgb = np.zeros((view.size_wh[1], view.size_wh[0], 3), np.uint8)
    task = Detection(DetectionOptions(count=options.box_classes, absent=0))
    rendered = task.render(blank, task.choose(view.sample, draw), draw)
    drawn = rendered.target
    assert isinstance(drawn, PhotoTarget)
    colors = [BLACK.rgb, *(tuple(asked["rgb"]) for asked in rendered.params["targets"])]
    legend = rendered.slots.get("legend")
    if legend is None:
        phrase, color = rendered.slots["object"], rendered.slots["color"]
        assert isinstance(phrase, Noun) and isinstance(color, str)
        legend = Legend(((phrase, color),))
    picture = FlatTarget(nearest_color(drawn.rgb, colors), np.array(colors, np.uint8))
    return Condition(picture, {"legend": legend}, rendered.params, rendered.annotation)


def _draw_lines(view: View, options: ConditionOptions, draw: random.Random) -> Condition:
    """Canny's edges between a third below and a third above the median level, a common choice."""
    gray = cv2.cvtColor(view.rgb, cv2.COLOR_RGB2GRAY)
    median = float(np.median(gray[::4, ::4]))
    low, high = round((1 - _CANNY_SPREAD) * median), round(min(254.0, (1 + _CANNY_SPREAD) * median))
    lines = (cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), low, high) != 0).astype(np.uint8)
    area = int(np.count_nonzero(lines))
    if area < 0.002 * lines.size:
        raise NotApplicable("the photo has next to no edges")
    picture = FlatTarget(lines, np.array([BLACK.rgb, WHITE.rgb], np.uint8))
    return Condition(picture, {}, {"canny": [low, high]}, {"size": list(lines.shape), "area": area})


_FORWARD: Final[Mapping[str, type[Task[Any]]]] = {"mask": Semantic, "depth": Depth, "boxes": Detection}
_DRAWERS: Final[Mapping[str, _Drawer]] = {
    "mask": _Drawer(Semantic.needs, _draw_mask),
    "depth": _Drawer(Depth.needs, _draw_depth),
    "boxes": _Drawer(Detection.needs, _draw_boxes),
    "edges": _Drawer((Feature(0),), _draw_lines),
}
