"""Instance segmentation: every object of one class in a colour of its own."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.slots import Noun, SlotValue
from ..geometry import Box, hull
from ..masks.classes import absent_names
from ..masks.division import Division, from_instances, from_segments
from ..masks.free_segments import MIN_PIXELS, compare_free, decode_free, is_connected, paint_free
from ..masks.legend import draw_background
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_UNCOUNTED = 0.3
"""Share of present classes asked for without a number, so that such wording does not give absence away."""


class InstancesOptions(Block):
    """Options of the instances task."""

    count: Annotated[tuple[int, int], between(1, 60)] = Field(
        (2, 40), description="least and most objects of the class in the photo"
    )
    background: Literal["black", "white", "any"] = Field(
        "black", description="of all that is not of the class; any: a named color, drawn for each sample"
    )
    absent: float = Field(
        0.05, ge=0, le=1, description="share of questions about a class that is not there; all is then background"
    )
    split: bool = Field(
        False,
        description="read parts of one color that do not touch as separate objects, for generators that use a color "
        "twice; a class with an object in several pieces is then not asked for",
    )
    min_object: float = Field(
        0.0002, ge=0, le=1, description="a class with a smaller object is not asked for; share of the image"
    )
    classes: tuple[str, ...] | None = Field(None, description="only these; empty: all")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Classes in the order in which they are tried, or one that is not there."""

    names: tuple[str, ...]
    present: bool


class Instances(Task[InstancesOptions]):
    """Paint every object of one class in a colour of its own on a plain background.

    The colours are the painter's own, 64 or more apart; decoding finds them as clusters. Where masks overlap the
    smaller lies on top. A class with a crowd region is not asked for.
    """

    name = "instances"
    summary = "paint every object of a class in a color of its own, on a plain background"
    needs = (Feature.INSTANCES, Feature.SEGMENTS)
    options_type = InstancesOptions
    sections: ClassVar = {"map": ("object", "background")}
    limits = (Limit("min_iou", at_least=0.99), Limit("missed", at_most=0), Limit("extra", at_most=0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw an order of the classes; the first that can be painted is asked for."""
        if draw.random() < self.options.absent and (names := absent_names(sample, self._wanted)):
            return Subject(_Asked((draw.choice(names),), present=False))
        counts: dict[str, int] = {}
        crowds: set[str] = set()
        for name, crowd in _objects(sample):
            counts[name] = counts.get(name, 0) + 1
            crowds |= {name} if crowd else set()
        low, high = self.options.count
        found = [
            name for name, count in counts.items() if self._wanted(name) and name not in crowds and low <= count <= high
        ]
        if not found:
            raise NotApplicable(f"no class has {low} to {high} objects, none of them a crowd")
        draw.shuffle(found)
        return Subject(_Asked(tuple(found), present=True), box=_hull(sample, found[0]))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the map; pixels of the photo are not needed."""
        asked: _Asked = subject.choice
        background = draw_background(self.options.background, draw)
        width, height = view.size_wh
        division = Division.of(np.zeros((height, width), np.uint8), ())
        count = None
        if asked.present:
            division = self._first_paintable(view, asked.names)
            count = None if draw.random() < _UNCOUNTED else len(division.pieces)
        name = division.pieces[0].name if division.pieces else asked.names[0]
        target, params, annotation = paint_free(division, background, {}, draw)
        params |= {"name": name, "split": self.options.split}
        slots: dict[str, SlotValue] = {"object": Noun(name, count=count), "background": background.name}
        return Rendered(target, "map", slots, params, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """An object for every cluster of colour but the background's; with `split`, for each of its parts."""
        return decode_free(target, params)

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """min_iou of the worst true object, missed and extra objects (none with an IoU above 0.5), pq."""
        return compare_free(decoded, annotation, params)

    def _first_paintable(self, view: View, names: Sequence[str]) -> Division:
        """The objects of the first class that can be painted.

        Raises:
            NotApplicable: there is none; the reason of the last.
        """
        reason = ""
        for name in names:
            division = _of_class(view, name)
            reason = self._fault(division, name)
            if not reason:
                return division
        raise NotApplicable(reason)

    def _fault(self, division: Division, name: str) -> str:
        """Why a class cannot be asked for, or nothing."""
        low, high = self.options.count
        if not low <= len(division.pieces) <= high:
            return f"{len(division.pieces)} objects of class {name} are shown"
        if min(division.areas) < max(MIN_PIXELS, self.options.min_object * division.size):
            return f"class {name} has an object that is too small to paint"
        if self.options.split and not all(is_connected(division.mask(place)) for place in range(len(division.pieces))):
            return f"class {name} has an object in several pieces"
        return ""

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name in self.options.classes


def _objects(sample: Sample) -> list[tuple[str, bool]]:
    """Class of each object, and whether it is a region of many."""
    if _by_segments(sample):
        assert sample.segments is not None
        return [(one.category.name, one.crowd) for one in sample.segments.segments if one.thing]
    masked = [one for one in sample.instances if one.segmentation is not None]
    return [(one.category.name, one.crowd) for one in masked]


def _by_segments(sample: Sample) -> bool:
    """Whether objects are those of the panoptic map: no instance has a mask."""
    return sample.segments is not None and not sample.has_masks


def _of_class(view: View, name: str) -> Division:
    sample = view.sample
    if _by_segments(sample):
        assert sample.segments is not None
        division = from_segments(view, sample.segments)
        return division.keep(place for place, piece in enumerate(division.pieces) if piece.thing and piece.name == name)
    return from_instances(view, [one for one in sample.instances if one.category.name == name])


def _hull(sample: Sample, name: str) -> Box | None:
    """Edges of the smallest box that holds the class, as far as its objects have boxes."""
    boxes = [one.box_xyxy for one in sample.instances if one.category.name == name and one.box_xyxy is not None]
    if not boxes:
        return None
    return hull(boxes)
