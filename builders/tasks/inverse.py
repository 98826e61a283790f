"""Inverse: a photograph is made from a picture of its classes, depth, boxes or edges."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.slots import SlotValue
from ...manifests.target import SameTarget
from ..index import SourceIndex
from ..sample import Feature, Sample
from ..subjects.captions import MOST_WORDS, draw_caption
from ..subjects.conditions import (
    CONDITION_KINDS,
    Condition,
    ConditionKind,
    ConditionOptions,
    compare_condition,
    draw_condition,
    features_for,
    read_condition,
)
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_SLOTS: Final[dict[str, tuple[str, ...]]] = {
    "mask": ("legend",),
    "depth": ("range",),
    "boxes": ("legend",),
    "edges": (),
}
_WORDS_BESIDE_LEGEND: Final = 16
"""Of a caption that stands beside a legend: both have to go into CLIP's 77 tokens."""


class InverseOptions(ConditionOptions):
    """Options of the inverse task."""

    kinds: tuple[ConditionKind, ...] = Field(
        CONDITION_KINDS, min_length=1, description="of pictures; one that the sample has is drawn"
    )
    captions: float = Field(
        0.5, ge=0, le=1, description="share of instructions that quote a caption, where the sample has one"
    )


class Inverse(Task[InverseOptions]):
    """Make the photograph from a picture drawn by another task: the source is that picture, the target the photograph.

    The source is lossless, and what it encodes is read back from it as the other task does.
    """

    name = "inverse"
    summary = "make the photo from a map of its classes or depth, from boxes or from edges"
    needs = (Feature(0),)
    options_type = InverseOptions
    sections: ClassVar = {
        **_SLOTS,
        **{f"{kind}-caption": (*slots, "caption") for kind, slots in _SLOTS.items()},
    }
    limits = (Limit("readable", at_least=1.0),)

    def eligible(self, index: SourceIndex) -> NDArray[np.bool_]:
        """Samples that carry what one of the kinds needs."""
        features = index.features()
        found = np.zeros(len(features), bool)
        for kind in self.options.kinds:
            for need in features_for(kind):
                found |= (features & np.uint32(need)) == np.uint32(need)
        return found

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image; in which order to try the kinds."""
        kinds = list(dict.fromkeys(self.options.kinds))
        draw.shuffle(kinds)
        return Subject(kinds)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the first of the kinds that the sample can give."""
        kind, condition = self._condition(view, subject.choice, draw)
        section: str = kind
        slots: dict[str, SlotValue] = dict(condition.slots)
        caption = None
        if draw.random() < self.options.captions:
            caption = draw_caption(view.sample, draw, _WORDS_BESIDE_LEGEND if "legend" in slots else MOST_WORDS)
        if caption is not None:
            section, slots["caption"] = f"{kind}-caption", caption
        return Rendered(
            SameTarget(),
            section,
            slots,
            {"kind": kind, "caption": caption, "condition": condition.params},
            condition.annotation,
            source=condition.picture,
        )

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """What the source picture encodes, as the task that draws such pictures reads it."""
        return read_condition(params["kind"], source, params["condition"])

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """The figures of the task that draws such pictures, and readable: 1 when all of its limits hold, else 0."""
        return compare_condition(params["kind"], decoded, annotation, params["condition"])

    def _condition(
        self, view: View, kinds: list[ConditionKind], draw: random.Random
    ) -> tuple[ConditionKind, Condition]:
        reasons = []
        for kind in kinds:
            if not _carries(view.sample, kind):
                continue
            try:
                return kind, draw_condition(kind, view, self.options, draw)
            except NotApplicable as reason:
                reasons.append(f"{kind}: {reason}")
        raise NotApplicable("; ".join(reasons) or f"the sample has nothing for {', '.join(kinds)}")


def _carries(sample: Sample, kind: ConditionKind) -> bool:
    if kind == "mask":
        return sample.label_map is not None or sample.segments is not None or sample.has_masks
    if kind == "boxes":
        return any(one.box_xyxy is not None for one in sample.instances)
    return kind == "edges" or sample.depth is not None
