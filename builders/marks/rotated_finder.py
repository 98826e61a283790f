"""Find rectangles at any angle, outlined or filled, as the fewest that explain what is painted.

What is painted, and the holes in it, suggest rectangles; each is moved until its sides lie on edges of the paint, and
those that explain most are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .rotated_boxes import Points, RotatedBox, box_of_pixels, overlap, pixels_of

_LEAST_PIXELS: Final = 9
_MOST_SEEDS: Final = 150
_REACHES: Final = (3.0, 2.0, 1.5, 1.5)
"""How far from its place a side is looked for, pixels, in one round after the other."""
_STEP: Final = 0.25
_OUTSIDE: Final = 2.0
_FILLED_INSIDE: Final = 3.0
_MOST_SAMPLES: Final = 64
_EDGE: Final = 0.8
"""Least contrast of an edge that is believed; 2 from all painted to all bare."""
_BARE: Final = 0.35
"""Most share of a rectangle's pixels that may be bare."""
_BARE_COST: Final = 3.0
_UNKNOWN_COST: Final = 0.02
_OWN: Final = 0.12
"""Least share of a rectangle's painted pixels that no other explains."""
_TWIN: Final = 0.93
"""Rectangles that overlap more (IoU) are one."""


def find_rotated_boxes(evidence: Evidence, outline: int) -> list[RotatedBox]:
    """The rectangles that explain what is painted in one colour, from top to bottom.

    Args:
        evidence: (H, W); what it leaves open is hardly for nor against a rectangle.
        outline: width of the lines in pixels, drawn inside the rectangles; rectangles less than three lines wide are
            filled. 0: all are filled.
    """
    left, top, across, down = cv2.boundingRect((evidence > 0).astype(np.uint8))
    if not across:
        return []
    margin = outline + 4
    x, y = max(0, left - margin), max(0, top - margin)
    part = np.ascontiguousarray(evidence[y : top + down + margin, x : left + across + margin])
    found = _explained(part, _candidates(part, outline), outline)
    return sorted(
        (box._replace(x=box.x + x, y=box.y + y) for box in found), key=lambda box: (round(box.y, 2), round(box.x, 2))
    )


def _candidates(part: Evidence, outline: int) -> list[RotatedBox]:
    """Rectangles suggested by connected paint and by its holes, moved to where their edges are."""
    found: list[RotatedBox] = []
    for seed in _seeds(part, outline):
        if any(overlap(seed, other) > _TWIN for other in found):
            continue
        box = seed
        for reach in _REACHES:
            moved = _moved(part, box, outline, reach)
            if moved is None:
                break
            box = moved
        else:
            if all(overlap(box, other) <= _TWIN for other in found):
                found.append(box)
    return found


def _seeds(part: Evidence, outline: int) -> Iterator[RotatedBox]:
    painted = part > 0
    masks = [(painted, 0), (part >= 0, 0)]
    if outline:
        masks += [(~painted, outline), (part < 0, outline)]
    seen: set[RotatedBox] = set()
    for mask, line in masks:
        for piece, (x, y) in _pieces(mask, 4 if line else 8):
            box = box_of_pixels(piece)
            assert box is not None
            box = box._replace(x=box.x + x, y=box.y + y).grown(line)
            if box not in seen and min(box.width, box.height) >= 2:
                seen.add(box)
                yield box


