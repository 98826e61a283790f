"""Measure: how large the pictures are and how long-drawn."""

from __future__ import annotations

from collections.abc import Mapping

from ...manifests.images import RGB
from ..scorer import Column
from ._pixels import PixelMeasure


class Resolution(PixelMeasure):
    """Size of the pictures, which source and target share."""

    name = "resolution"
    identity: Mapping[str, int] = {"version": 1}
    columns = (
        Column("megapixels", "pair", "higher", "width x height of the pictures, in millions of pixels"),
        Column("shortest_side", "pair", "higher", "the shorter of width and height, in pixels"),
        Column("aspect", "pair", "lower", "the longer side over the shorter one, at least 1"),
    )

    def _measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        height, width = source.shape[:2]
        shortest, longest = sorted((height, width))
        return {
            "megapixels": height * width / 1e6,
            "shortest_side": float(shortest),
            "aspect": longest / shortest,
        }
