"""Find rectangles at any angle, outlined or filled, as the fewest that explain what is painted.

What is painted, and the holes in it, suggest rectangles; each is moved until its sides lie on edges of the paint, and
those that explain most are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .pieces import Pieces
from .rotated_boxes import RotatedBox, overlap_more, reach_of
from .rotated_drawing import Stroke
from .rotated_settling import framed, settled

Places = NDArray[np.intp]

_LEAST_PIXELS: Final = 9
_MOST_SEEDS: Final = 150
_HARDLY: Final = 0.1
"""Most share of the pixels of a rectangle that may be bare when what it explains needs no other."""
_BLOCK: Final = np.ones((2, 2), np.uint8)
"""Lines are two pixels wide or more: what holds no such block is but the rim of one."""
_BARE: Final = 0.35
"""Most share of a rectangle's pixels that may be bare."""
_BARE_COST: Final = 3.0
_UNKNOWN_COST: Final = 0.02
_OWN: Final = 0.12
"""Least share of a rectangle's painted pixels that no other explains."""
_TWIN: Final = 0.99
"""Rectangles that overlap more (IoU) are one."""


def find_rotated_boxes(evidence: Evidence, outline: int) -> list[RotatedBox]:
    """The rectangles that explain what is painted in one colour, from top to bottom.

    Args:
        evidence: (H, W); what it leaves open is hardly for nor against a rectangle.
        outline: width of the lines in pixels, drawn inside the rectangles; rectangles less than three lines wide are
            filled. 0: all are filled.
    """
    left, top, across, down = cv2.boundingRect((evidence > 0).view(np.uint8))
    if not across:
        return []
    margin = outline + 4
    x, y = max(0, left - margin), max(0, top - margin)
    part = np.ascontiguousarray(evidence[y : top + down + margin, x : left + across + margin])
    boxes, areas = _candidates(part, outline)
    found = [boxes[at] for at in _explained(part, areas)]
    return sorted(
        (box._replace(x=box.x + x, y=box.y + y) for box in found), key=lambda box: (round(box.y, 2), round(box.x, 2))
    )


def _candidates(part: Evidence, outline: int) -> tuple[list[RotatedBox], list[Places]]:
    """Rectangles suggested by connected paint and by its holes, moved to where their edges are, and the pixels of each;
    until there are some that explain all paint, where nothing is left open.
    """
    told = bool(part.all())
    found: list[RotatedBox] = []
    areas: list[Places] = []
    frame, flat = framed(part), part.ravel()
    rest = (flat > 0).view(np.uint8)
    for seed in _seeds(part, outline, told):
        if any(overlap_more(seed, other, _TWIN) for other in found):
            continue
        box = settled(frame, seed, outline)
        if box is not None and not any(overlap_more(box, other, _TWIN) for other in found):
            places = Stroke(box, part.shape[::-1], outline).places()
            found.append(box)
            areas.append(places)
            if told and np.count_nonzero(flat.take(places) < 0) <= _HARDLY * len(places):
                rest[places] = 0
                if not _is_more(rest, part):
                    break
    return found, areas


def _seeds(part: Evidence, outline: int, told: bool) -> Iterator[RotatedBox]:
    """Holes first, as paint is joined where rectangles cross, and comes apart where they leave the picture.

    told: nothing is left open, so that it makes no difference whether that is taken for paint or not.
    """
    seen: set[RotatedBox] = set()
    for line in (outline, 0) if outline else (0,):
        for least in (1,) if told else (1, 0):
            mask = part < least if line else part >= least
            pieces = Pieces.of(mask.view(np.uint8), 4 if line else 8)
            order = np.argsort(-pieces.areas, kind="stable")[:_MOST_SEEDS]  # the largest first
            for at in order[pieces.areas[order] >= _LEAST_PIXELS].tolist():
                box = pieces.box(at).grown(line)
                if box not in seen and min(box.width, box.height) >= 2 and not _is_around(box, part, line):
                    seen.add(box)
                    yield box


def _is_around(box: RotatedBox, part: Evidence, line: int) -> bool:
    """Whether a rectangle is that of what lies around all paint: no line of it is in the picture."""
    height, width = part.shape
    across, down = reach_of(box)
    return line > 0 and 2 * across > width + line and 2 * down > height + line and box.along_x * box.along_y == 0


def _explained(part: Evidence, areas: Sequence[Places]) -> list[int]:
    """Rectangles, given by their pixels, taken greedily by how much they explain that nothing yet did, without those
    hardly needed."""
    seen = [part.ravel().take(places) for places in areas]
    bare = np.array([np.count_nonzero(values < 0) for values in seen], float)
    painted = np.array([np.count_nonzero(values > 0) for values in seen], float)
    total = np.array([len(values) for values in seen], float)
    cost = _BARE_COST * bare + _UNKNOWN_COST * (total - bare - painted)
    possible = (painted > 0) & (bare <= _BARE * (bare + painted) + 1)
    rest = (part > 0).view(np.uint8).ravel()
    new = painted.copy()
    chosen: list[int] = []
    while possible.any():
        gain = np.where(possible & (new >= _OWN * (bare + painted)), new - cost, -1.0)
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        chosen.append(best)
        possible[best] = False
        rest[areas[best]] = 0
        if not _is_more(rest, part):
            break
        for at in np.flatnonzero(possible).tolist():
            new[at] = np.count_nonzero(rest.take(areas[at]))
    return _needed(part, chosen, areas)


def _is_more(rest: NDArray[np.uint8], part: Evidence) -> bool:
    """Whether some of the paint that is left is more than rims of what is explained."""
    thick = cv2.erode(rest.reshape(part.shape), _BLOCK, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return bool(thick.any())


def _needed(part: Evidence, chosen: list[int], areas: Sequence[Places]) -> list[int]:
    """Without the rectangles that explain next to nothing which no other does, the least needed first."""
    if len(chosen) < 2:
        return chosen
    covers = np.zeros(part.size, np.int32)
    for at in chosen:
        covers[areas[at]] += 1
    mine = {at: areas[at][part.ravel().take(areas[at]) > 0] for at in chosen}
    kept = list(chosen)
    while len(kept) > 1:
        own = [np.count_nonzero(covers.take(mine[at]) == 1) / max(1, len(mine[at])) for at in kept]
        worst = int(np.argmin(own))
        if own[worst] >= _OWN:
            break
        covers[areas[kept.pop(worst)]] -= 1
    return kept
