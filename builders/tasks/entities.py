"""Entity segmentation: every segment in a colour of its own, whatever its class."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ..masks.division import Division, from_instances, from_regions, from_segments
from ..masks.free_segments import MAX_CROWD_HELP, MIN_PIXELS, compare_free, decode_free, paint_free, without_crowds
from ..masks.legend import draw_background
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View


class EntitiesOptions(Block):
    """Options of the entities task."""

    entities: Literal["auto", "segments", "instances", "regions"] = Field(
        "auto",
        description="what counts as one; regions: connected regions of a class in the label map; "
        "auto: segments, else regions, else instances",
    )
    background: Literal["black", "white", "any"] = Field("black", description="of what belongs to no entity")
    count: tuple[int, int] = Field((2, 60), description="least and most entities in a photo")
    min_area: float = Field(0.001, ge=0, le=1, description="smaller entities are background; share of the image")
    max_crowd: float = Field(0.01, ge=0, le=1, description=MAX_CROWD_HELP)
    cover: float = Field(
        0.5, ge=0, le=1, description="least share of the image that the entities cover, lest many were never annotated"
    )


class Entities(Task[EntitiesOptions]):
    """Turn the photograph into a map of its entities without regard to their classes.

    The colours are the painter's own; decoding finds them as clusters.
    """

    name = "entities"
    summary = "turn the photo into a map with every object and region in a color of its own"
    needs = (Feature.SEGMENTS, Feature.SEMANTIC, Feature.INSTANCES)
    options_type = EntitiesOptions
    sections: ClassVar = {"map": ("background",)}
    limits = (Limit("pq", at_least=1.0), Limit("min_iou", at_least=1.0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image."""
        return Subject(None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the map; pixels of the photo are not needed."""
        options = self.options
        division = without_crowds(self._division(view), options.max_crowd)
        division = division.without_small(max(MIN_PIXELS, options.min_area * division.size))
        covered = sum(division.areas) / division.size
        if not options.count[0] <= len(division.pieces) <= options.count[1]:
            raise NotApplicable(f"the image has {len(division.pieces)} entities that are large enough")
        if covered < options.cover:
            raise NotApplicable(f"the entities cover {covered:.0%} of the image, less than cover {options.cover:.0%}")
        background = draw_background(options.background, draw)
        target, params, annotation = paint_free(division, background, {}, draw)
        return Rendered(target, "map", {"background": background.name}, params, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """A segment for every cluster of colour but the background's."""
        return decode_free(target, params)

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """pq (without classes), min_iou, missed and extra segments."""
        return compare_free(decoded, annotation, params)

    def _division(self, view: View) -> Division:
        """What counts as an entity.

        Raises:
            NotApplicable: the image has none of what was asked for.
        """
        wanted, sample = self.options.entities, view.sample
        if sample.segments is not None and wanted in ("auto", "segments"):
            return from_segments(view, sample.segments)
        if sample.label_map is not None and wanted in ("auto", "regions"):
            return from_regions(view)
        if wanted in ("auto", "instances"):
            return from_instances(view, sample.instances)
        raise NotApplicable(f"the image has no {wanted}")
