"""How an instruction tells which colour means which depth."""

from __future__ import annotations

import numpy as np

from .curve import CURVES, PATH_COLORS, CurveName, ScaleName

_SCALE_WORDS: dict[ScaleName, str] = {"linear": "", "log": " on a log scale", "inverse": " on an inverse-depth scale"}


def range_phrases(
    bounds_m: tuple[float, float] | None, colors: tuple[str, str], scale: ScaleName, *, plain: bool
) -> list[str]:
    """Phrases that follow "from", for a ramp between two bounds.

    Args:
        bounds_m: the near and the far bound, metres; None when they are the image's own.
        colors: names of the colours of the near and the far bound.
        scale: how the ramp is spread between the bounds.
        plain: whether it goes without saying which end is near, so that colours may stay unnamed.
    """
    near, far = colors
    if bounds_m is None:
        found = [
            f"the nearest point in {near} to the farthest in {far}",
            f"{near} for the nearest point to {far} for the farthest",
            f"{near} at the nearest point to {far} at the farthest",
        ]
        found += ["nearest to farthest", "near to far"] if plain else []
    else:
        low, high = (f"{bound:g}" for bound in bounds_m)
        unit = "meter" if bounds_m[1] == 1 else "meters"
        found = [
            f"{low} m in {near} to {high} m in {far}",
            f"{low} {unit if bounds_m[0] == 1 else 'meters'} in {near} to {high} {unit} in {far}",
            f"{near} at {low} m to {far} at {high} m",
        ]
        found += [f"{low} to {high} {unit}", f"{low} m to {high} m"] if plain else []
    return [phrase + _SCALE_WORDS[scale] for phrase in found]


def ramp_phrases(curve: CurveName) -> list[str]:
    """Phrases that name the colours of metric depth from near to far; any curve but "near" needs the distances."""
    colors, white = PATH_COLORS[:-1], PATH_COLORS[-1]
    corners_m = CURVES[curve].decoded_m(255 * np.arange(len(colors))).tolist()
    marks = ", ".join(
        f"{color} at {round(depth, 2 if depth < 10 else 1):g} m" for color, depth in zip(colors, corners_m, strict=True)
    )
    measured = [f"{marks}, {white} at infinity", f"{marks} and {white} at infinity"]
    if curve != "near":
        return measured
    plain = ", ".join(colors)
    return [f"{plain}, {white}", f"{plain} and {white}", f"{plain}, {white} at infinity", *measured]