def _pieces(mask: NDArray[np.bool_], neighbours: int) -> Iterator[tuple[NDArray[np.bool_], tuple[int, int]]]:
    """Connected pieces of a mask, the largest first, each with the place of its own part of the mask."""
    _, labels, regions, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=neighbours)
    areas = regions[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")[:_MOST_SEEDS]
    for label in (order[areas[order] >= _LEAST_PIXELS] + 1).tolist():
        x, y, width, height = regions[label, :4].tolist()
        yield labels[y : y + height, x : x + width] == label, (x, y)


def _moved(part: Evidence, box: RotatedBox, outline: int, reach: float) -> RotatedBox | None:
    """The rectangle with its sides on the edges found near them, in the least-squares sense; None when it collapses.

    A turn by t and moving side k out by m[k] moves a point r of that side, seen from the middle, by m[k] + t n x r
    along the side's normal n.
    """
    along = np.array([box.along_x, box.along_y])
    beside = np.array([-box.along_y, box.along_x])
    rows, offsets, weights = [], [], []
    for side, (normal, half, other, turn) in enumerate(
        (
            (along, box.width / 2, box.height / 2, beside),
            (-along, box.width / 2, box.height / 2, beside),
            (beside, box.height / 2, box.width / 2, along),
            (-beside, box.height / 2, box.width / 2, along),
        )
    ):
        ends = max(other - outline - 1.5, 0.7 * other)
        steps = np.linspace(-ends, ends, max(3, min(_MOST_SAMPLES, math.ceil(2 * ends))))
        arms = normal * half + steps[:, None] * turn
        found, weight = _edges(part, arms + np.array([box.x, box.y]), normal, outline, reach)
        row = np.zeros((len(steps), 5))
        row[:, side] = 1
        row[:, 4] = arms[:, 0] * normal[1] - arms[:, 1] * normal[0]
        rows.append(row)
        offsets.append(found)
        weights.append(weight)
    right, left, down, up, turned = _solved(np.concatenate(rows), np.concatenate(offsets), np.concatenate(weights))
    middle = np.array([box.x, box.y]) + along * (right - left) / 2 + beside * (down - up) / 2
    along = along + turned * beside
    along /= math.sqrt(float(along @ along))
    width, height = box.width + right + left, box.height + down + up
    if min(width, height) < 2:
        return None
    return RotatedBox(float(middle[0]), float(middle[1]), width, height, float(along[0]), float(along[1]))


def _edges(
    part: Evidence, points: Points, normal: Points, outline: int, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) how far out from each point paint ends, and (N,) how sure that is, 0 to 2."""
    inside = float(min(outline, 4)) if outline else _FILLED_INSIDE
    count_in, count_out = round(inside / _STEP), round(_OUTSIDE / _STEP)
    places = round(2 * reach / _STEP) + 1
    steps = (np.arange(places + count_in + count_out - 1) + 0.5 - count_in) * _STEP - reach
    x = np.floor(points[:, :1] + normal[0] * steps).astype(np.intp)
    y = np.floor(points[:, 1:] + normal[1] * steps).astype(np.intp)
    height, width = part.shape
    shown = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    values = np.where(shown, part[y.clip(0, height - 1), x.clip(0, width - 1)], 0).astype(np.float64)
    sums = np.concatenate([np.zeros((len(points), 1)), np.cumsum(values, axis=1)], axis=1)
    at = np.arange(places) + count_in
    contrast = (sums[:, at] - sums[:, at - count_in]) / count_in - (sums[:, at + count_out] - sums[:, at]) / count_out
    offsets = np.arange(places) * _STEP - reach
    judged = contrast - 0.02 * np.abs(offsets)
    best = judged >= judged.max(axis=1, keepdims=True) - 0.01
    weight = contrast.max(axis=1)
    found: NDArray[np.float64] = (best * offsets).sum(axis=1) / best.sum(axis=1)
    return found, np.where(weight >= _EDGE, weight, 0.0)


def _solved(rows: Points, offsets: NDArray[np.float64], weights: NDArray[np.float64]) -> list[float]:
    """Four moves and a turn, by least squares that outliers sway little; what no edge fixes hardly changes."""
    scale = max(1.0, float(np.abs(rows[:, 4]).max()))
    keep = np.diag([0.1, 0.1, 0.1, 0.1, 0.1 * scale])
    solution = np.zeros(5)
    for _ in range(3):
        residual = np.abs(offsets - rows @ solution)
        trust = np.sqrt(weights / np.maximum(1.0, residual / 0.5))
        system = np.concatenate([rows * trust[:, None], keep])
        solution = np.linalg.lstsq(system, np.concatenate([offsets * trust, np.zeros(5)]), rcond=None)[0]
    found: list[float] = solution.tolist()
    return found


def _explained(part: Evidence, boxes: Sequence[RotatedBox], outline: int) -> list[RotatedBox]:
    """Rectangles taken greedily by how much they explain that nothing yet did, without those hardly needed."""
    size_wh = part.shape[1], part.shape[0]
    areas = [pixels_of(box, size_wh, outline) for box in boxes]
    bare = np.array([int((part[window][inside] < 0).sum()) for window, inside in areas], float)
    painted = np.array([int((part[window][inside] > 0).sum()) for window, inside in areas], float)
    total = np.array([int(inside.sum()) for _, inside in areas], float)
    cost = _BARE_COST * bare + _UNKNOWN_COST * (total - bare - painted)
    possible = (painted > 0) & (bare <= _BARE * (bare + painted) + 1)
    rest = part > 0
    chosen: list[int] = []
    while possible.any():
        new = np.array([int(rest[window][inside].sum()) for window, inside in areas], float)
        gain = np.where(possible & (new >= _OWN * (bare + painted)), new - cost, -1.0)
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        chosen.append(best)
        possible[best] = False
        window, inside = areas[best]
        rest[window] &= ~inside
    return [boxes[at] for at in _needed(part, chosen, areas)]


def _needed(
    part: Evidence, chosen: list[int], areas: Sequence[tuple[tuple[slice, slice], NDArray[np.bool_]]]
) -> list[int]:
    """Without the rectangles that explain next to nothing which no other does, the least needed first."""
    covers = np.zeros(part.shape, np.int32)
    for at in chosen:
        covers[areas[at][0]] += areas[at][1]
    kept = list(chosen)
    while len(kept) > 1:
        own = []
        for at in kept:
            window, inside = areas[at]
            mine = inside & (part[window] > 0)
            own.append(float((covers[window][mine] == 1).sum()) / max(1, int(mine.sum())))
        worst = int(np.argmin(own))
        if own[worst] >= _OWN:
            break
        window, inside = areas[kept.pop(worst)]
        covers[window] -= inside
    return kept
