"""Plots as SVG text; colors and fonts come from the page's classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_LABEL, _PLOT, _ROW, _RIGHT = 130, 330, 20, 50


def dumbbells(labels: Sequence[str], pairs: Sequence[tuple[float, float]]) -> str:
    """Two marks a row: before (grey) and after (accent), each from 0 to 1."""
    low, high = _span([value for pair in pairs for value in pair])
    parts = _grid(low, high, len(labels))
    for row, (label, (before, after)) in enumerate(zip(labels, pairs, strict=True)):
        y = _ROW * row + 12
        first, second = (_LABEL + _PLOT * (value - low) / (high - low) for value in (before, after))
        parts += [
            _row_label(label, y),
            f'<line class="link" x1="{first:.1f}" x2="{second:.1f}" y1="{y}" y2="{y}"/>',
            f'<circle class="base" cx="{first:.1f}" cy="{y}" r="4.5"/>',
            f'<circle class="accent" cx="{second:.1f}" cy="{y}" r="5.5">'
            f"<title>{escape(label)}: {after:.3f}, baseline {before:.3f}</title></circle>",
        ]
    return _svg(_LABEL + _PLOT + _RIGHT, _ROW * len(labels) + 24, parts)


def shares(labels: Sequence[str], rows: Sequence[Sequence[float]], colors: Sequence[str]) -> str:
    """Stacked bars, one a row, whose parts add up to 1."""
    width, parts = 2 * _PLOT + 240, []
    for row, (label, values) in enumerate(zip(labels, rows, strict=True)):
        y, x = _ROW * row, float(_LABEL)
        parts.append(_row_label(label, y + 11))
        for value, color in zip(values, colors, strict=True):
            wide = value * width
            if wide:
                parts.append(
                    f'<rect x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" height="15" fill="{color}">'
                    f"<title>{escape(label)}: {value:.1%}</title></rect>"
                )
            x += wide
    return _svg(_LABEL + width + 4, _ROW * len(labels) + 4, parts)


def bars(labels: Sequence[str], counts: Sequence[int]) -> str:
    """A histogram."""
    wide, tall, top = 450.0, 90, 16
    step, most = wide / max(1, len(counts)), max([1, *counts])
    every = math.ceil(len(labels) / 20)
    parts = []
    for place, (label, count) in enumerate(zip(labels, counts, strict=True)):
        x, height = place * step, tall * count / most
        if count:
            parts.append(
                f'<rect class="accent" x="{x + 1:.1f}" y="{top + tall - height:.1f}" width="{max(1.0, step - 2):.1f}" '
                f'height="{height:.1f}"><title>{escape(label)}: {count}</title></rect>'
            )
            if step >= 18:
                parts.append(_text(f"{count}", x + step / 2, top + tall - height - 3, "middle"))
        if place % every == 0:
            parts.append(_text(label, x + step / 2, top + tall + 14, "middle"))
    return _svg(wide, top + tall + 20, parts)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Bounds in tenths around values in [0, 1]."""
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, high + 0.1))


def _grid(low: float, high: float, rows: int) -> list[str]:
    parts, tall = [], _ROW * rows + 4
    steps = round((high - low) * 10)
    halves = 2 if steps <= 3 else 1
    for number in range(steps * halves + 1):
        value = low + number / (10 * halves)
        x = _LABEL + _PLOT * (value - low) / (high - low)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{tall}"/>')
        parts.append(_text(f"{value:.{halves}f}", x, tall + 15, "middle"))
    return parts


def _row_label(label: str, y: float) -> str:
    return f'<text x="{_LABEL - 12}" y="{y + 4}" text-anchor="end">{escape(label)}</text>'


def _text(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text class="muted" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">'
        f"{''.join(parts)}</svg>"
    )
