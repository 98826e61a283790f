"""Find axis-aligned boxes, outlined or filled, overlapping and nested, as the fewest that explain what is painted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from .evidence import Evidence
from .rectangle_edges import Integers, edges_of

PixelBox = tuple[int, int, int, int]
"""Left, top, right, bottom edges, whole pixels; right and bottom are not part of the box."""

BLOCK: Final = 3
"""Side in pixels of what must be painted in the corner of a filled box."""
_ROUNDED_BLOCK: Final = 9
"""The same where a corner may be rounded."""
MOST_CORNERS: Final = 1500
UNKNOWN_COST: Final = 0.02
_GOOD: Final = 0.003
"""Share of painted pixels that may be wrong before looser rules are tried."""


def hole_of(box: PixelBox, outline: int) -> PixelBox | None:
    """What a box leaves unpainted: nothing if it is less than three lines wide or high, or if all boxes are filled."""
    left, top, right, bottom = box
    if not outline or min(right - left, bottom - top) < 3 * outline:
        return None
    return left + outline, top + outline, right - outline, bottom - outline


@dataclass(frozen=True, slots=True)
class _Rules:
    """When a box is believed.

    Attributes:
        bare: most share of its pixels that may be unpainted, besides a single one.
        cost: of an unpainted pixel, in painted ones.
        own: least share of its pixels that no other box explains.
    """

    bare: float
    cost: float
    own: float


_EVER_LOOSER: Final = (
    _Rules(bare=0.005, cost=100, own=0.08),
    _Rules(bare=0.03, cost=10, own=0.08),
    _Rules(bare=0.1, cost=4, own=0.12),
    _Rules(bare=0.35, cost=2, own=0.3),
)


def find_boxes(evidence: Evidence, outline: int) -> list[PixelBox]:
    """The boxes that explain what is painted in one colour.

    Candidates join every top left with every bottom right corner that edges suggest. Those without unpainted pixels
    are taken greedily by how much they explain that nothing yet did, and those that turn out to explain nothing of
    their own are dropped. When that leaves much unexplained, as with a model's wavering lines or rounded corners, boxes
    with ever more gaps are admitted, and the set that is wrong about the fewest pixels wins.

    Args:
        evidence: (H, W); what it leaves open is hardly for nor against a box.
        outline: width of the lines in pixels, drawn inside the boxes; boxes less than three lines wide or high are
            filled. 0: all are filled.
    """
    height, width = evidence.shape
    left, top, across, down = cv2.boundingRect((evidence > 0).astype(np.uint8))
    if not across:
        return []
    margin = outline + 2  # a hidden edge may lie beyond what is painted
    x0, y0 = max(0, left - margin), max(0, top - margin)
    part = evidence[y0 : min(height, top + down + margin), x0 : min(width, left + across + margin)]
    plane = _Plane(part)
    edges = [edges_of(part, outline), edges_of(part.T, outline)]
    candidates = _candidates(plane, edges[1], edges[0], outline)
    best, least = [], float("inf")
    for number, rules in enumerate(_EVER_LOOSER):
        if number == 1:
            candidates = _candidates(plane, edges[1], edges[0], outline, rounded=True)
        found = _explain(plane, candidates, outline, rules)
        wrong = plane.wrong(found, outline)
        if wrong < least:
            best, least = found, wrong
        if least <= _GOOD * plane.painted:
            break
    return sorted((a + x0, b + y0, c + x0, d + y0) for a, b, c, d in best)


class _Plane:
    """Evidence with sums over any rectangle of it."""

    def __init__(self, evidence: Evidence) -> None:
        self._values = evidence
        self.plus = (evidence > 0).astype(np.int64)
        self._painted_sums = sums(self.plus)
        self._bare_sums = sums((evidence < 0).astype(np.int64))
        self.painted = int(self.plus.sum())

    def places(self, boxes: Integers) -> Integers:
        """(4, N) where the corners of (N, 4) boxes stand in a table of sums: two to add, two to take away."""
        height, width = self.plus.shape
        found = np.empty((4, len(boxes)), np.int64)
        found[0::3] = boxes[:, 1::2].T.clip(0, height) * (width + 1)
        found[2], found[1] = found[0], found[3]
        left, right = boxes[:, 0::2].T.clip(0, width)
        found[0] += left
        found[1:3] += right
        found[3] += left
        return found

    def painted_in(self, places: Integers) -> Integers:
        """(N,) painted pixels in each box."""
        return within(places, self._painted_sums)

    def bare_in(self, places: Integers) -> Integers:
        """(N,) unpainted pixels in each box."""
        return within(places, self._bare_sums)

    def wrong(self, boxes: Collection[PixelBox], outline: int) -> int:
        """Painted pixels that none of the boxes explains, and unpainted ones that some box would paint."""
        covered = np.zeros(self._values.shape, bool)
        for box in boxes:
            for part in _parts(box, outline):
                covered[part] = True
        return int(np.where(covered, self._values < 0, self._values > 0).sum())


def _parts(box: PixelBox, outline: int) -> list[tuple[slice, slice]]:
    """Where a box is painted, as rows and columns."""
    rows, columns = slice(box[1], box[3]), slice(box[0], box[2])
    hole = hole_of(box, outline)
    if not hole:
        return [(rows, columns)]
    beside = slice(hole[1], hole[3])
    return [
        (slice(box[1], hole[1]), columns),
        (slice(hole[3], box[3]), columns),
        (beside, slice(box[0], hole[0])),
        (beside, slice(hole[2], box[2])),
    ]


def sums(values: Integers) -> Integers:
    """(R + 1, C + 1) sums of all values above and to the left."""
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1), np.int64)
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=table[1:, 1:])
    return table


def within(places: Integers, table: Integers) -> Integers:
    """(N,) sums over boxes whose corners stand at these places of the table."""
    first, second, third, fourth = table.ravel().take(places)
    return first + second - third - fourth


def _holes(boxes: Integers, outline: int) -> Integers:
    """(N, 4) the unpainted inside of each box; empty where it is filled."""
    holes = boxes + np.array([outline, outline, -outline, -outline])
    filled = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) < 3 * outline
    if not outline:
        filled[:] = True
    holes[filled] = 0
    return holes


def _candidates(
    plane: _Plane,
    across: tuple[Integers, Integers],
    down: tuple[Integers, Integers],
    outline: int,
    *,
    rounded: bool = False,
) -> Integers:
    """(N, 4) boxes from a painted top left to a painted bottom right corner; or to `rounded` ones as well."""
    block = outline or BLOCK
    starts = _corners(plane, across[0], down[0], block, 1, rounded=rounded and not outline)
    stops = _corners(plane, across[1], down[1], block, -1, rounded=rounded and not outline)
    wide = stops[None, :, 0] - starts[:, None, 0] > block
    high = stops[None, :, 1] - starts[:, None, 1] > block
    first, last = np.nonzero(wide & high)
    return np.concatenate([starts[first], stops[last]], axis=1)


def _corners(plane: _Plane, across: Integers, down: Integers, block: int, inwards: int, *, rounded: bool) -> Integers:
    """(N, 2) crossings of two edges with little bare in the block that a box would paint there.

    inwards: 1 for top left corners, -1 for bottom right ones.
    rounded: or with little bare in a larger block, as blur leaves it of a filled box.
    """
    grid = np.empty((len(down), len(across), 2), np.int64)
    grid[:, :, 0], grid[:, :, 1] = across, down[:, None]
    places = grid.reshape(-1, 2)

    def counts(side: int) -> tuple[Integers, Integers]:
        ends = (places, places + inwards * side)[::inwards]
        at = plane.places(np.concatenate(ends, axis=1))
        return plane.bare_in(at), plane.painted_in(at)

    bare, painted = counts(block)
    good = 4 * bare <= bare + painted
    if rounded:
        more_bare, more_painted = counts(_ROUNDED_BLOCK)
        good |= 4 * more_bare <= more_bare + more_painted
    kept = np.flatnonzero(good)
    if len(kept) > MOST_CORNERS:
        kept = np.sort(kept[np.argsort(-painted[kept], kind="stable")[:MOST_CORNERS]])
    return places[kept]


def _explain(plane: _Plane, boxes: Integers, outline: int, rules: _Rules) -> list[PixelBox]:
    """Boxes out of the candidates that explain what is painted."""
    holes = _holes(boxes, outline)
    outer, inner = plane.places(boxes), plane.places(holes)
    bare = plane.bare_in(outer) - plane.bare_in(inner)
    painted = plane.painted_in(outer) - plane.painted_in(inner)
    kept = np.flatnonzero((painted > 0) & (bare <= rules.bare * (bare + painted) + 1))
    boxes, holes, bare, painted = boxes[kept], holes[kept], bare[kept], painted[kept]
    outer, inner = outer[:, kept], inner[:, kept]
    unknown = _areas(boxes) - _areas(holes) - bare - painted
    least = rules.own * (bare + painted)
    rest, new = plane.plus.copy(), painted
    chosen: list[_Chosen] = []
    while len(boxes):
        gain = new - rules.cost * bare - UNKNOWN_COST * unknown
        gain[new < least] = -1
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        left, top, right, bottom = boxes[best].tolist()
        box = left, top, right, bottom
        chosen.append(_Chosen(box, _parts(box, outline), int(painted[best])))
        for part in chosen[-1].parts:
            rest[part] = 0
        if not rest.any():
            break
        table = sums(rest)
        new = within(outer, table) - within(inner, table)
    return [one.box for one in _needed(plane, chosen, rules.own)]


def _areas(boxes: Integers) -> Integers:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A box that explains something.

    Attributes:
        box: itself.
        parts: where it is painted, as rows and columns.
        painted: pixels there that are painted.
    """

    box: PixelBox
    parts: list[tuple[slice, slice]]
    painted: int


def _needed(plane: _Plane, chosen: list[_Chosen], own: float) -> list[_Chosen]:
    """Without the boxes that explain next to nothing which no other does, the least needed first."""
    if len(chosen) < 2:
        return chosen
    covers = np.zeros(plane.plus.shape, np.int32)
    for one in chosen:
        for part in one.parts:
            covers[part] += 1
    kept = list(chosen)
    while len(kept) > 1:
        alone = [sum(int(plane.plus[part][covers[part] == 1].sum()) for part in one.parts) for one in kept]
        spare = [pixels / one.painted - own for pixels, one in zip(alone, kept, strict=True)]
        least = min(spare)
        if least >= 0:
            break
        for part in kept.pop(spare.index(least)).parts:
            covers[part] -= 1
    return kept
