"""Move a rectangle until its sides lie on edges of what is painted.

Edges are looked for in whole numbers, so that they are the same on every machine: places in fractions of a pixel,
evidence in sums of pixels.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .rotated_boxes import Floats, RotatedBox

_REACHES: Final = (12, 8, 6, 6)
"""How far from its place a side is looked for, steps, in one round after the other."""
_STILL_PX: Final = 0.1
"""When no corner moves farther, the rounds that are left are not needed."""
_STEPS: Final = 4
"""Steps a pixel."""
_OUTSIDE: Final = 2 * _STEPS
_FILLED_INSIDE: Final = 3
_MOST_INSIDE: Final = 4
_MOST_SAMPLES: Final = 64
_EDGE: Final = 0.8
"""Least contrast of an edge that is believed; 2 from all painted to all bare."""
_CONTRAST: Final = 25
"""What a contrast of one is multiplied by, beside the lengths it is taken over: 0.02 less for each pixel that an edge
is away is then a whole number, and so is the 0.01 by which places may differ that are equally good."""
_TIE: Final = 2
_FIXED: Final = 14
"""Binary digits of places after the point."""
_FAR: Final = 2.0**16


class _Samples(NamedTuple):
    """Points of a rectangle's four sides: right, left, down, up, as the rectangle has them.

    Attributes:
        x, y: (N,) where they are.
        out_x, out_y: (N,) unit vectors that point out of the rectangle.
        firsts: (4,) the first of each side.
        counts: (4,) how many each side has.
        levers: (N,) how far out a turn by one radian moves each point, pixels.
    """

    x: Floats
    y: Floats
    out_x: Floats
    out_y: Floats
    firsts: NDArray[np.intp]
    counts: NDArray[np.intp]
    levers: Floats


def framed(evidence: Evidence) -> Evidence:
    """Evidence with a border of one pixel that says nothing, for `settled`."""
    frame: Evidence = np.zeros((evidence.shape[0] + 2, evidence.shape[1] + 2), np.int8)
    frame[1:-1, 1:-1] = evidence
    return frame


def settled(frame: Evidence, box: RotatedBox, outline: int) -> RotatedBox | None:
    """The rectangle with its sides on the edges found near them; None when it collapses.

    Args:
        frame: of `framed`.
        box: places as in the evidence itself.
        outline: width of the lines in pixels; 0: filled.
    """
    for reach in _REACHES:
        box, farthest = stepped(frame, box, outline, reach)
        if min(box.width, box.height) < 2:
            return None
        if farthest < _STILL_PX:
            break
    return box


def stepped(frame: Evidence, box: RotatedBox, outline: int, reach: int = _REACHES[0]) -> tuple[RotatedBox, float]:
    """The rectangle after one round, and how far it moved a corner, pixels, or more. Arguments as `settled`.

    Args:
        reach: how far from its place a side is looked for, steps; as in the first round, where none is given.
    """
    samples = _samples(box, outline)
    moves, turned = _solved(samples, *_edges(frame, samples, outline, reach))
    farthest = max(map(abs, moves)) + abs(turned) * (box.width + box.height) / 2
    return _moved(box, moves, turned), farthest


def _moved(box: RotatedBox, moves: list[float], turned: float) -> RotatedBox:
    right, left, down, up = moves
    along_x = box.along_x - turned * box.along_y
    along_y = box.along_y + turned * box.along_x
    length = math.sqrt(along_x * along_x + along_y * along_y)
    across, below = (right - left) / 2, (down - up) / 2
    x = box.x + across * box.along_x - below * box.along_y
    y = box.y + across * box.along_y + below * box.along_x
    width, height = box.width + right + left, box.height + down + up
    return RotatedBox(x, y, width, height, along_x / length, along_y / length)


@functools.lru_cache(maxsize=_MOST_SAMPLES)
def _evenly(count: int) -> Floats:
    """So many numbers from -1 to 1."""
    numbers = np.linspace(-1, 1, count)
    numbers.flags.writeable = False
    return numbers


def _samples(box: RotatedBox, outline: int) -> _Samples:
    x, y, half_width, half_height = box.x, box.y, box.width / 2, box.height / 2
    ends = [max(half - outline - 1.5, 0.7 * half) for half in (half_height, half_width)]
    many, few = (max(3, min(_MOST_SAMPLES, math.ceil(2 * end))) for end in ends)
    beside, along = ends[0] * _evenly(many), ends[1] * _evenly(few)
    turn_x, turn_y = box.along_x, box.along_y
    counts = np.array([many, many, few, few])
    side_x, side_y = -turn_y * beside, turn_x * beside
    long_x, long_y = turn_x * along, turn_y * along
    wide_x, wide_y, high_x, high_y = (
        turn_x * half_width,
        turn_y * half_width,
        -turn_y * half_height,
        turn_x * half_height,
    )
    return _Samples(
        np.concatenate([side_x + (x + wide_x), side_x + (x - wide_x), long_x + (x + high_x), long_x + (x - high_x)]),
        np.concatenate([side_y + (y + wide_y), side_y + (y - wide_y), long_y + (y + high_y), long_y + (y - high_y)]),
        np.array([turn_x, -turn_x, -turn_y, turn_y]).repeat(counts),
        np.array([turn_y, -turn_y, turn_x, -turn_x]).repeat(counts),
        np.array([0, many, 2 * many, 2 * many + few]),
        counts,
        np.concatenate([-beside, beside, along, -along]),
    )


def _edges(frame: Evidence, samples: _Samples, outline: int, reach: int) -> tuple[Floats, Floats]:
    """(N,) how far out from each point paint ends, pixels, and (N,) how sure that is, 0 to 2.

    Paint ends where the pixels on the way there are painted and those after it are bare.
    """
    inside = _STEPS * (min(outline, _MOST_INSIDE) if outline else _FILLED_INSIDE)
    places = 2 * reach + 1
    values = _values(frame, samples, places + inside + _OUTSIDE - 1, reach + inside)
    before = _sums(values, inside)[:places].astype(np.int16)
    after = _sums(values, _OUTSIDE)[inside : inside + places].astype(np.int16)
    contrast = (before * np.int16(_OUTSIDE) - after * np.int16(inside)) * np.int16(_CONTRAST)
    offsets = np.arange(-reach, reach + 1, dtype=np.int16)
    whole = _CONTRAST * inside * _OUTSIDE
    judged = contrast - (np.abs(offsets) * np.int16(whole // (50 * _STEPS)))[:, None]
    best = judged >= judged.max(axis=0) - np.int16(_TIE * inside)
    weight = contrast.max(axis=0) / np.float64(whole)
    pulls, many = np.stack([offsets, np.ones_like(offsets)]).astype(np.float32) @ best.astype(np.float32)
    found: Floats = pulls.astype(np.float64) / (_STEPS * many.astype(np.float64))
    return found, np.where(weight >= _EDGE, weight, 0.0)


def _values(frame: Evidence, samples: _Samples, count: int, first: int) -> Evidence:
    """(count, N) evidence halfway along each of so many steps out of each point, the first so many steps inside it;
    0 off the picture."""
    steps = (2 * np.arange(count, dtype=np.int32) + (1 - 2 * first))[:, None]
    height, width = frame.shape
    found: list[NDArray[np.int32]] = []
    for place, out, side in ((samples.x, samples.out_x, width), (samples.y, samples.out_y, height)):
        start = (np.clip(place + 1, -_FAR, _FAR) * 2**_FIXED).astype(np.int32)
        pixels = steps * (out * (2**_FIXED / (2 * _STEPS))).astype(np.int32)
        pixels += start
        pixels >>= _FIXED
        found.append(np.clip(pixels, 0, side - 1, out=pixels))
    columns, rows = found
    rows *= np.int32(width)
    rows += columns
    return frame.ravel().take(rows)


def _sums(values: NDArray[Any], count: int) -> NDArray[np.int8]:
    """(S - count + 1, N) sums of so many rows in a row, at most 16, by doubling."""
    total: NDArray[np.int8] | None = None
    done, size, doubled = 0, 1, values
    while done < count:
        if count & size:
            part = doubled[done:]
            total = part if total is None else total[: len(part)] + part[: len(total)]
            done += size
        doubled = doubled[:-size] + doubled[size:]
        size *= 2
    assert total is not None
    return total[: len(values) - count + 1]


def _solved(samples: _Samples, offsets: Floats, weights: Floats) -> tuple[list[float], float]:
    """How far each side moves out, and a turn, by least squares that outliers sway little.

    A turn by t and moving side k out by m[k] move a point by m[k] + t times its lever. Each side has an unknown of its
    own, so that the normal equations are solved by hand. What no edge fixes hardly changes.
    """
    levers = samples.levers
    scale = max(1.0, float(levers.max()))
    products = np.stack([np.ones_like(levers), offsets, levers, levers * offsets, levers * levers])
    residual, moves, turned = np.abs(offsets), [0.0] * 4, 0.0
    for round_ in range(3):
        if round_:
            residual = np.abs(offsets - np.array(moves).repeat(samples.counts) - levers * turned)
        trust = weights / np.maximum(1.0, residual / 0.5)
        sums = np.add.reduceat(products * trust, samples.firsts, axis=1).tolist()
        total = [one + 0.01 for one in sums[0]]
        pulls, arms, turns, spread = sums[1:]
        turned = sum(
            turn - arm * pull / one for turn, arm, pull, one in zip(turns, arms, pulls, total, strict=True)
        ) / (
            sum(own - arm * arm / one for own, arm, one in zip(spread, arms, total, strict=True)) + 0.01 * scale * scale
        )
        moves = [(pull - arm * turned) / one for pull, arm, one in zip(pulls, arms, total, strict=True)]
    return moves, turned
