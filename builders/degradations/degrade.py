"""Seeded damage to clean photographs: a plan of parameters that fit into JSON, and the photograph it makes.

A plan holds all numbers, seeds too, so that `degrade` gives the same pixels again. Lengths follow the shorter side of
the photograph: the same strength looks alike at every size.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .optics import blur, low_resolution, moire, plan_blur, plan_low_resolution, plan_moire
from .sensor import (
    compression,
    gray,
    low_light,
    noise,
    plan_compression,
    plan_gray,
    plan_low_light,
    plan_noise,
)
from .watermark import plan_watermark, watermark
from .weather import haze, plan_haze, plan_rain, plan_snow, rain, snow

Kind = Literal[
    "blur",
    "noise",
    "rain",
    "snow",
    "haze",
    "watermark",
    "compression",
    "low-resolution",
    "low-light",
    "gray",
    "moire",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Plan = Mapping[str, Any]
Depth = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Degradation:
    """plan: size_wh, strength and randomness -> parameters; apply: photograph, parameters and depth -> photograph."""

    plan: Callable[[tuple[int, int], float, random.Random], dict[str, Any]]
    apply: Callable[[RGB, Plan, Depth | None], RGB]


_DEGRADATIONS: Final[dict[str, _Degradation]] = {
    "blur": _Degradation(plan_blur, blur),
    "noise": _Degradation(plan_noise, noise),
    "rain": _Degradation(plan_rain, rain),
    "snow": _Degradation(plan_snow, snow),
    "haze": _Degradation(plan_haze, haze),
    "watermark": _Degradation(plan_watermark, watermark),
    "compression": _Degradation(plan_compression, compression),
    "low-resolution": _Degradation(plan_low_resolution, low_resolution),
    "low-light": _Degradation(plan_low_light, low_light),
    "gray": _Degradation(plan_gray, gray),
    "moire": _Degradation(plan_moire, moire),
}


def plan_degradation(kind: Kind, size_wh: tuple[int, int], strength: float, draw: random.Random) -> dict[str, Any]:
    """Draw the parameters of a damage.

    Args:
        kind: one of `KINDS`.
        size_wh: of the photograph, pixels.
        strength: from 0, just visible, to 1, strong but recoverable.
        draw: the unit's randomness.

    Returns:
        JSON-able parameters, `kind` among them.
    """
    return {"kind": kind, **_DEGRADATIONS[kind].plan(size_wh, strength, draw)}


def degrade(photo: RGB, plan: Plan, depth_m: Depth | None = None) -> RGB:
    """The damaged photograph.

    Args:
        photo: (H, W, 3) uint8, at least 2 pixels wide and high.
        plan: from `plan_degradation`.
        depth_m: (H, W) float32 metres, 0 where unknown; haze thickens with it when it is given.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    return _DEGRADATIONS[plan["kind"]].apply(photo, plan, depth_m)
