"""Part segmentation: parts of objects (wheels, heads, roofs) are painted."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.slots import Noun
from ..masks.division import Division, Piece, from_classes, from_segments
from ..masks.painting import MIN_PIXELS, PAINT_LIMITS, PaintOptions, compare_pieces, decode_pieces, paint_pieces
from ..number_maps import pixels_shared
from ..sample import Feature, Sample
from ..task import Rendered, Subject, Task
from ..view import View

_INSIDE = 0.9
"""A part belongs to the class that has at least this share of its pixels."""


class PartsOptions(PaintOptions):
    """Options of the parts task."""

    min_area: float = Field(0.0005, ge=0, le=1, description="least share of the image that is worth painting")
    wholes: bool = Field(
        True,
        description="tell parts of one name apart by what they belong to, and say so: every wheel of a car; "
        "needs a label map beside the parts",
    )
    classes: tuple[str, ...] | None = Field(None, description="only these parts; empty: all")


class Parts(Task[PartsOptions]):
    """Paint all parts of one name, or of several, each in its own colour.

    With `wholes`, a part lies in an object when nine tenths of its pixels do; a part for which no class has so many
    is called by its own name, and only when no other part has that name.
    """

    name = "parts"
    summary = "paint parts of objects, over the photo or as a mask on black"
    needs = (Feature.PARTS,)
    options_type = PartsOptions
    sections: ClassVar = {
        "overlay": ("part", "color"),
        "overlay-many": ("legend",),
        "mask": ("part", "color"),
        "mask-many": ("legend",),
    }
    limits = PAINT_LIMITS

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """The whole image; which parts are shown, only the map knows."""
        if sample.parts is None or not sample.parts.segments:
            raise NotApplicable("the image has no parts")
        return Subject(None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Paint; pixels of the photo are only decoded when they are needed."""
        assert view.sample.parts is not None
        division = from_segments(view, view.sample.parts)
        if self.options.wholes and view.sample.label_map is not None:
            division = _with_wholes(division, from_classes(view))
        division = division.by_class()
        width, height = view.size_wh
        least = max(MIN_PIXELS, self.options.min_area * width * height)
        found = [
            position
            for position, (piece, area) in enumerate(zip(division.pieces, division.areas, strict=True))
            if area >= least and self._wanted(piece.name)
        ]
        low, high = self.options.count
        if len(found) < low:
            raise NotApplicable(f"{len(found)} parts are large enough to paint, {low} are asked for")
        division = division.keep(draw.sample(found, draw.randint(low, min(high, len(found)))))
        painting = paint_pieces(view, division, self.options, draw)
        phrases = [Noun(piece.name) for piece in division.pieces]
        section, slots = painting.wording(self.options.section, "part", phrases)
        return Rendered(painting.target, section, slots, painting.params, painting.annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Regions by the nearest coat (overlay, solid) or the nearest colour (mask)."""
        return decode_pieces(target, source, params)

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """iou: the worst region's intersection over union; clean: share of pixels not painted by mistake."""
        return compare_pieces(decoded, annotation)

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name.partition(" of a")[0] in self.options.classes


def _with_wholes(parts: Division, wholes: Division) -> Division:
    """Parts called by what they belong to as well: "wheel of a car".

    A part of no class is dropped when others of its name have one: "every wheel" would mean those too.
    """
    across = len(wholes.pieces) + 1
    table = pixels_shared(parts.runs, wholes.runs, (len(parts.pieces) + 1, across))[1:]
    named: list[Piece] = []
    for piece, row in zip(parts.pieces, table, strict=True):
        owner = int(row[1:].argmax()) if across > 1 else 0
        inside = across > 1 and row[owner + 1] >= _INSIDE * row.sum()
        named.append(Piece(_of(piece.name, wholes.pieces[owner].name) if inside else piece.name))
    called = [_first(piece.name) for piece in parts.pieces]
    owned = {name for name, piece, new in zip(called, parts.pieces, named, strict=True) if new.name != piece.name}
    kept = [
        position
        for position, (name, piece, new) in enumerate(zip(called, parts.pieces, named, strict=True))
        if new.name != piece.name or name not in owned
    ]
    return Division(parts.runs, tuple(named)).keep(kept)


def _of(part: str, whole: str) -> str:
    part, whole = _first(part), _first(whole)
    return f"{part} of {'an' if whole[0].lower() in 'aeiou' else 'a'} {whole}"


def _first(name: str) -> str:
    """The first of several synonyms: "car, auto" -> "car"."""
    return name.split(",")[0].split(";")[0].strip()
