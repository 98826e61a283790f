"""Semantic segmentation of the whole picture: a flat map of classes, coloured as a legend in the instruction says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import Legend, Noun
from .. import regions
from ..classes import absent_names
from ..division import classes_of
from ..legend import (
    MAX_LEGEND_HELP,
    MOST_ENTRIES,
    NOTATION_HELP,
    NotationOption,
    draw_background,
    draw_notation,
    legend_colors,
)
from ..painting import (
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

    count: tuple[int, int] = Field(
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
    def _counts(self) -> SemanticOptions:
        low, high = self.count
        if not 1 <= low <= high <= 60:
            raise ValueError(f"count [{low}, {high}] must be two numbers from 1 to 60, the smaller first")
        if self.max_legend is not None and self.max_legend < low:
            raise ValueError(f"max_legend {self.max_legend} is less than the least count {low}")
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
        height, width = division.labels.shape
        least = max(MIN_PIXELS, options.min_area * width * height)
        found = [
            position
            for position, (piece, area) in enumerate(zip(division.pieces, division.areas, strict=True))
            if area >= least and self._wanted(piece.name)
        ]
        low, high = options.count
        if len(found) < low:
            raise NotApplicable(f"{len(found)} classes are large enough for the legend, {low} are asked for")
        most = min(high, options.max_legend or max(low, MOST_ENTRIES[notation]), len(found))
        division = division.keep(draw.sample(found, draw.randint(low, most)))
        names = [piece.name for piece in division.pieces]
        annotation = annotation_of(division, range(len(names)))
        if draw.random() < options.absent and (others := absent_names(view.sample, self._wanted)):
            names[-1:] = [*names[-1:], draw.choice(others)] if len(names) < most or len(names) == 1 else names[-1:]
        return self._rendered(view, division, names, annotation, notation, draw)
