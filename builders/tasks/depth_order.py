"""Depth order: of two dots on the photograph, the one that lies nearer (or farther) gets a ring."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.target import PhotoTarget
from ..depths.points import DepthPoint, steady_depth
from ..marks.discs import MIN_RADIUS, MarkShape, Point, pixels_under, stamp
from ..marks.evidence import Evidence, read_evidence
from ..marks.palette import PALETTES, Color, pick_apart
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_RING: Final = 2.2
"""Outer radius of the ring, in radii of a dot."""
_LINE: Final = 0.7
_AROUND: Final = 1.5
"""Paint within this many radii of the ring counts for its dot, so that a model's ring need not be exact."""
_ENOUGH: Final = 0.4
"""Least paint around a dot, as a share of the ring's area; and the other must have less than half of it."""


class DepthOrderOptions(Block):
    """Options of the depth order task."""

    ask: Literal["nearer", "farther", "either"] = Field("either", description="which of the two dots gets the ring")
    margin: float = Field(0.15, ge=0.01, le=10, description="least difference, as a share of the nearer depth")
    spread: float = Field(
        0.05, gt=0, le=1, description="depth under a dot and around it may differ by this, as a share"
    )
    radius: float = Field(0.015, ge=0.005, le=0.1, description="of a dot, share of the shorter side; at least 3 pixels")
    palette: Literal["vivid", "instructdiffusion"] = "vivid"


class DepthOrder(Task[DepthOrderOptions]):
    """Mark the nearer of two points.

    The source is the photograph with two dots; the target is the same with a ring around one of them. Dots lie where
    the depth is measured and even, ring and all inside the picture.
    """

    name = "depth_order"
    summary = "draw a ring around the nearer, or the farther, of two dots on the photo"
    needs = (Feature.DEPTH,)
    options_type = DepthOrderOptions
    sections: ClassVar = {"nearer": ("first", "second", "color"), "farther": ("first", "second", "color")}
    limits = (Limit("correct", at_least=1.0),)

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image; where depth is certain, only the map knows."""
        if sample.depth is None:
            raise NotApplicable("the image has no depth map")
        return Subject(None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the dots, and the ring."""
        options = self.options
        dot, ring = _shapes(max(MIN_RADIUS, options.radius * min(view.size_wh)))
        reach = math.ceil(ring.outer * _AROUND)
        steady = steady_depth(view.depth_m(), math.ceil(1.5 * dot.outer), options.spread, reach + 1)
        pair = steady.pair(options.margin, 2 * reach + 2, draw)
        if pair is None:
            raise NotApplicable(f"no two points of certain depth were found that differ by {options.margin:.0%}")
        asked = draw.choice(["nearer", "farther"]) if options.ask == "either" else options.ask
        answer = int((pair[1].depth_m < pair[0].depth_m) == (asked == "nearer"))
        colors, lossless = self._colors(view, pair, answer, draw)
        source = view.canvas()
        for point, color in zip(pair, colors, strict=False):
            stamp(source, point.place, dot, color.rgb)
        target = source.copy()
        stamp(target, pair[answer].place, ring, colors[2].rgb)
        slots = {"first": colors[0].name, "second": colors[1].name, "color": colors[2].name}
        params = {
            "asked": asked,
            "dots": [
                {"xy": list(point.place), "color": color.name, "rgb": list(color.rgb)}
                for point, color in zip(pair, colors, strict=False)
            ],
            "radius": dot.outer,
            "ring": {"radius": ring.outer, "color": colors[2].name, "rgb": list(colors[2].rgb)},
            **({"lossless": True} if lossless else {}),
        }
        annotation = {
            "size": [view.size_wh[1], view.size_wh[0]],
            "depth_m": [round(point.depth_m, 3) for point in pair],
            "answer": answer,
        }
        drawn = PhotoTarget(target, lossless)
        return Rendered(drawn, asked, slots, params, annotation, source=PhotoTarget(source, lossless))

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Which dot has the ring.

        Returns:
            `answer`: position of the dot, or None when neither or both have one; `paint`: paint of the ring's color
            around each dot, as a share of the ring.
        """
        (seen,) = read_evidence(
            target, source, [tuple(params["ring"]["rgb"])], 1.0, lossless=params.get("lossless", False)
        )
        ring = _shapes(params["radius"])[1]
        paint = [_paint_around(seen, dot["xy"], ring) for dot in params["dots"]]
        best = int(paint[1] > paint[0])
        told = paint[best] >= _ENOUGH and paint[1 - best] < paint[best] / 2
        return {
            "size": list(target.shape[:2]),
            "answer": best if told else None,
            "paint": [round(share, 3) for share in paint],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """correct: 1 when the right dot has the ring, else 0."""
        return {"correct": float(decoded["answer"] == annotation["answer"])}

    def _colors(
        self, view: View, pair: Sequence[DepthPoint], answer: int, draw: random.Random
    ) -> tuple[list[Color], bool]:
        """Colours of the two dots and of the ring; and whether JPEG would lose them."""
        dot, ring = _shapes(max(MIN_RADIUS, self.options.radius * min(view.size_wh)))
        marks = ((pair[0], dot), (pair[1], dot), (pair[answer], MarkShape(_AROUND * ring.outer)))
        under = (pixels_under(view.rgb, [point.place], shape) for point, shape in marks)
        return pick_apart(PALETTES[self.options.palette], under, draw)


def _shapes(radius: float) -> tuple[MarkShape, MarkShape]:
    """A dot and the ring around it."""
    outer = round(radius * _RING, 2)
    return MarkShape(round(radius, 2)), MarkShape(outer, round(outer - radius * _LINE, 2))


def _paint_around(seen: Evidence, center: Point, ring: MarkShape) -> float:
    """Painted pixels around a dot, as a share of the ring's area, 1 at most."""
    rows, columns, near = MarkShape(_AROUND * ring.outer).near(seen, (center[0], center[1]))
    area = math.pi * (ring.outer**2 - ring.inner**2)
    return min(1.0, float(np.count_nonzero(seen[rows, columns][near] > 0)) / area)
