"""The drawings of the report, as inline SVG; colours come from the page's style by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .axis import Axis, shown_range
from .markup import Markup, element, join, number, plain, share

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

_WIDTH, _HEIGHT = 320.0, 184.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 42.0, 10.0, 22.0, 24.0
_SIDE = 268.0
_BINS = 40
_MOST_POINTS, _DENSE = 1500, 400
_CURVE_STEPS = 120


@dataclass(frozen=True)
class Edge:
    """Where a rule cuts one task. comparison, threshold: as the rule has them; absolute: on either side of 0."""

    comparison: str
    threshold: float
    absolute: bool = False

    @property
    def places(self) -> list[float]:
        """Scores at which the cut lies."""
        return [-self.threshold, self.threshold] if self.absolute else [self.threshold]

    def __str__(self) -> str:
        return f"{'|…| ' if self.absolute else ''}{self.comparison} {number(self.threshold)}"


def histogram(title: str, values: Values, kept: Mask, edges: Sequence[Edge] = ()) -> Markup:
    """How many rows have which score; bars tell the rows that are left in the end from those dropped.

    Args:
        title: read out in place of the drawing.
        values: (n,) scores, none NaN, n >= 1.
        kept: (n,) rows that are left.
        edges: the cuts to draw.
    """
    low, high = shown_range(values, [place for edge in edges for place in edge.places])
    across = Axis(low, high, _LEFT, _WIDTH - _RIGHT)
    shown = np.clip(values, low, high)
    all_rows, borders = np.histogram(shown, _BINS, (low, high))
    left, _ = np.histogram(shown[kept], _BINS, (low, high))
    up = Axis(0, float(all_rows.max()), _HEIGHT - _BOTTOM, _TOP)
    return _chart(
        title,
        _counts_axis(up),
        _across_axis(across),
        _bars(borders, np.zeros_like(left), left, across, up, "kept"),
        _bars(borders, left, all_rows, across, up, "dropped"),
        *(_cut_line(across(place)) for edge in edges for place in edge.places),
        *_labels(edges, across),
    )


def survival_curve(title: str, values: Values, edge: Edge) -> Markup:
    """Share of the rows with a score that a threshold would keep, wherever it is put, and where it is put now.

    Args:
        title: read out in place of the drawing.
        values: (n,) scores as the rule compares them, none NaN, n >= 1.
        edge: the cut.
    """
    low, high = shown_range(values, [edge.threshold])
    across = Axis(low, high, _LEFT, _WIDTH - _RIGHT)
    up = Axis(0, 1, _HEIGHT - _BOTTOM, _TOP)
    ordered = np.sort(values)
    steps = np.linspace(low, high, _CURVE_STEPS)
    line = _path(across.places(steps), up.places(_surviving(ordered, steps, edge.comparison)))
    now = float(_surviving(ordered, np.array([edge.threshold]), edge.comparison)[0])
    dot = element("circle", class_="here", cx=across(edge.threshold), cy=up(now), r=4)
    return _chart(
        title,
        _shares_axis(up),
        _across_axis(across),
        element("path", class_="curve", d=line),
        _cut_line(across(edge.threshold)),
        dot,
        _label(across(edge.threshold), f"{edge.comparison} {number(edge.threshold)}: {share(now, 1)} kept", across),
    )


def scatter(
    title: str,
    source: Values,
    target: Values,
    kept: Mask,
    *,
    source_edges: Sequence[Edge] = (),
    target_edges: Sequence[Edge] = (),
    gap_edges: Sequence[Edge] = (),
) -> Markup:
    """The source's score across, the target's up; at most 1500 rows, evenly taken.

    Args:
        title: read out in place of the drawing.
        source, target: (n,) scores, none NaN, n >= 1.
        kept: (n,) rows that are left.
        source_edges, target_edges, gap_edges: cuts on either score, and on target - source.
    """
    chosen = np.unique(np.linspace(0, len(source) - 1, min(len(source), _MOST_POINTS)).astype(np.int64))
    marks = [place for edge in (*source_edges, *target_edges) for place in edge.places]
    low, high = shown_range(np.concatenate([source, target]), marks)
    across = Axis(low, high, _LEFT, _LEFT + _SIDE)
    up = Axis(low, high, _TOP + _SIDE, _TOP)
    parts = [_diagonal(across, up, 0.0, "equal")]
    parts += [_cut_line(across(p), _TOP, _TOP + _SIDE) for edge in source_edges for p in edge.places]
    parts += [_level_line(up(p)) for edge in target_edges for p in edge.places]
    parts += [_diagonal(across, up, p, "cut") for edge in gap_edges for p in edge.places]
    dense = " dense" if len(chosen) > _DENSE else ""
    for name, some in (("dropped", ~kept[chosen]), ("kept", kept[chosen])):
        points = zip(across.places(source[chosen][some]), up.places(target[chosen][some]), strict=True)
        drawn = "".join(f"M{plain(x)} {plain(y)}h0" for x, y in points)
        parts.append(element("path", class_=f"points {name}{dense}", d=drawn))
    height = _TOP + _SIDE + _BOTTOM + 14
    words = [
        element("text", "source", class_="axis-name", x=_LEFT + _SIDE, y=height - 4, text_anchor="end"),
        element("text", "target", class_="axis-name", x=_LEFT - 4, y=_TOP - 8, text_anchor="start"),
    ]
    axes = [_across_axis(across, _TOP + _SIDE), _values_axis(up)]
    return _svg(title, _LEFT + _SIDE + _RIGHT, height, *axes, *parts, *words)


def _surviving(ordered: Values, thresholds: Values, comparison: str) -> Values:
    """Share of sorted values that each threshold keeps."""
    below = np.searchsorted(ordered, thresholds, side="left")
    up_to = np.searchsorted(ordered, thresholds, side="right")
    count = len(ordered)
    kept = {
        ">=": count - below,
        ">": count - up_to,
        "<=": up_to,
        "<": below,
        "==": up_to - below,
    }[comparison]
    return kept / count


def _chart(title: str, *parts: Markup) -> Markup:
    return _svg(title, _WIDTH, _HEIGHT, *parts)


def _svg(title: str, width: float, height: float, *parts: Markup) -> Markup:
    return element("svg", *parts, viewBox=f"0 0 {plain(width)} {plain(height)}", role="img", aria_label=title)


def _bars(
    borders: Values, bottoms: NDArray[np.int64], tops: NDArray[np.int64], across: Axis, up: Axis, name: str
) -> Markup:
    pieces = []
    for left, right, bottom, top in zip(borders[:-1], borders[1:], bottoms, tops, strict=True):
        if top > bottom:
            x, width = across(left), across(right) - across(left) - 1
            y, height = up(float(top)), up(float(bottom)) - up(float(top))
            pieces.append(f"M{plain(x)} {plain(y)}h{plain(width)}v{plain(height)}h{plain(-width)}z")
    return element("path", class_=f"bar {name}", d="".join(pieces))


def _path(across: Values, up: Values) -> str:
    return "M" + "L".join(f"{plain(x)} {plain(y)}" for x, y in zip(across, up, strict=True))


def _cut_line(x: float, top: float = _TOP, bottom: float = _HEIGHT - _BOTTOM) -> Markup:
    return element("line", class_="cut", x1=x, x2=x, y1=top, y2=bottom)


def _level_line(y: float) -> Markup:
    return element("line", class_="cut", x1=_LEFT, x2=_LEFT + _SIDE, y1=y, y2=y)


def _diagonal(across: Axis, up: Axis, gap: float, name: str) -> Markup:
    """target = source + gap, as far as it is in the frame."""
    first, last = max(across.low, across.low - gap), min(across.high, across.high - gap)
    if first >= last:
        return Markup("")
    ends = {"x1": across(first), "x2": across(last), "y1": up(first + gap), "y2": up(last + gap)}
    return element("line", class_=name, **ends)


def _labels(edges: Sequence[Edge], across: Axis) -> list[Markup]:
    """One cut is named where it lies; the names of several would lie on each other and stand in a row."""
    if len(edges) == 1:
        return [_label(across(edges[0].places[-1]), str(edges[0]), across)]
    return [element("text", ", ".join(map(str, edges)), class_="cut-name", x=_LEFT, y=_TOP - 8)] if edges else []


def _label(x: float, text: str, across: Axis) -> Markup:
    """Text over a cut, on the side that has room."""
    leftwards = x > (across.first + across.last) / 2
    return element(
        "text", text, class_="cut-name", x=x + (4 if leftwards else -4), y=_TOP - 8,
        text_anchor="end" if leftwards else "start",
    )  # fmt: skip


def _across_axis(axis: Axis, y: float = _HEIGHT - _BOTTOM) -> Markup:
    base = element("line", class_="base", x1=axis.first, x2=axis.last, y1=y, y2=y)
    words = [element("text", number(t), x=axis(t), y=y + 16, text_anchor="middle") for t in axis.ticks()]
    return join(base, *words)


def _counts_axis(axis: Axis) -> Markup:
    top = element("text", f"{axis.high:,.0f}", x=_LEFT - 6, y=axis.last + 4, text_anchor="end")
    return join(_grid(axis.last), top)


def _shares_axis(axis: Axis) -> Markup:
    ticks = (0.5, 1.0)
    words = [element("text", share(t, 1), x=_LEFT - 6, y=axis(t) + 4, text_anchor="end") for t in ticks]
    return join(*(_grid(axis(t)) for t in ticks), *words)


def _values_axis(axis: Axis) -> Markup:
    base = element("line", class_="base", x1=_LEFT, x2=_LEFT, y1=axis.first, y2=axis.last)
    words = [element("text", number(t), x=_LEFT - 6, y=axis(t) + 4, text_anchor="end") for t in axis.ticks()]
    return join(base, *words)


def _grid(y: float) -> Markup:
    return element("line", class_="grid-line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y)
