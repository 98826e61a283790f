"""What each pixel of a target says about a mark of one colour: painted, not painted, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from .overlay import blend_table, classify, squared_distance
from .palette import RGBTuple

Evidence = NDArray[np.int8]
"""(H, W) int8: 1 painted in the colour, -1 left as in the source, 0 cannot be told."""

_TELLING: Final = 40.0
"""A coat that moves a pixel less than this far (Euclidean RGB) leaves no trace that outlives JPEG: its error is
at most 29 a channel at 4:4:4 quality 95. Builders keep to colours that move pixels by `CLEAR_DISTANCE`."""


def read_evidence(
    target: RGB, source: RGB, colors: Sequence[RGBTuple], opacity: float, *, lossless: bool = False
) -> list[Evidence]:
    """Evidence for each colour.

    A pixel in another colour says nothing: a mark may lie beneath. Nor does one whose source looks like the colour.

    Args:
        target, source: (H, W, 3) uint8.
        colors: the marks' colours, at most 255.
        opacity: of the marks, in (0, 1].
        lossless: the target went through no lossy codec, so that the least difference counts.
    """
    labels = classify(target, source, colors, opacity, lossless=True)
    least = 1.0 if lossless else _TELLING**2
    found = []
    for position, rgb in enumerate(colors, start=1):
        telling = squared_distance(source, cv2.LUT(source, blend_table(rgb, opacity)[None])) >= least
        painted, bare = labels == position, labels == 0
        found.append((painted & telling).astype(np.int8) - (bare & telling).astype(np.int8))
    return found
