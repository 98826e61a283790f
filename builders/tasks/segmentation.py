"""Segmentation: the pixels of classes or single objects painted in colours."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.slots import Noun
from ..geometry import Box
from ..index import SourceIndex
from ..masks import regions
from ..masks.classes import absent_names
from ..masks.painting import (
    MIN_PIXELS,
    PAINT_LIMITS,
    Layer,
    PaintOptions,
    compare_pieces,
    decode_pieces,
    paint_layers,
    paint_nothing,
)
from ..masks.regions import Rle
from ..masks.stacking import stack
from ..sample import Feature, Instance, Sample
from ..subjects.naming import name_one_of
from ..subjects.pointing import point_at
from ..task import Rendered, Subject, Task
from ..view import View, union_of

_TOO_LITTLE = "the crop leaves too little of what was to be painted"
_UNCOUNTED = 0.3
"""Share of present classes asked for without a number, so that such wording does not give absence away."""


class SegmentationOptions(PaintOptions):
    """Options of the segmentation task."""

    unit: Literal["class", "instance"] = Field("class", description="paint all of a class, or single objects")
    naming: Literal["words", "point"] = Field(
        "words", description="of single objects: by class and place, or by a point on the object, in hundredths"
    )
    absent: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share of questions about a class that is not there; the target is then unchanged",
    )
    crowd: Literal["include", "exclude"] = Field(
        "include",
        description="whether regions marked as crowds count as part of their class; never single objects",
    )
    min_area: float = Field(0.002, ge=0, le=1, description="least share of the image that is worth painting")
    classes: tuple[str, ...] | None = Field(None, description="only these; empty: all")

    @model_validator(mode="after")
    def _points_mean_objects(self) -> SegmentationOptions:
        if self.naming == "point" and self.unit != "instance":
            raise ValueError("naming: point means a single object; it needs unit: instance")
        return self


@dataclass(frozen=True, slots=True)
class _Pick:
    """One class or object to paint: `mask` in the source image; `absent` has none."""

    name: str
    mask: Rle | None
    members: tuple[Instance, ...] = ()
    single: Instance | None = None


class Segmentation(Task[SegmentationOptions]):
    """Paint classes or objects, each in its own colour.

    Where regions overlap (a tie on a person), the smaller is painted on top, and the annotation holds what is
    visible. Crowd regions belong to their class unless `crowd: exclude`, and are never asked for as an object.
    """

    name = "segmentation"
    summary = "paint the pixels of classes or objects, over the photo or as a mask on black"
    needs = (Feature.INSTANCES, Feature.SEMANTIC)
    options_type = SegmentationOptions
    sections: ClassVar = {
        "overlay": ("object", "color"),
        "overlay-many": ("legend",),
        "mask": ("object", "color"),
        "mask-many": ("legend",),
    }
    limits = PAINT_LIMITS

    def eligible(self, index: SourceIndex) -> NDArray[np.bool_]:
        """Single objects need instances; a label map does not tell them apart."""
        found = super().eligible(index)
        if self.options.unit == "instance":
            found &= (index.features() & np.uint32(Feature.INSTANCES)) != 0
        return found

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw classes or objects that are large enough, or a class that is absent."""
        options = self.options
        if (
            options.naming == "words"
            and draw.random() < options.absent
            and (absent := absent_names(sample, self._wanted))
        ):
            return Subject([_Pick(draw.choice(absent), None)])
        picks = list(self._candidates(sample, draw))
        if len(picks) < options.count[0]:
            raise NotApplicable("no class or object of the image is large enough to paint")
        picks = picks[: draw.randint(options.count[0], min(options.count[1], len(picks)))]
        return Subject(picks, box=_hull(pick.mask for pick in picks if pick.mask is not None))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Paint; pixels of the photo are only decoded when they are needed."""
        picks: list[_Pick] = subject.choice
        if picks[0].mask is None:
            nothing = paint_nothing(view, picks[0].name, self.options, draw)
            noun = Noun(picks[0].name, count=draw.choice((None, 1)))
            section, slots = nothing.wording(self.options.section, "object", [noun])
            return Rendered(nothing.target, section, slots, nothing.params, nothing.annotation)
        labels, shown = self._label(view, picks)
        painting = paint_layers(view, labels, [layer for _, layer in shown], self.options, draw)
        params = painting.params
        nouns: list[Noun | str]
        if self.options.naming == "point":
            nouns, params = self._pointed(shown, params, draw)
        else:
            nouns = [self._noun(view, pick, draw) for pick, _ in shown]
        section, slots = painting.wording(self.options.section, "object", nouns)
        return Rendered(painting.target, section, slots, params, painting.annotation)

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

    def _candidates(self, sample: Sample, draw: random.Random) -> Iterable[_Pick]:
        """Everything that may be asked for, in random order, each checked only when it is reached."""
        if sample.has_masks:
            found = self._objects(sample) if self.options.unit == "instance" else self._classes(sample)
        elif sample.label_map is not None:
            if self.options.unit == "instance":
                raise NotApplicable("the image has a label map, which does not tell objects apart")
            found = self._map_classes(sample)
        else:
            raise NotApplicable("the image has no mask")
        draw.shuffle(found)
        wanted = self.options.count[1]
        for pick, least in found:
            if pick.mask is None:
                members = [pick.single] if pick.single else pick.members
                pick = _Pick(pick.name, union_of(members, sample), pick.members, pick.single)
            if pick.mask is not None and regions.area(pick.mask) >= least:
                wanted -= 1
                yield pick
            if not wanted:
                return

    def _classes(self, sample: Sample) -> list[tuple[_Pick, float]]:
        groups: dict[str, list[Instance]] = {}
        for instance in sample.instances:
            if instance.segmentation is not None and not (instance.crowd and self.options.crowd == "exclude"):
                groups.setdefault(instance.category.name, []).append(instance)
        least = self._least(sample.width * sample.height)
        return [(_Pick(name, None, tuple(members)), least) for name, members in groups.items() if self._wanted(name)]

    def _objects(self, sample: Sample) -> list[tuple[_Pick, float]]:
        least = self._least(sample.width * sample.height)
        return [
            (
                _Pick(
                    one.category.name,
                    None,
                    tuple(o for o in sample.instances if o.category == one.category),
                    one,
                ),
                least,
            )
            for one in sample.instances
            if one.segmentation is not None and not one.crowd and self._wanted(one.category.name)
        ]

    def _map_classes(self, sample: Sample) -> list[tuple[_Pick, float]]:
        assert sample.label_map is not None
        label_map = sample.label_map
        least = self._least(sum(label_map.counts().values()))
        names = {
            value: name
            for value, size in label_map.counts().items()
            if (name := label_map.names.get(value)) is not None and size >= least and self._wanted(name)
        }
        masks = regions.encode_values(label_map.load(), list(names)) if names else []
        return [(_Pick(name, mask), least) for name, mask in zip(names.values(), masks, strict=True)]

    def _least(self, pixels: int) -> float:
        return max(MIN_PIXELS, self.options.min_area * pixels)

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name in self.options.classes

    def _label(self, view: View, picks: list[_Pick]) -> tuple[NDArray[np.uint8], list[tuple[_Pick, Layer]]]:
        """Label map of what is shown: i + 1 where the i-th of the list is painted, the smaller on top."""
        masks = [pick.mask for pick in picks if pick.mask is not None]
        if len(masks) == 1:
            mask, rle = view.shown(masks[0])
            layer = Layer(picks[0].name, mask, 1, rle)
            if layer.area < MIN_PIXELS:
                raise NotApplicable(_TOO_LITTLE)
            return mask, [(picks[0], layer)]
        found = stack(masks, view.geometry)
        large = [position for position, area in enumerate(found.areas) if area >= MIN_PIXELS]
        if not large:
            raise NotApplicable(_TOO_LITTLE)
        if len(large) < len(picks):
            return self._label(view, [picks[position] for position in large])
        labels = found.labels.astype(np.uint8, copy=False)
        rles = regions.encode_each(labels, len(picks))
        visible = [position for rank, position in enumerate(found.order) if regions.area(rles[rank]) >= MIN_PIXELS]
        if len(visible) < len(picks):
            return self._label(view, [picks[position] for position in visible])
        ordered = [picks[position] for position in found.order]
        return labels, [
            (pick, Layer(pick.name, labels, number, rle))
            for number, (pick, rle) in enumerate(zip(ordered, rles, strict=True), start=1)
        ]

    def _pointed(
        self, shown: list[tuple[_Pick, Layer]], params: dict[str, Any], draw: random.Random
    ) -> tuple[list[Noun | str], dict[str, Any]]:
        """Phrases that name a point on each object, and the params with these points."""
        found = [point_at(layer.mask, draw) for _, layer in shown]
        pointed = [one for one in found if one is not None]
        if len(pointed) < len(found):
            raise NotApplicable("an object is too thin for a point in whole hundredths")
        targets = [
            {**target, "point_xy": list(point)} for target, (_, point) in zip(params["targets"], pointed, strict=True)
        ]
        return [phrase for phrase, _ in pointed], {**params, "targets": targets}

    def _noun(self, view: View, pick: _Pick, draw: random.Random) -> Noun | str:
        shown = [one for one in pick.members if one.box_xyxy is None or view.box(one) is not None]
        if pick.single is not None:
            return name_one_of(pick.single, shown, view, draw)
        uncertain = any(one.crowd or one.box_xyxy is None for one in shown)
        if not shown or uncertain or draw.random() < _UNCOUNTED:
            return Noun(pick.name)
        return Noun(pick.name, count=len(shown))


def _hull(masks: Iterable[Rle]) -> Box:
    """Edges of the smallest box that holds all masks."""
    lefts, tops, rights, bottoms = zip(*map(regions.box, masks), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
