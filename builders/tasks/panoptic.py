"""Panoptic segmentation: every thing in a colour of its own, stuff by a legend or in free colours too."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import Legend, Noun, SlotValue
from ..marks.palette import Color
from ..masks.division import Division, from_segments
from ..masks.free_segments import MAX_CROWD_HELP, MIN_PIXELS, compare_free, decode_free, paint_free, without_crowds
from ..masks.legend import (
    MAX_LEGEND_HELP,
    MOST_ENTRIES,
    NOTATION_HELP,
    NotationOption,
    draw_background,
    draw_notation,
    legend_colors,
)
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View


class PanopticOptions(Block):
    """Options of the panoptic task."""

    stuff: Literal["legend", "free"] = Field(
        "legend", description="legend: stuff in stated colors; free: each kind of stuff in a color of its own"
    )
    max_legend: int | None = Field(None, ge=1, le=40, description=MAX_LEGEND_HELP)
    notation: NotationOption = Field("names", description=NOTATION_HELP)
    background: Literal["black", "white", "any"] = Field(
        "black", description="of stuff that is not listed and of what belongs to no segment"
    )
    max_crowd: float = Field(0.01, ge=0, le=1, description=MAX_CROWD_HELP)
    min_area: float = Field(0.0002, ge=0, le=1, description="smaller segments count as background; share of the image")


class Panoptic(Task[PanopticOptions]):
    """Turn the photograph into a map of everything in it.

    The free colours are the painter's own: neither instruction nor params name them, and decoding finds them as
    clusters. When the legend has no room for all stuff, the largest is listed.
    """

    name = "panoptic"
    summary = "turn the photo into a panoptic map: each thing its own color, stuff by a legend"
    needs = (Feature.SEGMENTS,)
    options_type = PanopticOptions
    sections: ClassVar = {"legend": ("legend", "background"), "free": ("background",)}
    limits = (Limit("pq", at_least=1.0), Limit("min_iou", at_least=1.0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image."""
        if sample.segments is None or not sample.segments.segments:
            raise NotApplicable("the image has no segments")
        return Subject(None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the map; pixels of the photo are not needed."""
        assert view.sample.segments is not None
        division = without_crowds(from_segments(view, view.sample.segments), self.options.max_crowd)
        division = _stuff_joined(division)
        least = max(MIN_PIXELS, self.options.min_area * division.size)
        division = division.without_small(least)
        background = draw_background(self.options.background, draw)
        legend: dict[int, Color] = {}
        slots: dict[str, SlotValue] = {"background": background.name}
        if self.options.stuff == "legend":
            division, legend = self._legend(division, background, draw)
            parts = tuple((Noun(division.pieces[place].name), color.name) for place, color in legend.items())
            slots["legend"] = Legend(parts)
        if not any(piece.thing for piece in division.pieces):
            raise NotApplicable("no thing is large enough for a color of its own")
        target, params, annotation = paint_free(division, background, legend, draw)
        return Rendered(target, self.options.stuff, slots, params, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Segments of the legend's colours, and a segment for every other cluster of colour."""
        return decode_free(target, params)

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """pq (without classes of things), min_iou, missed and extra segments."""
        return compare_free(decoded, annotation, params)

    def _legend(self, division: Division, background: Color, draw: random.Random) -> tuple[Division, dict[int, Color]]:
        """Things and the stuff that the legend has room for, in random order; and the stuff's colours."""
        notation = draw_notation(self.options.notation, draw)
        areas = division.areas
        stuff = [place for place, piece in enumerate(division.pieces) if not piece.thing]
        if not stuff:
            raise NotApplicable("the image has no stuff for the legend")
        stuff = sorted(stuff, key=lambda place: -areas[place])[: self.options.max_legend or MOST_ENTRIES[notation]]
        draw.shuffle(stuff)
        things = [place for place, piece in enumerate(division.pieces) if piece.thing]
        colors = legend_colors(len(stuff), notation, background, draw)
        return division.keep([*stuff, *things]), dict(enumerate(colors))


def _stuff_joined(division: Division) -> Division:
    """Regions of stuff of one name become one."""
    order = sorted(range(len(division.pieces)), key=lambda place: not division.pieces[place].thing)  # things first
    ordered = division.keep(order)
    return ordered.joined([place if piece.thing else piece.name for place, piece in enumerate(ordered.pieces)])
