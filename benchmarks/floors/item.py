"""What a floor is told of a triplet, and what a floor is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from taskpaint.builders.view import View

Drawn = tuple[bytes, bytes, bytes]
"""Source image, target image, annotation as JSON."""


@dataclass(frozen=True, slots=True)
class Item:
    """One triplet's facts, chosen and parsed beforehand.

    Attributes:
        id: of the triplet.
        file: the photograph.
        size: its width and height, pixels.
        crop: the part shown; left, top, right, bottom.
        out: width and height of the output; the photo's when nothing changes.
        params: what was asked, and in which colours.
        annotation: of the target; a floor that computes part of it does not look at that part.
        facts: what else the pipeline needs, see its `facts`.
        twin: file of the photograph's twin, where it has one.
    """

    id: str
    file: str
    size: tuple[int, int]
    crop: tuple[int, int, int, int]
    out: tuple[int, int]
    params: Mapping[str, Any]
    annotation: Mapping[str, Any]
    facts: Any = None
    twin: str = ""

    @property
    def is_native(self) -> bool:
        """Whether no pixel of the photograph changes."""
        return self.out == self.size

    @property
    def lossless(self) -> bool:
        """Whether the marks would not survive JPEG, so that what would be JPEG is PNG."""
        return bool(self.params.get("lossless", False))

    @property
    def colors(self) -> list[tuple[int, int, int]]:
        """RGB of what is asked for, in order."""
        return [tuple(target["rgb"]) for target in self.params["targets"]]

    def noted(self) -> bytes:
        """The annotation as it was handed over."""
        return orjson.dumps(self.annotation)


COCO = (("coco", "coco", "train2017"), ("coco", "coco", "val2017"))
"""Both splits, as `Floor.sources` has them."""


def nothing(row: Mapping[str, Any], view: View) -> None:
    """Facts of a pipeline that needs none."""


@dataclass(frozen=True)
class Floor:
    """One pipeline: what is measured, and the least that makes the same.

    Attributes:
        sources: of the recipe: reader, folder, split; the folders are sought in one place.
        task: and its options, of the recipe.
        draw: the floor itself.
        facts: looks up what `draw` needs beyond the row (its params and annotation parsed) and the photograph. Not
            timed: an index, or the drawing of lots, would have it at hand.
    """

    sources: Sequence[tuple[str, str, str]]
    task: str
    options: Mapping[str, Any]
    draw: Callable[[Item], Drawn]
    facts: Callable[[Mapping[str, Any], View], Any] = nothing
