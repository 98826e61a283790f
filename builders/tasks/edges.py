"""Edges: the boundaries between annotated regions, or the outlines of objects, drawn as lines."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.slots import Noun, SlotValue
from ...manifests.target import FlatTarget
from ..marks.overlay import nearest_color
from ..masks import regions
from ..masks.division import Division, from_classes, from_instances, from_segments
from ..masks.legend import BLACK, WHITE
from ..masks.painting import stated
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View


class EdgesOptions(Block):
    """Options of the edges task."""

    style: Literal["white", "black", "mixed"] = Field(
        "white", description="white: white lines on black; black: black lines on white; mixed: either"
    )
    width: Annotated[tuple[int, int], between(1, 15)] = Field(
        (1, 3), description="least and most width of the lines, pixels, up to 15"
    )
    edges: Literal["auto", "segments", "classes", "objects"] = Field(
        "auto",
        description="of what; segments: of every thing and kind of stuff; classes: of the label map; objects: outlines "
        "of one class's objects; auto: segments, else classes, else objects",
    )
    classes: tuple[str, ...] | None = Field(None, description="only objects of these; empty: all")
    min_area: float = Field(
        0.002, ge=0, le=1, description="least share of the image that the objects of a class cover together"
    )


class Edges(Task[EdgesOptions]):
    """Draw the boundaries of regions as lines of a stated width, or the outlines of all objects of one class.

    A line runs along every place where neighbours belong to different regions, unlabelled pixels being a region of
    their own. A line of one pixel lies on the left or upper side, wider ones on both; the edge of the photograph is
    no boundary.
    """

    name = "edges"
    summary = "draw the boundaries of regions or the outlines of objects as lines"
    needs = (Feature.SEGMENTS, Feature.SEMANTIC, Feature.INSTANCES)
    options_type = EdgesOptions
    sections: ClassVar = {
        "regions": ("width", "lines", "background"),
        "objects": ("object", "width", "lines", "background"),
    }
    limits = (Limit("f1", at_least=1.0),)

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image, or one class of its objects."""
        kind = self._kind(sample)
        if kind != "objects":
            return Subject(None)
        names = {one.category.name for one in sample.instances if one.segmentation is not None}
        crowds = {one.category.name for one in sample.instances if one.crowd}
        wanted = self.options.classes
        found = sorted(name for name in names - crowds if wanted is None or name in wanted)
        if not found:
            raise NotApplicable("no class has objects to outline, none of them a crowd")
        return Subject(draw.choice(found))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the lines; pixels of the photo are not needed."""
        width = draw.randint(*self.options.width)
        style = draw.choice(("white", "black")) if self.options.style == "mixed" else self.options.style
        lines, background = (WHITE, BLACK) if style == "white" else (BLACK, WHITE)
        division = self._division(view, subject.choice)
        edge = draw_edges(division.labels, width)
        if not edge.any():
            raise NotApplicable("the picture has a single region and no boundary")
        slots: dict[str, SlotValue] = {
            "width": f"{width} {'pixel' if width == 1 else 'pixels'}",
            "lines": lines.name,
            "background": background.name,
        }
        if subject.choice is not None:
            slots["object"] = Noun(subject.choice, count=len(division.pieces))
        rle = regions.encode(edge)
        return Rendered(
            FlatTarget(edge, np.array([background.rgb, lines.rgb], np.uint8)),
            "regions" if subject.choice is None else "objects",
            slots,
            {"width": width, "lines": stated(lines), "background": stated(background), "name": subject.choice},
            {"size": list(edge.shape), "rle": regions.to_json(rle), "area": regions.area(rle)},
        )

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """The pixels that are nearer to the lines' colour than to the background's."""
        edge = nearest_color(target, [tuple(params[part]["rgb"]) for part in ("background", "lines")])
        rle = regions.encode(edge)
        return {"size": list(edge.shape), "rle": regions.to_json(rle), "area": regions.area(rle)}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """precision: share of found line pixels within one pixel, corners too, of a true one; recall: the other way
        round; f1: their harmonic mean."""
        found, true = (regions.decode(regions.from_json(side["rle"])) for side in (decoded, annotation))
        precision, recall = _share_near(found, true), _share_near(true, found)
        total = precision + recall
        return {"f1": 2 * precision * recall / total if total else 0.0, "precision": precision, "recall": recall}

    def _kind(self, sample: Sample) -> str:
        """Which boundaries to draw: segments, classes or objects."""
        wanted = self.options.edges
        if sample.segments is not None and wanted in ("auto", "segments"):
            return "segments"
        if sample.label_map is not None and wanted in ("auto", "classes"):
            return "classes"
        if wanted in ("auto", "objects"):
            return "objects"
        raise NotApplicable(f"the image has no {wanted}")

    def _division(self, view: View, name: str | None) -> Division:
        if name is not None:
            members = [one for one in view.sample.instances if one.category.name == name]
            division = from_instances(view, members)
            if sum(division.areas) < self.options.min_area * division.size:
                raise NotApplicable(f"too little of class {name} is shown")
            return division
        if self._kind(view.sample) == "segments":
            assert view.sample.segments is not None
            return from_segments(view, view.sample.segments)
        return from_classes(view)


def draw_edges(labels: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """(H, W) uint8 of 0 and 1: lines along every change of label between neighbours left and right, or above and
    below.

    Args:
        labels: (H, W).
        width: pixels, at least 1.
    """
    edge = np.zeros(labels.shape, np.uint8)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    if width == 1:
        return edge
    shape = cv2.MORPH_ELLIPSE if width > 3 else cv2.MORPH_RECT
    kernel = cv2.getStructuringElement(shape, (width, width))
    thick: NDArray[np.uint8] = cv2.dilate(edge, kernel)
    return thick


def _share_near(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Share of the first mask's pixels with one of the second within a pixel; 1 when there are none."""
    pixels = int(np.count_nonzero(first))
    near = cv2.dilate(second, np.ones((3, 3), np.uint8))
    return int(np.count_nonzero(first & near)) / pixels if pixels else 1.0
