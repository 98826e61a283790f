"""Foreground: the main subject told from its background, as a white mask or as a cutout on a plain colour."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import SlotValue
from ...manifests.target import FlatTarget, PhotoTarget, Target
from ..marks.overlay import classify, nearest_color, paint, sample_pixels
from ..marks.palette import PALETTES, pick_clear
from ..masks import regions
from ..masks.division import from_classes
from ..masks.legend import BLACK, WHITE
from ..masks.painting import shared_pixels, stated
from ..masks.regions import Rle
from ..sample import Feature, Instance, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View, union_of


class ForegroundOptions(Block):
    """Options of the foreground task."""

    style: Literal["mask", "cutout"] = Field(
        "mask", description="mask: the subject white on black; cutout: the subject's own pixels on a plain color"
    )
    palette: Literal["vivid", "instructdiffusion"] = Field("vivid", description="of a cutout's background")
    min_area: float = Field(0.05, ge=0, lt=1, description="least share of the image that the subject covers")
    max_area: float = Field(0.95, gt=0, le=1, description="most share of the image that the subject covers")
    dominance: float = Field(
        3, ge=1, description="how many times as large as all other objects together a subject among objects must be"
    )


class Foreground(Task[ForegroundOptions]):
    """Separate the main subject from its background.

    The subject is the class of a label map that knows one class only (a trimap), or the object that is far larger
    than all others.
    """

    name = "foreground"
    summary = "tell the main subject from its background, as a mask or a cutout on a plain color"
    needs = (Feature.SEMANTIC, Feature.INSTANCES)
    options_type = ForegroundOptions
    sections: ClassVar = {"mask": (), "cutout": ("background",)}
    limits = (Limit("iou", at_least=0.99),)

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The only class of the label map, else the dominant object."""
        if sample.label_map is not None and len(sample.label_map.names) == 1:
            return Subject(None)
        one, mask = self._dominant(sample)
        return Subject(mask, box=one.box_xyxy or regions.box(mask))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw; pixels of the photo are only decoded for a cutout."""
        mask = from_classes(view).mask(0) if subject.choice is None else view.shown(subject.choice)[0]
        share = float(mask.mean())
        if not self.options.min_area <= share <= self.options.max_area:
            raise NotApplicable(f"the main subject covers {share:.0%} of the picture")
        rle = regions.encode(mask)
        annotation = {"size": list(mask.shape), "rle": regions.to_json(rle), "area": regions.area(rle)}
        if self.options.style == "cutout":
            return self._cutout(view, mask, annotation, draw)
        target = FlatTarget(mask, np.array([BLACK.rgb, WHITE.rgb], np.uint8))
        return Rendered(target, "mask", {}, {"style": "mask", "background": stated(BLACK)}, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """The subject: nearer to white than to black, or not painted in the background's colour."""
        if params["style"] == "mask":
            mask = nearest_color(target, [BLACK.rgb, WHITE.rgb])
        else:
            background = tuple(params["background"]["rgb"])
            mask = 1 - classify(target, source, [background], 1.0, lossless=params.get("lossless", False))
        rle = regions.encode(mask)
        return {"size": list(target.shape[:2]), "rle": regions.to_json(rle), "area": regions.area(rle)}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """iou: intersection over union of the subject."""
        both = shared_pixels(decoded, annotation)
        return {"iou": both / max(1, decoded["area"] + annotation["area"] - both)}

    def _dominant(self, sample: Sample) -> tuple[Instance, Rle]:
        """The object that outweighs all others, and its mask.

        Raises:
            NotApplicable: there is none.
        """
        if not sample.has_masks:
            raise NotApplicable("the image has neither a map of a single class nor objects with masks")
        masked = [one for one in sample.instances if one.segmentation is not None]
        masks = [union_of([one], sample) for one in masked]
        sizes = [regions.area(mask) for mask in masks]
        largest = int(np.argmax(sizes))
        others = sum(sizes) - sizes[largest]
        if masked[largest].crowd or sizes[largest] < self.options.dominance * others:
            raise NotApplicable("no object is the main subject: others are not small enough beside it")
        return masked[largest], masks[largest]

    def _cutout(self, view: View, mask: NDArray[np.uint8], annotation: dict[str, Any], draw: random.Random) -> Rendered:
        picture, around = view.rgb.copy(), 1 - mask
        box = regions.bounds(around)
        assert box is not None
        palette = PALETTES[self.options.palette]
        color, clear = pick_clear(palette, sample_pixels(view.rgb, around, box), 1.0, draw)
        paint(picture, around, box, color.rgb, 1.0)
        params: dict[str, Any] = {"style": "cutout", "background": stated(color)}
        if not clear:
            params["lossless"] = True
            self._check(picture, view.rgb, params, annotation)
        target: Target = PhotoTarget(picture, lossless=not clear)
        slots: dict[str, SlotValue] = {"background": color.name}
        return Rendered(target, "cutout", slots, params, annotation)

    def _check(self, picture: RGB, source: RGB, params: dict[str, Any], annotation: dict[str, Any]) -> None:
        """A background that already has the colour cannot be told from the subject.

        Raises:
            NotApplicable: too much of it has.
        """
        figures = self.compare(self.decode(picture, source, params), annotation, params)
        if not all(limit.holds(figures[limit.metric]) for limit in self.limits):
            raise NotApplicable("the background has the color of every plain background")
