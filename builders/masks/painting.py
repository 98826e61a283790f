"""Pieces of a picture painted in stated colours: over the photograph, or as a mask; and read back."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.slots import Legend, Phrase, SlotValue
from ...manifests.target import FlatTarget, PhotoTarget, SameTarget, Target
from ..marks.overlay import classify, nearest_color, paint, sample_pixels
from ..marks.palette import PALETTES, Color, coats_apart, colors_apart, pick_clear
from ..task import Limit
from ..view import View
from . import regions
from .division import Division
from .legend import BLACK, WHITE
from .regions import Rle

PAINT_LIMITS: Final = (Limit("iou", at_least=0.99), Limit("clean", at_least=0.999))

MIN_PIXELS: Final = 100
"""Less is not worth an instruction, nor would its IoU outlive a single wrong pixel."""


class PaintOptions(Block):
    """Options of all tasks that paint."""

    style: Literal["overlay", "solid", "mask"] = Field(
        "overlay", description="overlay: a see-through coat on the photo; solid: an opaque one; mask: on black"
    )
    opacity: float = Field(0.5, ge=0.2, le=0.9, description="of the overlay")
    palette: Literal["vivid", "instructdiffusion"] = "vivid"
    mask_color: Literal["white", "color"] = Field(
        "color", description="of mask with a single region; several always get a colour each"
    )
    count: Annotated[tuple[int, int], between(1, 6)] = Field(
        (1, 1), description="least and most regions an instruction, up to 6"
    )

    @property
    def coat(self) -> float:
        """Opacity as rendered."""
        return self.opacity if self.style == "overlay" else 1.0

    @property
    def section(self) -> str:
        """Of the template bank, for a single region."""
        return "mask" if self.style == "mask" else "overlay"


@dataclass(frozen=True, slots=True)
class Painting:
    """A target with its colours, in the order of the division's pieces, its params and its annotation."""

    target: Target
    colors: tuple[Color, ...]
    params: dict[str, Any]
    annotation: dict[str, Any]

    def wording(self, section: str, slot: str, phrases: Sequence[Phrase]) -> tuple[str, dict[str, SlotValue]]:
        """Section and slots: the phrase and its colour, or a legend in the section's form "-many"."""
        if len(phrases) == 1:
            return section, {slot: phrases[0], "color": self.colors[0].name}
        pairs = zip(phrases, self.colors, strict=True)
        return f"{section}-many", {"legend": Legend(tuple((phrase, color.name) for phrase, color in pairs))}


@dataclass(frozen=True)
class Layer:
    """One region as the output shows it.

    Attributes:
        name: what it is called.
        labels: (H, W) uint8 in which its pixels, and no others, have `number`.
        number: not 0.
        rle: its pixels as run lengths.
    """

    name: str
    labels: NDArray[np.uint8]
    number: int
    rle: Rle

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """(H, W) uint8 of 0 and 1."""
        return (self.labels == self.number).view(np.uint8)

    @cached_property
    def area(self) -> int:
        """Pixels."""
        return regions.area(self.rle)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom edges of its pixels."""
        left, top, right, bottom = regions.box(self.rle)
        return int(left), int(top), int(right), int(bottom)


def paint_pieces(view: View, division: Division, options: PaintOptions, draw: random.Random) -> Painting:
    """Paint every piece in a colour that stands out; pixels of the photograph are only decoded when needed."""
    return paint_layers(view, *layers_of(division), options, draw)


def layers_of(division: Division) -> tuple[NDArray[np.uint8], list[Layer]]:
    """The division's label map, and its pieces as layers of that."""
    rles = regions.encode_each(division.labels, len(division.pieces))
    labels = division.labels.astype(np.uint8, copy=False)
    pieces = zip(division.pieces, rles, strict=True)
    return labels, [Layer(piece.name, labels, number, rle) for number, (piece, rle) in enumerate(pieces, start=1)]


def paint_layers(
    view: View, labels: NDArray[np.uint8], layers: Sequence[Layer], options: PaintOptions, draw: random.Random
) -> Painting:
    """As `paint_pieces`, for regions whose run lengths are at hand.

    Args:
        view: the photograph.
        labels: (H, W) uint8, i + 1 where the i-th layer is.
        layers: none is empty, no two share a pixel.
        options: how to paint.
        draw: the unit's randomness.
    """
    if options.style == "mask":
        colors, lossless = _mask_colors(len(layers), options, draw), False
        target: Target = FlatTarget(labels, np.array([BLACK.rgb, *(color.rgb for color in colors)], np.uint8))
    else:
        picture = view.canvas()
        colors, lossless = [], False
        for layer in layers:
            left, top, right, bottom = layer.box
            part = picture[top:bottom, left:right]  # what other layers paint lies under none of this one's pixels
            mask = layer.labels[top:bottom, left:right]
            if len(layers) > 1:
                mask = (mask == layer.number).view(np.uint8)
            box = (0, 0, right - left, bottom - top)
            free = colors_apart(PALETTES[options.palette], [color.rgb for color in colors])
            color, clear = pick_clear(free, sample_pixels(part, mask, box), options.coat, draw)
            paint(part, mask, box, color.rgb, options.coat)
            colors.append(color)
            lossless |= not clear
        lossless |= not coats_apart(colors, options.coat)
        target = PhotoTarget(picture, lossless)
    params = _params([layer.name for layer in layers], colors, options, lossless)
    annotation = {"size": list(labels.shape), "regions": [_region(layer.name, layer.rle) for layer in layers]}
    return Painting(target, tuple(colors), params, annotation)


