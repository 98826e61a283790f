"""Depth: the whole picture becomes a depth map, in gray, in a colormap, or in metres along a path of colours."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, model_validator

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import SlotValue
from ..depths.colormaps import end_names
from ..depths.curve import CurveName, Floats, ScaleName
from ..depths.ramp import Ramp, Units, every_depth_m, ramp_from
from ..depths.store import FARTHEST_M, from_annotation, to_annotation, to_units
from ..depths.words import ramp_phrases, range_phrases
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View


class DepthOptions(Block):
    """Options of the depth task."""

    style: Literal["gray", "colormap", "metric"] = Field(
        "gray", description="metric: absolute depth along a path of colours, see `curve`; it takes no range"
    )
    colormap: Literal["turbo", "viridis", "inferno", "spectral"] = Field("turbo", description="of style colormap")
    range: Literal["fixed", "image"] = Field(
        "fixed", description="fixed: from near_m to far_m; image: from the nearest to the farthest pixel of each image"
    )
    near_m: float = Field(0, ge=0, le=FARTHEST_M, description="metres, of range fixed; nearer is drawn as this")
    far_m: float = Field(10, gt=0, le=FARTHEST_M, description="metres, of range fixed; farther is drawn as this")
    scale: ScaleName = Field("linear", description="what grows evenly along the range; log and inverse: near_m above 0")
    near_is: Literal["dark", "bright"] = Field(
        "dark", description="dark: black, or the first colour of the colormap, is near; bright: white, or its last, is"
    )
    curve: CurveName = Field(
        "near", description="of style metric; near: finer up to 25 m; far: finer beyond, for landscapes"
    )
    invalid: Literal["reserved", "fill", "zero"] = Field(
        "reserved",
        description="pixels without depth; reserved: in a colour of their own, magenta, or gray in style metric; "
        "fill: as the nearest pixel with depth; zero: as level 0, which then means both no depth and a true depth",
    )

    @model_validator(mode="after")
    def _bounds(self) -> DepthOptions:
        if self.style == "metric" or self.range == "image":
            return self
        if self.near_m >= self.far_m:
            raise ValueError(f"near_m {self.near_m:g} must be less than far_m {self.far_m:g}")
        if self.scale != "linear" and self.near_m == 0:
            raise ValueError(f"scale {self.scale} needs near_m above 0, for example 0.5")
        return self


class Depth(Task[DepthOptions]):
    """Draw the depth of every pixel.

    Depth is rounded to the unit of the annotation before it is drawn, so that the annotation is exactly what the
    target encodes. The target is always lossless.
    """

    name = "depth"
    summary = "turn the photo into a depth map: gray, a colormap, or metres along a path of colours"
    needs = (Feature.DEPTH,)
    options_type = DepthOptions
    sections: ClassVar = {"gray": ("range",), "colormap": ("colormap", "range"), "metric": ("ramp",)}
    limits = (Limit("max_steps", at_most=1.0), Limit("valid_agreement", at_least=1.0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image."""
        if sample.depth is None:
            raise NotApplicable("the image has no depth map")
        return Subject(None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw; pixels of the photo are not needed."""
        units, unit_m = to_units(view.depth_m())
        pixels = np.bincount(units.ravel())  # of every depth
        pixels[:1] = 0  # of none
        occurring = np.flatnonzero(pixels)
        if not len(occurring):
            raise NotApplicable("no pixel of what is shown has a depth")
        range_m = (round(int(occurring[0]) * unit_m, 6), round(int(occurring[-1]) * unit_m, 6))
        params = self._params(range_m)
        ramp = ramp_from(params)
        drawn = ramp.holds(every_depth_m(units, unit_m))
        known_count = int(pixels.sum())
        clipped_count = known_count - int(pixels[drawn].sum())
        if clipped_count == known_count:
            raise NotApplicable(f"all depth, {range_m[0]:g} to {range_m[1]:g} m, lies outside the range drawn")
        annotation = {
            "size": list(units.shape),
            "range_m": list(range_m),
            "valid": known_count / units.size,
            "clipped": clipped_count / known_count,
            **to_annotation(units, unit_m),
        }
        shown = _filled(units) if self.options.invalid == "fill" and known_count < units.size else units
        if self.options.invalid == "reserved":
            params["invalid_rgb"] = list(ramp.reserved_rgb)
        slots = self._slots(params, draw, holes=self.options.invalid == "reserved" and known_count < units.size)
        return Rendered(ramp.draw(shown, unit_m), self.options.style, slots, params, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Depth by the nearest colour of the ramp.

        Returns:
            `size` [h, w]; `depth_m` (H, W) float32 metres, 0 where there is none; `valid` (H, W) bool, where there
            is one: everywhere, unless pixels without depth have a colour of their own.
        """
        depth_m, valid = ramp_from(params).read(target)
        return {"size": list(depth_m.shape), "depth_m": depth_m, "valid": valid}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """Errors over pixels that have a true depth within the range drawn.

        Returns:
            max_steps: the largest error, as `Ramp.steps` counts; valid_agreement: share of pixels that are rightly
            with or without depth (of those with, when the others have no colour of their own); and the usual
            abs_rel, rmse_m (metres) and delta1 (share within a factor of 1.25). NaN when no pixel can be judged.
        """
        units, unit_m = from_annotation(annotation)
        ramp, known, valid = ramp_from(params), units != 0, decoded["valid"]
        agreement = (valid == known) if ramp.reserved else valid[known]
        true_m: Floats = np.multiply(units, unit_m, dtype=np.float64)
        judged = known & ramp.holds(true_m)
        figures = {"max_steps": np.nan, "abs_rel": np.nan, "rmse_m": np.nan, "delta1": np.nan}
        if judged.any():
            figures = _errors(ramp, decoded["depth_m"][judged].astype(np.float64), true_m[judged])
        return {"valid_agreement": float(np.mean(agreement)), **figures}

    def _params(self, image_range_m: tuple[float, float]) -> dict[str, Any]:
        options = self.options
        if options.style == "metric":
            return {"style": "metric", "curve": options.curve, "invalid": options.invalid}
        return {
            "style": options.style,
            "colormap": "gray" if options.style == "gray" else options.colormap,
            "range": options.range,
            "range_m": [options.near_m, options.far_m] if options.range == "fixed" else list(image_range_m),
            "scale": options.scale,
            "near_is": options.near_is,
            "invalid": options.invalid,
        }

    def _slots(self, params: Mapping[str, Any], draw: random.Random, *, holes: bool) -> dict[str, SlotValue]:
        options = self.options
        if options.style == "metric":
            return {"ramp": draw.choice(ramp_phrases(options.curve)) + (" with gray for unknown" if holes else "")}
        first, last = end_names(params["colormap"])
        forward = options.near_is == "dark"
        phrases = range_phrases(
            (options.near_m, options.far_m) if options.range == "fixed" else None,
            (first, last) if forward else (last, first),
            options.scale,
            plain=forward and options.style == "colormap",
        )
        return {
            "range": draw.choice(phrases) + (" with magenta for unknown" if holes else ""),
            **({"colormap": options.colormap} if options.style == "colormap" else {}),
        }


def _filled(units: Units) -> Units:
    """Each pixel without depth takes that of the nearest one that has some."""
    _, nearest = cv2.distanceTransformWithLabels(
        (units == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = units != 0
    by_label = np.zeros(int(nearest.max()) + 1, np.uint16)
    by_label[nearest[known]] = units[known]
    return by_label[nearest]


def _errors(ramp: Ramp, found_m: Floats, true_m: Floats) -> dict[str, float]:
    ratio = np.maximum(found_m / true_m, true_m / np.maximum(found_m, 1e-6))
    return {
        "max_steps": float(ramp.steps(found_m, true_m).max()),
        "abs_rel": float(np.mean(np.abs(found_m - true_m) / true_m)),
        "rmse_m": float(np.sqrt(np.mean((found_m - true_m) ** 2))),
        "delta1": float(np.mean(ratio < 1.25)),
    }
