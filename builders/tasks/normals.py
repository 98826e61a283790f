"""Surface normals: the whole picture becomes a map of the directions that surfaces face."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ...manifests.errors import BadItem, NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.target import PhotoTarget
from ..depths.store import from_annotation, to_annotation, to_units
from ..depths.surface_normals import (
    NO_NORMAL,
    angles_deg,
    from_colors,
    have_normals,
    mean_normal,
    normals_of,
    to_colors,
)
from ..sample import Feature, Intrinsics, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_PHRASES = (
    "red for {side}, green for up and blue for toward the viewer",
    "red = {side}, green = up, blue = toward the camera",
    "red where surfaces face {side}, green where they face up and blue where they face the camera",
)
_HOLES = ", with gray for unknown"


class NormalsOptions(Block):
    """Options of the normals task."""

    axes: Literal["vision_banana", "marigold"] = Field(
        "vision_banana",
        description="vision_banana: R = (1 - x) / 2, surfaces that face left are red; marigold: R = (1 + x) / 2; "
        "both: G = (1 + y) / 2, B = (1 + z) / 2 with y up and z toward the viewer",
    )
    focal: float | None = Field(
        None,
        ge=0.1,
        le=10,
        description="focal length as a share of the photo's width, for depth maps that come without a camera; "
        "0.8107 for NYU Depth v2 (518.86 of 640), 0.581 for KITTI (721.5 of 1242)",
    )
    window: float = Field(
        0.035, ge=0.005, le=0.2, description="side of the fitted planes, share of the shorter side; at least 5 pixels"
    )
    roughness: float = Field(
        0.03, gt=0, le=1, description="a surface rougher than this, as a share of its distance, has no normal"
    )
    min_valid: float = Field(0.05, ge=0, le=1, description="least share of the image that has a normal")


class Normals(Task[NormalsOptions]):
    """Draw the direction that the surface at each pixel faces, in the camera's axes.

    Depth is sized first, by the nearest pixel, and the camera with it; then normals are computed from what the
    annotation keeps, so that they can be computed from it again. Pixels without a normal are `NO_NORMAL`. The target
    is always lossless.
    """

    name = "normals"
    summary = "turn the photo into a map of surface normals"
    needs = (Feature.DEPTH,)
    options_type = NormalsOptions
    sections: ClassVar = {"map": ("axes",)}
    limits = (Limit("max_deg", at_most=0.5), Limit("valid_agreement", at_least=0.9999))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image."""
        if sample.depth is None:
            raise NotApplicable("the image has no depth map")
        if sample.depth.intrinsics is None and self.options.focal is None:
            raise NotApplicable("the depth map comes without a camera; give task normals the option `focal`")
        return Subject(None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw; pixels of the photo are not needed."""
        options = self.options
        units, unit_m = to_units(view.depth_m())
        camera = _moved(self._camera(view), view)
        window = max(5, round(options.window * min(view.size_wh)) // 2 * 2 + 1)
        normals = normals_of(units * unit_m, camera, window, options.roughness)
        count = int(np.count_nonzero(have_normals(normals)))
        share = count / units.size
        if not share or share < options.min_valid:
            raise NotApplicable(f"{share:.1%} of the pixels have a normal, less than min_valid {options.min_valid:g}")
        annotation = {
            "size": list(units.shape),
            "valid": share,
            "mean_normal": [round(float(part), 4) for part in mean_normal(normals, count)],
            "intrinsics": {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy},
            "window": window,
            "roughness": options.roughness,
            **to_annotation(units, unit_m),
        }
        params = {"axes": options.axes, "invalid_rgb": list(NO_NORMAL)}
        side = "left" if options.axes == "vision_banana" else "right"
        phrase = draw.choice(_PHRASES).format(side=side) + (_HOLES if share < 1 else "")
        target = PhotoTarget(to_colors(normals, options.axes), lossless=True)
        return Rendered(target, "map", {"axes": phrase}, params, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Normals by colour.

        Returns:
            `size` [h, w]; `normals` (H, W, 3) float32 unit vectors, x right, y up, z to the viewer, 0 where there is
            none; `valid` (H, W) bool, where there is one.
        """
        normals = from_colors(target, params["axes"])
        return {"size": list(target.shape[:2]), "normals": normals, "valid": have_normals(normals)}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """Angular errors over pixels that truly have a normal; one that is not found is 90 degrees off.

        Returns:
            mean_deg, median_deg, max_deg; within_11 and within_30: shares of at most 11.25 and 30 degrees, as usual
            for normals; valid_agreement: share of pixels that are rightly with or without a normal.
        """
        true = true_normals(annotation)
        valid = have_normals(true)
        found, judged = decoded["normals"][valid], decoded["valid"][valid]
        errors = np.where(judged, angles_deg(found, true[valid]), 90.0)
        return {
            "mean_deg": float(errors.mean()),
            "median_deg": float(np.median(errors)),
            "max_deg": float(errors.max()),
            "within_11": float(np.mean(errors <= 11.25)),
            "within_30": float(np.mean(errors <= 30)),
            "valid_agreement": float(np.mean(decoded["valid"] == valid)),
        }

    def _camera(self, view: View) -> Intrinsics:
        """The camera of the source image; of the option `focal` a centred one with square pixels."""
        assert view.sample.depth is not None
        if view.sample.depth.intrinsics is not None:
            return view.sample.depth.intrinsics
        assert self.options.focal is not None
        width, height = view.geometry.source_wh
        return Intrinsics(self.options.focal * width, self.options.focal * width, (width - 1) / 2, (height - 1) / 2)


def true_normals(annotation: Mapping[str, Any]) -> np.ndarray:
    """The normals of a triplet of the normals task, computed again from its depth.

    Returns:
        (H, W, 3) float32, as `Normals.decode` has them.

    Raises:
        BadItem: the annotation holds no depth map, or no camera.
    """
    units, unit_m = from_annotation(annotation)
    try:
        camera = Intrinsics(**annotation["intrinsics"])
        return normals_of(units * unit_m, camera, annotation["window"], annotation["roughness"])
    except (KeyError, TypeError) as fault:
        raise BadItem(f"annotation holds no camera: {fault!r}") from fault


def _moved(camera: Intrinsics, view: View) -> Intrinsics:
    """The camera of the output image: focal lengths scale, the principal point moves like any point."""
    scale_x, scale_y = view.geometry.scale_xy
    cx, cy = view.geometry.point(camera.cx, camera.cy)
    return Intrinsics(*(round(value, 6) for value in (camera.fx * scale_x, camera.fy * scale_y, cx, cy)))
