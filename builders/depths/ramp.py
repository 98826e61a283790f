"""Ramps that depth is drawn along: a colormap between two bounds, or the path of metric depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ...manifests.target import FlatTarget, PhotoTarget
from ..marks.palette import RGBTuple
from .colormaps import LEVELS, RESERVED, ColormapName, level_colors, nearest_entry
from .curve import CURVES, NO_DEPTH_RGB, CurveName, DepthScale, Floats, nearest_code, path_colors

Units = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class ColormapRamp:
    """Depth between two bounds as one of `LEVELS` colours.

    Attributes:
        colormap: the colours.
        scale: the bounds, and how the levels are spread between them.
        near_first: whether the colormap begins at the near bound.
        reserved: whether pixels without depth have a colour of their own, else they are drawn as level 0.
    """

    colormap: ColormapName
    scale: DepthScale
    near_first: bool
    reserved: bool

    @property
    def reserved_rgb(self) -> RGBTuple:
        """The colour of no depth."""
        return RESERVED.rgb

    def holds(self, depth_m: Floats) -> NDArray[np.bool_]:
        """Which depths are drawn as they are, not as a bound."""
        return self.scale.holds(depth_m)

    def draw(self, units: Units, unit_m: float) -> FlatTarget:
        """Draw depth given in whole units, 0 where there is none; lossless palette picture."""
        share = self.scale.share(every_depth_m(units, unit_m))
        share = share if self.near_first else 1 - share
        levels = np.rint(share * (LEVELS - 1)).astype(np.uint8)
        levels[0] = LEVELS if self.reserved else 0
        return FlatTarget(levels.take(units), self._colors())

    def read(self, image: RGB) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(H, W) float32 metres by the nearest colour, 0 where there is no depth; (H, W) bool where there is one."""
        levels = nearest_entry(image, self._colors())
        share = np.arange(LEVELS) / (LEVELS - 1)
        depth = np.zeros(256)
        depth[:LEVELS] = self.scale.depth_m(share if self.near_first else 1 - share)
        return depth.astype(np.float32)[levels], levels != LEVELS

    def steps(self, found_m: Floats, true_m: Floats) -> Floats:
        """Error of each depth, in 255ths of the ramp; drawing errs by half of one."""
        return np.abs(self.scale.share(found_m) - self.scale.share(true_m)) * 255

    def _colors(self) -> NDArray[np.uint8]:
        colors = level_colors(self.colormap)
        return np.vstack([colors, np.array([RESERVED.rgb], np.uint8)]) if self.reserved else colors


@dataclass(frozen=True, slots=True)
class PathRamp:
    """Depth from 0 to infinity along edges of the RGB cube.

    Attributes:
        curve: how depth is spread along the path.
        reserved: as in `ColormapRamp`.
    """

    curve: CurveName
    reserved: bool

    @property
    def reserved_rgb(self) -> RGBTuple:
        """The colour of no depth."""
        return NO_DEPTH_RGB

    def holds(self, depth_m: Floats) -> NDArray[np.bool_]:
        """Which depths are drawn as they are, not as infinity."""
        return depth_m <= CURVES[self.curve].horizon_m

    def draw(self, units: Units, unit_m: float) -> PhotoTarget:
        """Draw depth given in whole units, 0 where there is none; JPEG would blur it, so it is marked lossless."""
        colors = path_colors()[CURVES[self.curve].codes(every_depth_m(units, unit_m))]
        colors[0] = NO_DEPTH_RGB if self.reserved else (0, 0, 0)
        four = np.concatenate([colors, np.zeros((len(colors), 1), np.uint8)], axis=1).view(np.uint32)[:, 0]
        shown = four.take(units).view(np.uint8).reshape(*units.shape, 4)  # all channels looked up at once
        return PhotoTarget(np.asarray(cv2.cvtColor(shown, cv2.COLOR_RGBA2RGB), np.uint8), lossless=True)

    def read(self, image: RGB) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(H, W) float32 metres by the nearest point of the path, 0 where there is no depth; (H, W) bool where."""
        codes, distance = nearest_code(image)
        every_depth = CURVES[self.curve].decoded_m(np.arange(len(path_colors()))).astype(np.float32)
        depth = every_depth[codes]
        if not self.reserved:
            return depth, np.ones(depth.shape, bool)
        off = image.astype(np.int32) - np.array(NO_DEPTH_RGB, np.int32)
        known = np.einsum("hwc,hwc->hw", off, off) > distance
        return np.where(known, depth, np.float32(0)), known

    def steps(self, found_m: Floats, true_m: Floats) -> Floats:
        """Error of each depth as a share of what rounding to 8 bits may move it by (and 5 % for the arithmetic)."""
        return np.abs(found_m - true_m) / (1.05 * CURVES[self.curve].half_step_m(true_m))


Ramp = ColormapRamp | PathRamp


def ramp_from(params: Mapping[str, Any]) -> Ramp:
    """The ramp that a triplet of the depth task was drawn along.

    Args:
        params: of the triplet.
    """
    reserved = params["invalid"] == "reserved"
    if params["style"] == "metric":
        return PathRamp(params["curve"], reserved)
    near_m, far_m = params["range_m"]
    return ColormapRamp(
        params["colormap"], DepthScale(near_m, far_m, params["scale"]), params["near_is"] == "dark", reserved
    )


def every_depth_m(units: Units, unit_m: float) -> Floats:
    """Metres of 0, 1, 2 … units up to the most: a depth is looked up, not computed for every pixel."""
    return np.arange(int(units.max(initial=0)) + 1, dtype=np.float64) * unit_m
