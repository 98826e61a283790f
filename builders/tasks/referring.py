"""Referring segmentation: what a sentence means is painted."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ..geometry import Box, hull
from ..masks import regions
from ..masks.division import Piece, from_masks
from ..masks.painting import (
    MIN_PIXELS,
    PAINT_LIMITS,
    Layer,
    PaintOptions,
    compare_pieces,
    decode_pieces,
    layers_of,
    paint_layers,
    paint_nothing,
)
from ..masks.regions import Rle
from ..sample import Feature, Instance, Sample
from ..task import Rendered, Subject, Task
from ..view import View, union_of

_LEAST_SHOWN = 0.5
"""Share of what a sentence means that a crop must leave."""


class ReferringOptions(PaintOptions):
    """Options of the referring task."""

    absent: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share of sentences that mean nothing in the photo, where the source has such; the target is then "
        "unchanged",
    )
    min_area: float = Field(0.0005, ge=0, le=1, description="least share of the image that is worth painting")


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence, and the pixels of the photograph that it means, if any."""

    sentence: str
    mask: Rle | None = None


class Referring(Task[ReferringOptions]):
    """Paint what a person's sentence means, or several sentences, each in its own colour.

    A sentence is one of an expression's, drawn at random and inserted as it was written, but for double quotes and
    dots at its end. Sentences asked for together share no object; where masks overlap the smaller lies on top.
    A sentence that means nothing leaves the photograph as it is, or gives a black mask.
    """

    name = "referring"
    summary = "paint what a sentence means, over the photo or as a mask on black"
    needs = (Feature.EXPRESSIONS,)
    options_type = ReferringOptions
    sections: ClassVar = {
        "overlay": ("expression", "color"),
        "overlay-many": ("legend",),
        "mask": ("expression", "color"),
        "mask-many": ("legend",),
    }
    limits = PAINT_LIMITS

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw sentences; those that mean nothing stand alone."""
        empty = [one for one in sample.expressions if not one.members]
        meant = [one for one in sample.expressions if one.members]
        if empty and draw.random() < self.options.absent:
            return Subject([_Said(_tidy(draw.choice(draw.choice(empty).sentences)))])
        draw.shuffle(meant)
        wanted, used = draw.randint(*self.options.count), set[int]()
        picks: list[_Said] = []
        shown: list[Instance] = []
        for expression in meant:
            if len(picks) == wanted:
                break
            members = [sample.instances[position] for position in expression.members]
            if used & set(expression.members) or any(one.segmentation is None for one in members):
                continue
            mask = union_of(members, sample)
            if regions.area(mask) >= max(MIN_PIXELS, self.options.min_area * sample.width * sample.height):
                picks.append(_Said(_tidy(draw.choice(expression.sentences)), mask))
                used |= set(expression.members)
                shown += members
        if len(picks) < self.options.count[0]:
            raise NotApplicable("too few sentences mean something that is large enough to paint and has a mask")
        return Subject(picks, box=_hull(shown))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Paint; pixels of the photo are only decoded when they are needed."""
        picks: list[_Said] = subject.choice
        if picks[0].mask is None:
            painting = paint_nothing(view, picks[0].sentence, self.options, draw)
            sentences = [picks[0].sentence]
        else:
            labels, layers = _shown(view, [(pick.sentence, pick.mask) for pick in picks if pick.mask])
            if not layers:
                raise NotApplicable("too little is shown of what the sentences mean")
            painting = paint_layers(view, labels, layers, self.options, draw)
            sentences = [layer.name for layer in layers]
        phrases = sentences if len(sentences) == 1 else [f'"{sentence}"' for sentence in sentences]
        section, slots = painting.wording(self.options.section, "expression", phrases)
        return Rendered(painting.target, section, slots, painting.params, painting.annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Regions by the nearest coat (overlay, solid) or the nearest colour (mask)."""
        return decode_pieces(target, source, params)

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """iou: the worst region's intersection over union; clean: share of pixels not painted by mistake."""
        return compare_pieces(decoded, annotation)


def _shown(view: View, masks: Sequence[tuple[str, Rle]]) -> tuple[NDArray[np.uint8], list[Layer]]:
    """Label map of the sentences of which enough is shown; where their masks overlap, the smaller lies on top."""
    scale_x, scale_y = view.geometry.scale_xy
    least = {said: max(MIN_PIXELS, _LEAST_SHOWN * regions.area(rle) * scale_x * scale_y) for said, rle in masks}
    if len(masks) == 1:
        ((sentence, mask),) = masks
        labels, rle = view.shown(mask)
        layer = Layer(sentence, labels, 1, rle)
        return labels, [layer] if layer.area >= least[sentence] else []
    division = from_masks(view, [(Piece(sentence), mask) for sentence, mask in masks])
    return layers_of(
        division.keep(
            position
            for position, (piece, area) in enumerate(zip(division.pieces, division.areas, strict=True))
            if area >= least[piece.name]
        )
    )


def _tidy(sentence: str) -> str:
    """The sentence without what would clash with the quotes around it.

    Raises:
        NotApplicable: nothing is left.
    """
    tidied = " ".join(sentence.replace('"', "'").split()).rstrip(" .,;:!?")
    if not tidied:
        raise NotApplicable(f"the sentence {sentence!r} has no words")
    return tidied


def _hull(members: Sequence[Instance]) -> Box | None:
    """Edges of the smallest box that holds all members; None when one has no box."""
    boxes = [one.box_xyxy for one in members if one.box_xyxy is not None]
    if len(boxes) < len(members):
        return None
    return hull(boxes)
