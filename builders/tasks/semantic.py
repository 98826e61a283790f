"""Semantic segmentation of the whole picture: a flat map of classes, coloured as a legend in the instruction says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.slots import Legend, Noun
from ..masks import regions
from ..masks.classes import absent_names
from ..masks.division import Division, classes_of
from ..masks.legend import (
    MAX_LEGEND_HELP,
    MOST_ENTRIES,
    NOTATION_HELP,
    Notation,
    NotationOption,
    draw_background,
    draw_notation,
    legend_colors,
)
from ..masks.painting import (
    MIN_PIXELS,
    annotation_of,
    decode_pieces,
    empty_region,
    flat,
    shared_pixels,
    stated,
    targets_in,
)
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View


class SemanticOptions(Block):
    """Options of the semantic task."""

    count: Annotated[tuple[int, int], between(1, 60)] = Field(
        (2, 8), description="least and most classes in the legend; the others are background"
    )
    max_legend: int | None = Field(None, ge=1, le=60, description=MAX_LEGEND_HELP)
    notation: NotationOption = Field("names", description=NOTATION_HELP)
    background: Literal["black", "white", "any"] = Field(
        "black", description="of unlisted classes and unlabelled pixels; any: a named color, drawn for each sample"
    )
    absent: float = Field(
        0.1, ge=0, le=1, description="share of legends that also list a class that is not there, where one is known"
    )
    min_area: float = Field(0.002, ge=0, le=1, description="least share of the image that a listed class covers")
    classes: tuple[str, ...] | None = Field(None, description="only these; empty: all")

    @model_validator(mode="after")
    def _legend_holds_the_least(self) -> SemanticOptions:
        if self.max_legend is not None and self.max_legend < self.count[0]:
            raise ValueError(f"max_legend {self.max_legend} is less than the least count {self.count[0]}")
        return self


class Semantic(Task[SemanticOptions]):
    """Turn the photograph into a map of its classes in the colours of the legend, which differ in every sample.

    A fixed legend teaches a model the colours instead of the words: a network trained on one falls from 54 to 7 mIoU
    when the colours change. Classes come from the label map, else from segments or instances.
    """

    name = "semantic"
    summary = "turn the photo into a map of its classes, in the colors of a legend"
    needs = (Feature.SEMANTIC, Feature.SEGMENTS, Feature.INSTANCES)
    options_type = SemanticOptions
    sections: ClassVar = {"map": ("legend", "background")}
    limits = (Limit("min_iou", at_least=1.0), Limit("accuracy", at_least=1.0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image; which classes are shown, only the map knows."""
        return Subject(None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the map; pixels of the photo are not needed."""
        options = self.options
        notation = draw_notation(options.notation, draw)
        division = classes_of(view)
        height, width = division.shape
        least = max(MIN_PIXELS, options.min_area * width * height)
        found = [
            position
            for position, (piece, area) in enumerate(zip(division.pieces, division.areas, strict=True))
            if area >= least and self._wanted(piece.name)
        ]
        low, high = options.count
        if len(found) < low:
            raise NotApplicable(f"{len(found)} classes are large enough for the legend, {low} are asked for")
        most = min(high, options.max_legend or max(low, MOST_ENTRIES[notation]))
        absent = self._absent(view.sample, draw)
        listed = draw.randint(low, max(low, min(most - len(absent), len(found))))
        division = division.keep(draw.sample(found, listed))
        annotation = annotation_of(division, range(listed))
        annotation["regions"] += [empty_region(name, height, width) for name in absent]
        draw.shuffle(annotation["regions"])  # the place in the legend must not tell what is absent
        return self._rendered(division, annotation, notation, draw)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Regions of the legend's classes by the nearest colour, the background's among them."""
        return decode_pieces(target, source, params)

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """mean_iou and min_iou of the classes that are there; accuracy: share of pixels, background too, that are
        right."""
        ious: list[float] = []
        right = 0
        for found, true in zip(decoded["regions"], annotation["regions"], strict=True):
            both = shared_pixels(found, true)
            right += both
            if true["area"]:
                ious.append(both / (found["area"] + true["area"] - both))
        every = [regions.from_json(one["rle"]) for side in (decoded, annotation) for one in side["regions"]]
        pixels = int(np.prod(annotation["size"]))
        right += pixels - regions.area(regions.union(every))
        return {
            "mean_iou": sum(ious) / len(ious) if ious else 1.0,
            "min_iou": min(ious, default=1.0),
            "accuracy": right / pixels,
        }

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name in self.options.classes

    def _absent(self, sample: Sample, draw: random.Random) -> list[str]:
        """One class that is not there, now and then."""
        if draw.random() >= self.options.absent:
            return []
        names = absent_names(sample, self._wanted)
        return [draw.choice(names)] if names else []

    def _rendered(
        self, division: Division, annotation: dict[str, Any], notation: Notation, draw: random.Random
    ) -> Rendered:
        background = draw_background(self.options.background, draw)
        names = [one["name"] for one in annotation["regions"]]
        colors = legend_colors(len(names), notation, background, draw)
        by_name = dict(zip(names, colors, strict=True))
        params = {
            "style": "mask",
            "notation": notation,
            "background": stated(background),
            "targets": targets_in(names, colors),
        }
        legend = Legend(tuple((Noun(name), color.name) for name, color in by_name.items()))
        return Rendered(
            flat(division, background, [by_name[piece.name] for piece in division.pieces]),
            "map",
            {"legend": legend, "background": background.name},
            params,
            annotation,
        )
