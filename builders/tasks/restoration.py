"""Restoration: a degraded photograph becomes the clean one, from real pairs or from damage done on purpose."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB, decode_rgb
from ...manifests.recipe import Block, between
from ...manifests.target import FileTarget, PhotoTarget, SameTarget, Target
from ..degradations.degrade import KINDS, Kind, degrade, plan_degradation
from ..degradations.sensor import compressed
from ..index import SourceIndex
from ..sample import Feature, Pair, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_ATTEMPTS: Final = 3
_MOST_PSNR_DB: Final = 40.0
"""A damaged picture closer to the clean one than this shows next to nothing to repair."""
_SMALLEST: Final = 16
"""Pixels of the shorter side; no damage makes sense on less."""

_OTHER_WORDS: Final = {
    "deblur": "blur",
    "motion-blur": "blur",
    "defocus": "blur",
    "defocus-blur": "blur",
    "denoise": "noise",
    "derain": "rain",
    "desnow": "snow",
    "dehaze": "haze",
    "fog": "haze",
    "watermarks": "watermark",
    "lowlight": "low-light",
    "dark": "low-light",
    "darkness": "low-light",
    "jpeg": "compression",
    "jpeg-artifacts": "compression",
    "super-resolution": "low-resolution",
    "lowres": "low-resolution",
    "demoire": "moire",
    "moiré": "moire",
    "grayscale": "gray",
}


class RestorationOptions(Block):
    """Options of the restoration task."""

    synthetic: Literal["never", "missing", "always"] = Field(
        "missing",
        description="damage done on purpose, so that any photo can be used; never: only real pairs; missing: where "
        "the source has no real pair; always: to the clean photo of real pairs too",
    )
    kinds: tuple[Kind, ...] = Field(KINDS, min_length=1, description="of synthetic damage; one is drawn a sample")
    strength: Annotated[tuple[float, float], between(0, 1)] = Field(
        (0.2, 1.0), description="least and most of synthetic damage; 0 is just visible, 1 strong but recoverable"
    )

    factors: tuple[int, ...] = Field(
        (),
        description="super-resolution by factors that the instruction names, such as [2, 4]; the photo is shrunk by "
        "exactly that; empty: by any amount, unnamed",
    )

    @field_validator("factors")
    @classmethod
    def _small_factors(cls, factors: tuple[int, ...]) -> tuple[int, ...]:
        for factor in factors:
            if not 2 <= factor <= 16:
                raise ValueError(f"factor {factor} must be a whole number from 2 to 16")
        return factors


class Restoration(Task[RestorationOptions]):
    """Repair a photograph.

    A real pair keeps both files' bytes. Otherwise the photograph itself is the target and a damaged copy the source;
    `params` hold all that `degradation.degrade` needs to make it again (and, for haze, whether the dataset's depth
    map took part). The damage leaves the padding alone.
    """

    name = "restoration"
    summary = "repair a photo: blur, noise, rain, watermarks and more, from real pairs or damage done on purpose"
    needs = (Feature(0),)
    options_type = RestorationOptions
    sections: ClassVar = {**dict.fromkeys(KINDS, ()), "upscale": ("factor",), "defect": ()}
    limits: ClassVar[tuple[Limit, ...]] = ()

    def eligible(self, index: SourceIndex) -> NDArray[np.bool_]:
        """Every photograph, or only those of real pairs."""
        if self.options.synthetic == "never":
            return (index.features() & np.uint32(Feature.RESTORATION)) != 0
        return super().eligible(index)

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image: the real pair, or None for damage done on purpose."""
        pair = _real_pair(sample)
        if self.options.synthetic == "never" and pair is None:
            raise NotApplicable("the photo has no clean twin")
        return Subject(None if self.options.synthetic == "always" else pair)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Take the pair as it is, or do the damage."""
        pair: Pair | None = subject.choice
        if pair is not None:
            section = section_of(pair.kind)
            facts = {"kind": pair.kind, "synthetic": False}
            return Rendered(view.twin(), section, {}, facts, facts)
        photo, target = _clean(view)
        if min(photo.shape[:2]) < _SMALLEST:
            raise NotApplicable(f"the photo is {photo.shape[1]}x{photo.shape[0]}, too small to be damaged")
        kinds = list(self.options.kinds)
        for kind in draw.sample(kinds, min(_ATTEMPTS, len(kinds))):
            strength = round(draw.uniform(*self.options.strength), 3)
            plan = self._plan(kind, view.geometry.resized_wh, strength, draw)
            damaged, used_depth = _damaged(photo, plan, view)
            psnr_db = cv2.PSNR(photo, damaged)
            if psnr_db <= _MOST_PSNR_DB:
                break
        else:
            raise NotApplicable("the photo is so plain that no damage shows")
        facts = {"kind": kind, "synthetic": True}
        params = {**facts, "strength": strength, **({"depth": True} if used_depth else {}), "plan": plan}
        annotation = {**facts, "psnr_db": round(psnr_db, 2)}
        section, slots = kind, {}
        if kind == "low-resolution" and self.options.factors:
            section, slots = "upscale", {"factor": f"{plan['factor']}x"}
        return Rendered(target, section, slots, params, annotation, source=_stored(photo, damaged, plan, view))

    def _plan(self, kind: Kind, size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
        plan = plan_degradation(kind, size_wh, strength, draw)
        if kind == "low-resolution" and self.options.factors:
            plan["factor"] = draw.choice(self.options.factors)
        return plan

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing: the target is a photograph."""
        return {}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """Nothing: the target is a photograph."""
        return {}


def section_of(kind: str) -> str:
    """The section of the template bank for what a pair's clean twin is free of: "Low light" -> "low-light"."""
    words = "-".join(kind.lower().replace("_", " ").replace("-", " ").split())
    words = _OTHER_WORDS.get(words, words)
    return words if words in KINDS else "defect"


def _real_pair(sample: Sample) -> Pair | None:
    return sample.pair if sample.pair is not None and sample.pair.kind != "edit" else None


def _clean(view: View) -> tuple[RGB, Target]:
    """The clean photograph's pixels and the target that holds it: the photograph, or a degraded one's twin."""
    if _real_pair(view.sample) is None:
        return view.rgb, SameTarget()
    twin = view.twin()
    return (decode_rgb(twin.data) if isinstance(twin, FileTarget) else twin.rgb), twin


def _damaged(photo: RGB, plan: Mapping[str, Any], view: View) -> tuple[RGB, bool]:
    """The damaged photograph, padding left as it was; and whether a depth map took part."""
    depth_m = view.depth_m() if plan["kind"] == "haze" and view.sample.depth is not None else None
    x, y = view.geometry.offset_xy
    width, height = view.geometry.resized_wh
    if (width, height) == view.size_wh:
        return degrade(photo, plan, depth_m), depth_m is not None
    part = slice(y, y + height), slice(x, x + width)
    damaged = photo.copy()
    damaged[part] = degrade(np.ascontiguousarray(photo[part]), plan, None if depth_m is None else depth_m[part])
    return damaged, depth_m is not None


def _stored(photo: RGB, damaged: RGB, plan: Mapping[str, Any], view: View) -> Target:
    """The damaged picture; a compressed one as the very file, so that it is compressed once."""
    if plan["kind"] == "compression" and view.geometry.resized_wh == view.size_wh:
        return FileTarget(compressed(photo, plan))
    return PhotoTarget(damaged)
