"""Inpainting: holes in a stated colour are filled in again, or the picture is continued beyond a window."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.target import PhotoTarget, SameTarget
from ..degradations.holes import HOLE_SHAPES, HoleShape, draw_hole, pick_fill
from ..marks.overlay import classify, sample_pixels
from ..marks.palette import PALETTES
from ..masks import regions
from ..masks.painting import MIN_PIXELS, PAINT_LIMITS, compare_pieces, stated
from ..sample import Feature, Sample
from ..task import Rendered, Subject, Task
from ..view import View

_NAME: Final = "hole"


class InpaintingOptions(Block):
    """Options of the inpainting task."""

    shapes: tuple[HoleShape, ...] = Field(
        HOLE_SHAPES, min_length=1, description="of holes; one is drawn a sample; frame: all but a window"
    )
    area: Annotated[tuple[float, float], between(0.01, 0.8)] = Field(
        (0.05, 0.35), description="least and most of the picture that is missing, shares"
    )


class Inpainting(Task[InpaintingOptions]):
    """Fill holes: the photograph is the target, a copy with holes in one flat colour the source.

    What is decoded are the holes of the source, so that fillings can be judged where they are.
    """

    name = "inpainting"
    summary = "fill holes of a stated color, or continue the picture beyond its frame"
    needs = (Feature(0),)
    options_type = InpaintingOptions
    sections: ClassVar = {"hole": ("color",), "frame": ("color",)}
    limits = PAINT_LIMITS

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image; which shape the holes have."""
        return Subject(draw.choice(self.options.shapes))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Cut the holes."""
        shape: HoleShape = subject.choice
        mask = draw_hole(shape, view.size_wh, draw.uniform(*self.options.area), draw)
        box = regions.bounds(mask)
        rle = regions.encode(mask)
        area = regions.area(rle)
        if box is None or area < MIN_PIXELS:
            raise NotApplicable("the photo is too small for a hole")
        color, clear = pick_fill(PALETTES["vivid"], sample_pixels(view.rgb, mask, box), draw)
        holed = view.canvas()
        holed[mask != 0] = color.rgb
        return Rendered(
            SameTarget(),
            "frame" if shape == "frame" else "hole",
            {"color": color.name},
            {"shape": shape, **stated(color), **({} if clear else {"lossless": True})},
            {
                "size": list(mask.shape),
                "regions": [{"name": _NAME, "rle": regions.to_json(rle), "area": area}],
            },
            source=PhotoTarget(holed, lossless=not clear),
        )

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """The holes of the source: what is nearer to their colour than to the filled picture."""
        found = classify(source, target, [tuple(params["rgb"])], 1.0, lossless=params.get("lossless", False))
        rle = regions.encode(found)
        return {
            "size": list(found.shape),
            "regions": [{"name": _NAME, "rle": regions.to_json(rle), "area": regions.area(rle)}],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """iou: intersection over union of the holes; clean: share of pixels not taken for a hole by mistake."""
        return compare_pieces(decoded, annotation)
