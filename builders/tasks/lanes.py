"""Lanes: every lane line of the road as a coloured line, over the photograph or on black."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import SlotValue
from ...manifests.target import FlatTarget, PhotoTarget, Target
from ..marks.evidence import read_evidence
from ..marks.lane_lines import (
    MIN_WIDTH,
    Floats,
    LaneRows,
    draw_lane,
    find_lanes,
    joined,
    kept_apart,
    left_to_right,
    pixels_under,
    rows_of,
    touch,
)
from ..marks.matching import assign_within
from ..marks.overlay import nearest_color
from ..marks.palette import PALETTES, Color, colors_apart, pick_clear
from ..masks.legend import BLACK
from ..sample import Feature, Polyline, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_ROWS: Final = 72
"""Rows of a picture at which a lane's place is kept; TuSimple gives every tenth of 720."""
_LEAST_SHARE: Final = 0.5
"""Least share of a line's rows that two lines must have in common to be the same."""
_FAR_PX: Final = 1e6


class LanesOptions(Block):
    """Options of the lanes task."""

    style: Literal["photo", "black"] = Field("photo", description="lines over the photo, or on black")
    coloring: Literal["each", "one"] = Field(
        "each", description="each: a colour a line, from left to right; one: all in one colour"
    )
    width: float = Field(
        0.01, ge=0.002, le=0.05, description="across a line, share of the shorter side; at least 3 pixels"
    )
    max_lanes: int = Field(5, ge=1, le=8, description="most lines; so many colours are named; with more, none is asked")
    min_height: float = Field(
        0.05, ge=0.01, le=1, description="lines that reach over less of the image's height are passed over"
    )
    palette: Literal["vivid", "instructdiffusion"] = "vivid"


