"""Segmentation: the pixels of classes or single objects painted in colours."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import Legend, Noun, SlotValue
from ...manifests.target import FlatTarget, PhotoTarget, SameTarget, Target
from ..geometry import Box
from ..index import SourceIndex
from ..marks.overlay import classify, nearest_color, paint, sample_pixels
from ..marks.palette import PALETTES, Color, colors_apart, pick_clear
from ..masks import regions
from ..masks.classes import absent_names
from ..masks.regions import Rle
from ..sample import Feature, Instance, Sample
from ..subjects.naming import name_one_of
from ..task import Limit, Rendered, Subject, Task
from ..view import View, union_of

_BLACK = (0, 0, 0)
_MIN_PIXELS = 100
_UNCOUNTED = 0.3
"""Share of present classes asked for without a number, so that such wording does not give absence away."""


class SegmentationOptions(Block):
    """Options of the segmentation task."""

    style: Literal["overlay", "solid", "mask"] = Field(
        "overlay",
        description="overlay: a see-through coat on the photo; solid: an opaque one; mask: on black",
    )
    opacity: float = Field(0.5, ge=0.2, le=0.9, description="of the overlay")
    unit: Literal["class", "instance"] = Field("class", description="paint all of a class, or single objects")
    count: tuple[int, int] = Field((1, 1), description="least and most classes or objects an instruction")
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
    palette: Literal["vivid", "instructdiffusion"] = "vivid"
    mask_color: Literal["white", "color"] = Field(
        "color", description="of mask with a single class; several always get a colour each"
    )
    classes: tuple[str, ...] | None = Field(None, description="only these; empty: all")

    @model_validator(mode="after")
    def _counts(self) -> SegmentationOptions:
        low, high = self.count
        if not 1 <= low <= high <= 6:
            raise ValueError(f"count [{low}, {high}] must be two numbers from 1 to 6, the smaller first")
        return self

    @property
    def coat(self) -> float:
        """Opacity as rendered."""
        return self.opacity if self.style == "overlay" else 1.0


@dataclass(frozen=True, slots=True)
class _Pick:
    """One class or object to paint: `mask` in the source image; `absent` has none."""

    name: str
    mask: Rle | None
    members: tuple[Instance, ...] = ()
    single: Instance | None = None


@dataclass(frozen=True)
class _Painted:
    """A pick as the output shows it: `mask`, (H, W) uint8 of 0 and 1, and the same as run lengths; not empty."""

    pick: _Pick
    mask: NDArray[np.uint8]
    rle: Rle

    @cached_property
    def area(self) -> int:
        return regions.area(self.rle)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        box = regions.bounds(self.mask)
        assert box is not None
        return box


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
    limits = (Limit("iou", at_least=0.99), Limit("clean", at_least=0.999))

    def eligible(self, index: SourceIndex) -> NDArray[np.bool_]:
        """Single objects need instances; a label map does not tell them apart."""
        found = super().eligible(index)
        if self.options.unit == "instance":
            found &= (index.features() & np.uint32(Feature.INSTANCES)) != 0
        return found

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw classes or objects that are large enough, or a class that is absent."""
        options = self.options
        if draw.random() < options.absent and (absent := absent_names(sample, self._wanted)):
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
            return self._rendered_absent(view, picks[0], draw)
        labels, painted = self._label(view, picks)
        colors, lossless = self._colors(view, painted, draw)
        nouns = [self._noun(view, one.pick, draw) for one in painted]
        return self._rendered(view, labels, painted, nouns, colors, lossless)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Regions by the nearest coat (overlay, solid) or the nearest colour (mask)."""
        colors = [tuple(asked["rgb"]) for asked in params["targets"]]
        if params["style"] == "mask":
            labels = nearest_color(target, [_BLACK, *colors])
        else:
            labels = classify(target, source, colors, params["opacity"], lossless=params.get("lossless", False))
        height, width = target.shape[:2]
        found = [regions.encode((labels == position).astype(np.uint8)) for position in range(1, len(colors) + 1)]
        return {
            "size": [height, width],
            "regions": [
                {"name": asked["name"], "rle": regions.to_json(rle), "area": regions.area(rle)}
                for asked, rle in zip(params["targets"], found, strict=True)
            ],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """iou: the worst region's intersection over union; clean: share of pixels not painted by mistake."""
        worst, total = 1.0, float(np.prod(annotation["size"]))
        stray = 0.0
        for found, true in zip(decoded["regions"], annotation["regions"], strict=True):
            first, second = regions.from_json(found["rle"]), regions.from_json(true["rle"])
            both = regions.area(regions.intersection([first, second]))
            either = found["area"] + true["area"] - both
            stray += found["area"] - both
            if true["area"]:
                worst = min(worst, both / either)
        return {"iou": worst, "clean": 1.0 - stray / total}

    def _candidates(self, sample: Sample, draw: random.Random) -> Iterable[_Pick]:
        """Everything that may be asked for, in random order, each checked only when it is reached."""
        if any(instance.segmentation is not None for instance in sample.instances):
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
        values = sample.label_map.load()
        present, sizes = np.unique(values, return_counts=True)
        least = self._least(values.size)
        return [
            (_Pick(name, regions.encode((values == value).astype(np.uint8))), least)
            for value, size in zip(present.tolist(), sizes.tolist(), strict=True)
            if (name := sample.label_map.names.get(value)) is not None and size >= least and self._wanted(name)
        ]

    def _least(self, pixels: int) -> float:
        return max(_MIN_PIXELS, self.options.min_area * pixels)

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name in self.options.classes

    def _label(self, view: View, picks: list[_Pick]) -> tuple[NDArray[np.uint8], list[_Painted]]:
        """Label map of what is shown: i + 1 where the i-th of the list is painted, the smaller on top."""
        moved = [_Painted(pick, *view.shown(pick.mask)) for pick in picks if pick.mask is not None]
        moved = [one for one in moved if one.area >= _MIN_PIXELS]
        if not moved:
            raise NotApplicable("the crop leaves too little of what was to be painted")
        if len(moved) == 1:
            return moved[0].mask, moved
        moved.sort(key=lambda one: -one.area)
        labels = np.zeros(view.size_wh[::-1], np.uint8)
        for position, one in enumerate(moved, start=1):
            labels[one.mask != 0] = position
        sizes = np.bincount(labels.ravel(), minlength=len(moved) + 1)[1:]
        if (sizes < _MIN_PIXELS).any():
            visible = [one.pick for one, size in zip(moved, sizes, strict=True) if size >= _MIN_PIXELS]
            return self._label(view, visible)
        masks = [(labels == position).view(np.uint8) for position in range(1, len(moved) + 1)]
        return labels, [_Painted(one.pick, mask, regions.encode(mask)) for one, mask in zip(moved, masks, strict=True)]

    def _colors(self, view: View, painted: Sequence[_Painted], draw: random.Random) -> tuple[list[Color], bool]:
        """A colour a region, apart from each other and from what they cover; and whether JPEG would lose them."""
        palette, count = PALETTES[self.options.palette], len(painted)
        if self.options.style == "mask":
            if count == 1 and self.options.mask_color == "white":
                return [Color("white", (255, 255, 255))], False
            return draw.sample(colors_apart(palette, [_BLACK]), count), False
        chosen: list[Color] = []
        lossless = False
        for one in painted:
            free = colors_apart(palette, [color.rgb for color in chosen])
            color, clear = pick_clear(free, sample_pixels(view.rgb, one.mask, one.box), self.options.coat, draw)
            chosen.append(color)
            lossless |= not clear
        return chosen, lossless

    def _noun(self, view: View, pick: _Pick, draw: random.Random) -> Noun | str:
        shown = [one for one in pick.members if one.box_xyxy is None or view.box(one) is not None]
        if pick.single is not None:
            return name_one_of(pick.single, shown, view, draw)
        uncertain = any(one.crowd or one.box_xyxy is None for one in shown)
        if not shown or uncertain or draw.random() < _UNCOUNTED:
            return Noun(pick.name)
        return Noun(pick.name, count=len(shown))

    def _rendered(
        self,
        view: View,
        labels: NDArray[np.uint8],
        painted: Sequence[_Painted],
        nouns: Sequence[Noun | str],
        colors: Sequence[Color],
        lossless: bool,
    ) -> Rendered:
        target: Target
        if self.options.style == "mask":
            target = FlatTarget(labels, np.array([_BLACK, *(color.rgb for color in colors)], np.uint8))
        else:
            picture = view.rgb.copy()
            for one, color in zip(painted, colors, strict=True):
                paint(picture, one.mask, one.box, color.rgb, self.options.coat)
            target = PhotoTarget(picture, lossless)
        annotation = {
            "size": list(labels.shape),
            "regions": [{"name": one.pick.name, "rle": regions.to_json(one.rle), "area": one.area} for one in painted],
        }
        names = [one.pick.name for one in painted]
        params = {**self._params(names, colors), **({"lossless": True} if lossless else {})}
        return Rendered(target, *self._wording(nouns, colors), params, annotation)

    def _rendered_absent(self, view: View, pick: _Pick, draw: random.Random) -> Rendered:
        palette: Sequence[Color] = PALETTES[self.options.palette]
        width, height = view.size_wh
        target: Target = SameTarget()
        if self.options.style == "mask":
            palette = colors_apart(palette, [_BLACK])
            target = FlatTarget(np.zeros((height, width), np.uint8), np.zeros((1, 3), np.uint8))
        color = draw.choice(list(palette))
        empty = regions.encode(np.zeros((height, width), np.uint8))
        annotation = {
            "size": [height, width],
            "regions": [{"name": pick.name, "rle": regions.to_json(empty), "area": 0}],
        }
        wording = self._wording([Noun(pick.name, count=draw.choice((None, 1)))], [color])
        return Rendered(target, *wording, self._params([pick.name], [color]), annotation)

    def _wording(self, nouns: Sequence[Noun | str], colors: Sequence[Color]) -> tuple[str, dict[str, SlotValue]]:
        base = "mask" if self.options.style == "mask" else "overlay"
        if len(nouns) == 1:
            return base, {"object": nouns[0], "color": colors[0].name}
        parts = tuple((noun, color.name) for noun, color in zip(nouns, colors, strict=True))
        return f"{base}-many", {"legend": Legend(parts)}

    def _params(self, names: Sequence[str], colors: Sequence[Color]) -> dict[str, Any]:
        targets = [
            {"name": name, "color": color.name, "rgb": list(color.rgb)}
            for name, color in zip(names, colors, strict=True)
        ]
        return {"style": self.options.style, "opacity": self.options.coat, "targets": targets}


def _hull(masks: Iterable[Rle]) -> Box:
    """Edges of the smallest box that holds all masks."""
    lefts, tops, rights, bottoms = zip(*map(regions.box, masks), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
