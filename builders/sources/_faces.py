"""Names of the 68 points of 300-W and the 98 of WFLW, in words. Left is the person's left, as everywhere.

Both go down the contour of the face from the right ear to the chin and up to the left ear, then through eyebrows,
nose, eyes and mouth. The places were checked on annotated photographs.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Final

from ..sample import Skeleton

_WORDS: Final = {
    Fraction(1, 8): "an eighth",
    Fraction(1, 4): "a quarter",
    Fraction(3, 8): "three eighths",
    Fraction(5, 8): "five eighths",
    Fraction(3, 4): "three quarters",
    Fraction(7, 8): "seven eighths",
    Fraction(1, 16): "a sixteenth",
    Fraction(3, 16): "three sixteenths",
    Fraction(5, 16): "five sixteenths",
    Fraction(7, 16): "seven sixteenths",
    Fraction(9, 16): "nine sixteenths",
    Fraction(11, 16): "eleven sixteenths",
    Fraction(13, 16): "thirteen sixteenths",
    Fraction(15, 16): "fifteen sixteenths",
}


def _contour(steps: int) -> list[str]:
    """`steps` points from each ear to the chin, evenly along the contour, and the chin."""
    ways = [_way(Fraction(step, steps)) for step in range(1, steps)]
    right, left = (
        [f"{side} end of the jaw line", *(f"jaw line {way} from the {side} ear to the chin" for way in ways)]
        for side in ("right", "left")
    )
    return [*right, "tip of the chin", *reversed(left)]


def _way(share: Fraction) -> str:
    return "halfway" if share == Fraction(1, 2) else f"{_WORDS[share]} of the way"


_BROW_68: Final = (
    "outer end of the {side} eyebrow",
    "{side} eyebrow near its outer end",
    "middle of the {side} eyebrow",
    "{side} eyebrow near its inner end",
    "inner end of the {side} eyebrow",
)
"""From the outer end to the inner."""
_BROW_98: Final = (
    "outer end of the {side} eyebrow",
    "upper edge of the {side} eyebrow near its outer end",
    "middle of the upper edge of the {side} eyebrow",
    "upper edge of the {side} eyebrow near its inner end",
    "upper inner corner of the {side} eyebrow",
    "lower inner corner of the {side} eyebrow",
    "lower edge of the {side} eyebrow near its inner end",
    "middle of the lower edge of the {side} eyebrow",
    "lower edge of the {side} eyebrow near its outer end",
)
"""Along the upper edge from the outer end to the inner, and back along the lower."""
_NOSE: Final = (
    "top of the nose bridge",
    "upper part of the nose bridge",
    "lower part of the nose bridge",
    "tip of the nose",
    "right edge of the nose",
    "right nostril",
    "base of the nose",
    "left nostril",
    "left edge of the nose",
)
_EYE_68: Final = (
    "outer corner of the {side} eye",
    "upper lid of the {side} eye near its outer corner",
    "upper lid of the {side} eye near its inner corner",
    "inner corner of the {side} eye",
    "lower lid of the {side} eye near its inner corner",
    "lower lid of the {side} eye near its outer corner",
)
"""From the outer corner along the upper lid, and back along the lower."""
_EYE_98: Final = (
    "outer corner of the {side} eye",
    "upper lid of the {side} eye near its outer corner",
    "middle of the upper lid of the {side} eye",
    "upper lid of the {side} eye near its inner corner",
    "inner corner of the {side} eye",
    "lower lid of the {side} eye near its inner corner",
    "middle of the lower lid of the {side} eye",
    "lower lid of the {side} eye near its outer corner",
)
_MOUTH: Final = (
    "right corner of the mouth",
    "upper edge of the upper lip near the right corner of the mouth",
    "right peak of the upper lip",
    "middle of the upper edge of the upper lip",
    "left peak of the upper lip",
    "upper edge of the upper lip near the left corner of the mouth",
    "left corner of the mouth",
    "lower edge of the lower lip near the left corner of the mouth",
    "lower edge of the lower lip just left of its middle",
    "middle of the lower edge of the lower lip",
    "lower edge of the lower lip just right of its middle",
    "lower edge of the lower lip near the right corner of the mouth",
    "right inner corner of the mouth",
    "lower edge of the upper lip just right of its middle",
    "middle of the lower edge of the upper lip",
    "lower edge of the upper lip just left of its middle",
    "left inner corner of the mouth",
    "upper edge of the lower lip just left of its middle",
    "middle of the upper edge of the lower lip",
    "upper edge of the lower lip just right of its middle",
)
"""Around the outside from the right corner, then around the inside."""


def _side(parts: tuple[str, ...], side: str, order: tuple[int, ...] = ()) -> list[str]:
    return [parts[at].format(side=side) for at in order or range(len(parts))]


def _path(*points: int) -> list[tuple[int, int]]:
    return list(pairwise(points))


def _loop(first: int, count: int) -> list[tuple[int, int]]:
    return _path(*range(first, first + count), first)


FACE_68: Final = Skeleton(
    "face 68",
    (
        *_contour(8),
        *_side(_BROW_68, "right"),
        *_side(_BROW_68, "left", (4, 3, 2, 1, 0)),
        *_NOSE,
        *_side(_EYE_68, "right"),
        *_side(_EYE_68, "left", (3, 2, 1, 0, 5, 4)),
        *_MOUTH,
    ),
    (
        *_path(*range(17)),
        *_path(*range(17, 22)),
        *_path(*range(22, 27)),
        *_path(*range(27, 31)),
        *_path(*range(31, 36)),
        *_loop(36, 6),
        *_loop(42, 6),
        *_loop(48, 12),
        *_loop(60, 8),
    ),
)
"""300-W: contour 0 to 16, eyebrows 17 to 26, nose 27 to 35, eyes 36 to 47, mouth 48 to 67."""

FACE_98: Final = Skeleton(
    "face 98",
    (
        *_contour(16),
        *_side(_BROW_98, "right"),
        *_side(_BROW_98, "left", (4, 3, 2, 1, 0, 8, 7, 6, 5)),
        *_NOSE,
        *_side(_EYE_98, "right"),
        *_side(_EYE_98, "left", (4, 3, 2, 1, 0, 7, 6, 5)),
        *_MOUTH,
        "pupil of the right eye",
        "pupil of the left eye",
    ),
    (
        *_path(*range(33)),
        *_loop(33, 9),
        *_loop(42, 9),
        *_path(*range(51, 55)),
        *_path(*range(55, 60)),
        *_loop(60, 8),
        *_loop(68, 8),
        *_loop(76, 12),
        *_loop(88, 8),
    ),
)
"""WFLW: contour 0 to 32, eyebrows 33 to 50, nose 51 to 59, eyes 60 to 75, mouth 76 to 95, pupils 96 and 97."""