class Lanes(Task[LanesOptions]):
    """Draw every lane line.

    Each line gets its own colour, in an order from left to right that the instruction gives, one colour for each line
    there may be; or all get the same. Left to right is where the lines, drawn on straight, meet the lower edge. A line
    has the same width everywhere and ends where it would touch another, as lines do toward the horizon, or be cut by
    the picture's side. A road whose lines run together for more than half of their length is not asked for.
    """

    name = "lanes"
    summary = "draw the lane lines of a road, a colour each from left to right"
    needs = (Feature.LANES,)
    options_type = LanesOptions
    sections: ClassVar = {
        "photo-each": ("colors",),
        "photo-one": ("color",),
        "black-each": ("colors",),
        "black-one": ("color",),
    }
    limits = (
        Limit("mean_error_px", at_most=0.75),
        Limit("max_error_px", at_most=1.5),
        Limit("covered", at_least=0.95),
        Limit("missed", at_most=0),
        Limit("extra", at_most=0),
    )

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """All lane lines of the image."""
        if not sample.lanes:
            raise NotApplicable("the image has no lane lines")
        x, y = np.array([point for lane in sample.lanes for point in lane], float).T
        return Subject(
            sample.lanes,
            box=(max(0.0, float(x.min())), max(0.0, float(y.min())), float(x.max()) + 1, float(y.max()) + 1),
        )

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the lines; pixels of the photo are not needed on black."""
        width = round(max(MIN_WIDTH, self.options.width * min(view.size_wh)), 2)
        lanes = self._lanes(view, subject.choice, width)
        on_photo = self.options.style == "photo"
        each = self.options.coloring == "each"
        colors, lossless = self._colors(view, lanes, draw)
        canvas = view.canvas() if on_photo else np.zeros((*view.size_wh[::-1], 3), np.uint8)
        for at, lane in enumerate(lanes):
            draw_lane(canvas, lane, colors[at if each else 0].rgb)
        target: Target = PhotoTarget(canvas, lossless) if on_photo else _flat(canvas, colors)
        rows = _sampled_rows(view.size_wh[1])
        slots: dict[str, SlotValue] = {"color": colors[0].name}
        if each:
            slots = {"colors": ", ".join(color.name for color in colors)}
        return Rendered(
            target=target,
            section=f"{self.options.style}-{self.options.coloring}",
            slots=slots,
            params={
                "style": self.options.style,
                "coloring": self.options.coloring,
                "width": width,
                "targets": [{"color": color.name, "rgb": list(color.rgb)} for color in colors],
                **({"lossless": True} if lossless else {}),
            },
            annotation={
                "size": [view.size_wh[1], view.size_wh[0]],
                "rows": rows,
                "lanes": [
                    {"color": colors[at if each else 0].name, "x": _x_at(lane, rows)} for at, lane in enumerate(lanes)
                ],
            },
        )

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Lines of each colour, or all of the one colour from left to right: x at every sampled row, or None."""
        colors = [tuple(asked["rgb"]) for asked in params["targets"]]
        if params["style"] == "black":
            labels = nearest_color(target, [BLACK.rgb, *colors])
            painted = [labels == position for position in range(1, len(colors) + 1)]
        else:
            lossless = params.get("lossless", False)
            painted = [seen > 0 for seen in read_evidence(target, source, colors, 1.0, lossless=lossless)]
        rows = _sampled_rows(target.shape[0])
        lanes: list[dict[str, Any]] = []
        for asked, mask in zip(params["targets"], painted, strict=True):
            found = find_lanes(mask, params["width"])
            if params["coloring"] == "each":
                whole = joined(found)
                found = [] if whole is None else [whole]
            order = left_to_right(found, target.shape[0])
            lanes += [{"color": asked["color"], "x": _x_at(found[at], rows)} for at in order]
        return {"size": list(target.shape[:2]), "rows": rows, "lanes": lanes}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """mean_error_px, max_error_px: horizontal, over the sampled rows of lines of the same colour that have half of
        their rows in common; covered: least share of such a line's rows that were found; missed and extra lines."""
        found, true = ([_values(lane["x"]) for lane in one["lanes"]] for one in (decoded, annotation))
        names = [[lane["color"] for lane in one["lanes"]] for one in (decoded, annotation)]
        costs = np.array(
            [[_cost(a, b) if names[0][i] == names[1][j] else _FAR_PX for j, b in enumerate(true)]
             for i, a in enumerate(found)]
        ).reshape(len(found), len(true))  # fmt: skip
        far = 4 * float(params["width"]) if params["coloring"] == "one" else _FAR_PX / 2
        pairs = assign_within(costs, far)
        errors = [0.0, *(value for a, b in pairs for value in _errors(found[a], true[b]))]
        shares = [len(_errors(found[a], true[b])) / np.isfinite(true[b]).sum() for a, b in pairs]
        return {
            "mean_error_px": sum(errors) / max(1, len(errors) - 1),
            "max_error_px": max(errors),
            "covered": float(min(shares, default=1.0)),
            "missed": float(len(true) - len(pairs)),
            "extra": float(len(found) - len(pairs)),
        }

    def _lanes(self, view: View, lanes: Sequence[Polyline], width: float) -> list[LaneRows]:
        """What is drawn of each line, from left to right.

        Raises:
            NotApplicable: nothing is left, there are too many, or some run together.
        """
        left, top = view.geometry.offset_xy
        shown = (left, top, left + view.geometry.resized_wh[0], top + view.geometry.resized_wh[1])
        moved = [tuple(view.geometry.point(x, y) for x, y in lane) for lane in lanes]
        ordered = [moved[at] for at in left_to_right(moved, view.size_wh[1])]
        least = max(2.0, self.options.min_height * view.size_wh[1], 2 * view.size_wh[1] / _ROWS)
        cut = [rows for lane in ordered if (rows := rows_of(lane, width, shown)) is not None and len(rows.x) >= least]
        if not cut:
            raise NotApplicable("the crop leaves nothing of the lane lines")
        if len(cut) > self.options.max_lanes:
            raise NotApplicable(f"the image shows {len(cut)} lane lines, more than max_lanes {self.options.max_lanes}")
        kept = kept_apart(cut)
        found = [
            lane for lane, whole in zip(kept, cut, strict=True) if lane is not None and 2 * len(lane.x) >= len(whole.x)
        ]
        if len(found) < len(cut) or min(len(lane.x) for lane in found) < least or touch(found, view.size_wh):
            raise NotApplicable("some lane lines run so close together that they would touch")
        return found

    def _colors(self, view: View, lanes: Sequence[LaneRows], draw: random.Random) -> tuple[list[Color], bool]:
        """A colour a line and the spare ones, or one for all; and whether JPEG would lose them."""
        groups: list[Sequence[LaneRows]] = [lanes]
        if self.options.coloring == "each":
            groups = [*([lane] for lane in lanes), *([[]] * (self.options.max_lanes - len(lanes)))]
        on_photo = self.options.style == "photo"
        chosen: list[Color] = []
        lossless = False
        for group in groups:
            taken = [color.rgb for color in chosen] + ([] if on_photo else [BLACK.rgb])
            free = colors_apart(PALETTES[self.options.palette], taken)
            color, clear = draw.choice(free), True
            if on_photo and group:
                color, clear = pick_clear(free, pixels_under(view.rgb, group), 1.0, draw)
            chosen.append(color)
            lossless |= not clear
        return chosen, lossless


def _sampled_rows(height: int) -> list[int]:
    """The rows at which a lane's place is kept, from top to bottom."""
    step = max(1, round(height / _ROWS))
    return list(range(0, height, step))


def _x_at(lane: LaneRows, rows: Sequence[int]) -> list[float | None]:
    """The line's middle at some rows, None where it is not."""
    inside = (row - lane.top if lane.top <= row < lane.top + len(lane.x) else None for row in rows)
    return [None if at is None or np.isnan(lane.x[at]) else round(float(lane.x[at]), 2) for at in inside]


def _flat(canvas: RGB, colors: Sequence[Color]) -> FlatTarget:
    """A picture of black and these colours, by palette."""
    return FlatTarget(
        nearest_color(canvas, [BLACK.rgb, *(color.rgb for color in colors)]),
        np.array([BLACK.rgb, *(color.rgb for color in colors)], np.uint8),
    )


def _values(x: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in x], float)


def _errors(found: Floats, true: Floats) -> list[float]:
    """Horizontal distances at the rows that both have."""
    errors: list[float] = np.abs(found - true)[np.isfinite(found) & np.isfinite(true)].tolist()
    return errors


def _cost(found: Floats, true: Floats) -> float:
    """Mean distance; enormous when they have too few rows in common."""
    errors = _errors(found, true)
    if len(errors) < max(1.0, _LEAST_SHARE * float(np.isfinite(true).sum())):
        return _FAR_PX
    return sum(errors) / len(errors)
