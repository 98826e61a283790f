"""Move a rectangle until its sides lie on edges of what is painted."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .rotated_boxes import Points, RotatedBox

Floats = NDArray[np.float64]

_REACHES: Final = (3.0, 2.0, 1.5, 1.5)
"""How far from its place a side is looked for, pixels, in one round after the other."""
_STEP: Final = 0.25
_OUTSIDE: Final = 2.0
_FILLED_INSIDE: Final = 3.0
_MOST_SAMPLES: Final = 64
_EDGE: Final = 0.8
"""Least contrast of an edge that is believed; 2 from all painted to all bare."""


class _Samples(NamedTuple):
    """Points of a rectangle's four sides.

    Attributes:
        points: (N, 2).
        normals: (N, 2) unit vectors that point out of the rectangle.
        sides: (N,) 0 to 3: right, left, down, up, as the rectangle has them.
        levers: (N,) how far out a turn by one radian moves each point, pixels.
    """

    points: Points
    normals: Points
    sides: NDArray[np.intp]
    levers: Floats


def framed(evidence: Evidence) -> Evidence:
    """Evidence with a border of one pixel that says nothing, for `settled`."""
    return np.pad(evidence, 1)


def settled(frame: Evidence, box: RotatedBox, outline: int) -> RotatedBox | None:
    """The rectangle with its sides on the edges found near them; None when it collapses.

    Args:
        frame: of `framed`.
        box: places as in the evidence itself.
        outline: width of the lines in pixels; 0: filled.
    """
    moved: RotatedBox | None = box
    for reach in _REACHES:
        if moved is not None:
            moved = _moved(frame, moved, outline, reach)
    return moved


def _moved(frame: Evidence, box: RotatedBox, outline: int, reach: float) -> RotatedBox | None:
    samples = _samples(box, outline)
    offsets, weights = _edges(frame, samples, outline, reach)
    (right, left, down, up), turned = _solved(samples, offsets, weights)
    along_x = box.along_x - turned * box.along_y
    along_y = box.along_y + turned * box.along_x
    length = math.sqrt(along_x * along_x + along_y * along_y)
    width, height = box.width + right + left, box.height + down + up
    if min(width, height) < 2:
        return None
    across, below = (right - left) / 2, (down - up) / 2
    x = box.x + across * box.along_x - below * box.along_y
    y = box.y + across * box.along_y + below * box.along_x
    return RotatedBox(x, y, width, height, along_x / length, along_y / length)


def _samples(box: RotatedBox, outline: int) -> _Samples:
    along, beside = np.array([box.along_x, box.along_y]), np.array([-box.along_y, box.along_x])
    parts = []
    for half, other, outward, turn in (
        (box.width / 2, box.height / 2, along, beside),
        (box.height / 2, box.width / 2, beside, along),
    ):
        ends = max(other - outline - 1.5, 0.7 * other)
        steps = np.linspace(-ends, ends, max(3, min(_MOST_SAMPLES, math.ceil(2 * ends))))
        for normal in (outward, -outward):
            parts.append((normal * half + steps[:, None] * turn, normal, steps))
    points = np.concatenate([arms for arms, _, _ in parts]) + np.array([box.x, box.y])
    counts = [len(steps) for _, _, steps in parts]
    normals = np.repeat(np.array([normal for _, normal, _ in parts]), counts, axis=0)
    levers = np.concatenate([-parts[0][2], parts[1][2], parts[2][2], -parts[3][2]])
    return _Samples(points, normals, np.repeat(np.arange(4), counts), levers)


def _edges(frame: Evidence, samples: _Samples, outline: int, reach: float) -> tuple[Floats, Floats]:
    """(N,) how far out from each point paint ends, and (N,) how sure that is, 0 to 2."""
    inside = float(min(outline, 4)) if outline else _FILLED_INSIDE
    count_in, count_out = round(inside / _STEP), round(_OUTSIDE / _STEP)
    places = round(2 * reach / _STEP) + 1
    steps: Floats = (np.arange(places + count_in + count_out - 1, dtype=np.float64) + 0.5 - count_in) * _STEP - reach
    sums = np.zeros((len(samples.points), len(steps) + 1), np.int32)
    np.cumsum(_values(frame, samples, steps), axis=1, out=sums[:, 1:])
    middle = sums[:, count_in : count_in + places]
    contrast = (middle - sums[:, :places]) / count_in - (sums[:, -places:] - middle) / count_out
    offsets = np.arange(places) * _STEP - reach
    judged = contrast - 0.02 * np.abs(offsets)
    best = judged >= judged.max(axis=1, keepdims=True) - 0.01
    weight = contrast.max(axis=1)
    found: Floats = (best * offsets).sum(axis=1) / best.sum(axis=1)
    return found, np.where(weight >= _EDGE, weight, 0.0)


def _values(frame: Evidence, samples: _Samples, steps: Floats) -> Evidence:
    """(N, S) evidence at these steps out of each point; 0 off the picture."""
    height, width = frame.shape
    (x, last), (y, lowest) = (
        (samples.points[:, axis, None] + samples.normals[:, axis, None] * steps + 1, side - 1.0)
        for axis, side in enumerate((width, height))
    )
    columns = np.minimum(np.maximum(x, 0, out=x), last, out=x).astype(np.int32)
    rows = np.minimum(np.maximum(y, 0, out=y), lowest, out=y).astype(np.int32)
    return frame.ravel().take(rows * np.int32(width) + columns)


def _solved(samples: _Samples, offsets: Floats, weights: Floats) -> tuple[list[float], float]:
    """How far each side moves out, and a turn, by least squares that outliers sway little.

    A turn by t and moving side k out by m[k] move a point by m[k] + t times its lever. Each side has an unknown of its
    own, so that the normal equations are solved by hand. What no edge fixes hardly changes.
    """
    _, _, sides, levers = samples
    scale = max(1.0, float(np.abs(levers).max()))
    moves, turned = np.zeros(4), 0.0
    for _ in range(3):
        residual = np.abs(offsets - moves[sides] - levers * turned)
        trust = weights / np.maximum(1.0, residual / 0.5)
        pull, arm = trust * offsets, trust * levers
        total = np.bincount(sides, trust, 4) + 0.01
        pulls, arms = np.bincount(sides, pull, 4), np.bincount(sides, arm, 4)
        turns, spread = np.bincount(sides, arm * offsets, 4), np.bincount(sides, arm * levers, 4)
        turned = sum((turns - arms * pulls / total).tolist()) / (
            sum((spread - arms * arms / total).tolist()) + 0.01 * scale * scale
        )
        moves = (pulls - arms * turned) / total
    return moves.tolist(), turned