def paint_nothing(view: View, name: str, options: PaintOptions, draw: random.Random) -> Painting:
    """The target of a question about what is not there: the photograph itself, or a black mask."""
    width, height = view.size_wh
    target: Target = SameTarget()
    if options.style == "mask":
        target = FlatTarget(np.zeros((height, width), np.uint8), np.zeros((1, 3), np.uint8))
        color = _mask_colors(1, options, draw)[0]
    else:
        color = draw.choice(PALETTES[options.palette])
    annotation = {"size": [height, width], "regions": [empty_region(name, height, width)]}
    return Painting(target, (color,), _params([name], [color], options, lossless=False), annotation)


def flat(division: Division, background: Color, colors: Sequence[Color]) -> FlatTarget:
    """Pieces in flat colours on a plain background."""
    palette = np.array([background.rgb, *(color.rgb for color in colors)], np.uint8)
    return FlatTarget(division.labels.astype(np.uint8, copy=False), palette)


def annotation_of(division: Division, order: Sequence[int]) -> dict[str, Any]:
    """Size and regions: name, run lengths and area of the pieces in this order."""
    rles = regions.encode_each(division.labels, len(division.pieces))
    shown = [_region(division.pieces[position].name, rles[position]) for position in order]
    return {"size": list(division.shape), "regions": shown}


def _region(name: str, rle: Rle) -> dict[str, Any]:
    return {"name": name, "rle": regions.to_json(rle), "area": regions.area(rle)}


def empty_region(name: str, height: int, width: int) -> dict[str, Any]:
    """The region of what is not there."""
    return {"name": name, "rle": regions.to_json(regions.encode(np.zeros((height, width), np.uint8))), "area": 0}


def targets_in(names: Sequence[str], colors: Sequence[Color]) -> list[dict[str, Any]]:
    """What `params` say of regions and their colours."""
    return [{"name": name, **stated(color)} for name, color in zip(names, colors, strict=True)]


def stated(color: Color) -> dict[str, Any]:
    """What `params` say of a colour."""
    return {"color": color.name, "rgb": list(color.rgb)}


def decode_pieces(target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
    """Regions by the nearest coat (overlay, solid) or the nearest colour (mask, on black or a stated background)."""
    colors = [tuple(asked["rgb"]) for asked in params["targets"]]
    if params["style"] == "mask":
        background = tuple(params.get("background", {"rgb": BLACK.rgb})["rgb"])
        labels = nearest_color(target, [background, *colors])
    else:
        labels = classify(target, source, colors, params["opacity"], lossless=params.get("lossless", False))
    found = regions.encode_each(labels, len(colors))
    return {
        "size": list(target.shape[:2]),
        "regions": [_region(asked["name"], rle) for asked, rle in zip(params["targets"], found, strict=True)],
    }


def compare_pieces(decoded: Mapping[str, Any], annotation: Mapping[str, Any]) -> dict[str, float]:
    """iou: the worst region's intersection over union; clean: share of pixels not painted by mistake."""
    ious, stray = [1.0], 0
    for found, true in zip(decoded["regions"], annotation["regions"], strict=True):
        both = shared_pixels(found, true)
        stray += found["area"] - both
        if true["area"]:
            ious.append(both / (found["area"] + true["area"] - both))
    return {"iou": min(ious), "clean": 1.0 - stray / float(np.prod(annotation["size"]))}


def shared_pixels(first: Mapping[str, Any], second: Mapping[str, Any]) -> int:
    """Pixels that two regions of annotations have in common."""
    return regions.area(regions.intersection([regions.from_json(first["rle"]), regions.from_json(second["rle"])]))


def _mask_colors(count: int, options: PaintOptions, draw: random.Random) -> list[Color]:
    if count == 1 and options.mask_color == "white":
        return [WHITE]
    return draw.sample(colors_apart(PALETTES[options.palette], [BLACK.rgb]), count)


def _params(names: Sequence[str], colors: Sequence[Color], options: PaintOptions, lossless: bool) -> dict[str, Any]:
    params = {"style": options.style, "opacity": options.coat, "targets": targets_in(names, colors)}
    return {**params, **({"lossless": True} if lossless else {})}
