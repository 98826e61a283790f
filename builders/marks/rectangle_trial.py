"""Would the boxes of a drawing be found? The finder's choice among candidates, with the odds against the true ones."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from .rectangle_cells import Band, CellGrid, Drawing, stretches
from .rectangle_finder import BLOCK, MOST_CORNERS, UNKNOWN_COST, PixelBox

_BARE: Final = 0.01
"""Most share of a candidate's pixels that may be unpainted, besides a single one."""
_BARE_COST: Final = 50
"""Of an unpainted pixel, in painted ones."""
_OWN: Final = 0.06
"""Least share of a false box's pixels that no other box explains."""
_TRUE_OWN: Final = 0.12
"""The same for a true box."""
_HANDICAP: Final = 0.96
"""How much less a true box counts."""

_Corner = tuple[Band, Band]
"""Columns and rows that cross where a box may have a corner."""


class Trial:
    """A drawing of boxes on which the finder is tried."""

    def __init__(
        self, boxes: Sequence[PixelBox], owners: Sequence[int], outline: int, size_wh: tuple[int, int]
    ) -> None:
        """Draw the boxes.

        Args:
            boxes: in the order in which they are drawn, each wider and higher than a line or, filled, than `BLOCK`.
            owners: which colour each has.
            outline: width of the lines, pixels; 0 for filled boxes.
            size_wh: of the picture, pixels.
        """
        self._outline = outline
        xs = stretches([box[::2] for box in boxes], outline or BLOCK, size_wh[0])
        ys = stretches([box[1::2] for box in boxes], outline or BLOCK, size_wh[1])
        turned = [(top, left, bottom, right) for left, top, right, bottom in boxes]
        self._upright = Drawing.of(CellGrid(xs, ys), boxes, owners, outline)
        self._turned = Drawing.of(CellGrid(ys, xs), turned, owners, outline)

    def finds(self, owner: int, true: Sequence[PixelBox]) -> bool:
        """Whether the finder takes what is painted in one colour for its true boxes."""
        scene = _Scene(self._upright, owner, true, self._outline)
        boxes = self._suggested(scene, owner, true)
        if not set(boxes).issuperset(true):
            return False
        return sorted(one.box for one in scene.needed(scene.chosen(boxes))) == sorted(true)

    def _suggested(self, scene: _Scene, owner: int, true: Sequence[PixelBox]) -> list[PixelBox]:
        """Boxes that edges suggest; not all of the true ones when an edge of one does not show."""
        line = self._outline
        if not line:
            lefts, rights = self._turned.edge_bands(owner, BLOCK)
            tops, bottoms = self._upright.edge_bands(owner, BLOCK)
            return list(scene.boxes(scene.corners(lefts, tops), scene.corners(rights, bottoms)))
        across = sorted({edge for left, _, right, _ in true for edge in (left, right - line)})
        down = sorted({edge for _, top, _, bottom in true for edge in (top, bottom - line)})
        if not (self._upright.lines_show(owner, down, line) and self._turned.lines_show(owner, across, line)):
            return []
        if len(true) == 1:
            return list(true)
        corners = scene.corners(self._turned.line_bands(across, line), self._upright.line_bands(down, line))
        return list(scene.boxes(corners, corners))


class _Candidate(NamedTuple):
    """A box that could be among those drawn.

    Attributes:
        cells: those it paints that show its colour.
        painted, bare, unknown: pixels it paints that show its colour, nothing, and another colour.
        own: least share of its pixels that no other box explains.
        worth: of a painted pixel.
    """

    box: PixelBox
    cells: int
    painted: int
    bare: int
    unknown: int
    own: float
    worth: float

    def gain(self, new: int) -> float:
        """What it is worth to take the box when so many of its painted pixels are not explained yet."""
        if new < self.own * (self.bare + self.painted):
            return -1
        return self.worth * new - _BARE_COST * self.bare - UNKNOWN_COST * self.unknown


class _Scene:
    """What is seen of the boxes of one colour."""

    def __init__(self, drawing: Drawing, owner: int, true: Sequence[PixelBox], outline: int) -> None:
        self._grid = drawing.grid
        self._paint = drawing.paint[owner]
        self._other = drawing.covered ^ self._paint
        self._bare = drawing.bare
        self._true = true
        self._outline = outline
        self._block = outline or BLOCK

    def corners(self, columns: Sequence[Band], rows: Sequence[Band]) -> list[_Corner]:
        """Where columns cross rows with little bare in the block; the most painted ones when there are too many."""
        found = [(column, row) for row in rows for column in columns if self._is_corner(column, row)]
        if len(found) <= MOST_CORNERS:
            return found
        painted = [self._painted(column, row) for column, row in found]
        kept = sorted(range(len(found)), key=lambda at: -painted[at])[:MOST_CORNERS]
        return [found[at] for at in sorted(kept)]

    def _is_corner(self, column: Band, row: Band) -> bool:
        bare = row.bare[column.last] - row.bare[column.first]
        if 4 * bare > (column.high - column.low) * (row.high - row.low):
            return False
        return not bare or 3 * bare <= self._painted(column, row)

    def _painted(self, column: Band, row: Band) -> int:
        """How many pixels are painted where they cross."""
        return self._grid.pixels(self._grid.inside((column.low, row.low, column.high, row.high)) & self._paint)

    def boxes(self, starts: Sequence[_Corner], stops: Sequence[_Corner]) -> Iterator[PixelBox]:
        """Boxes from a top left to a bottom right corner, none of whose sides has more that is bare than all of it may.

        They come row by row, as the corners do.
        """
        width = max(box[2] for box in self._true) - min(box[0] for box in self._true)
        height = max(box[3] for box in self._true) - min(box[1] for box in self._true)
        line = self._outline
        most = _BARE * (line * max(2 * (width + height), 3 * width, 3 * height) if line else width * height) + 1
        corners = {(column.high, row.high) for column, row in stops}
        rights = sorted({column.high: column for column, _ in stops}.items())
        bottoms = sorted({row.high: row for _, row in stops}.items())
        for left, top in starts:
            its_rights = _reached(top, left, rights, self._block, most)
            its_bottoms = its_rights and _reached(left, top, bottoms, self._block, most)
            for bottom, on_left in its_bottoms:
                for right, on_top in its_rights:
                    if (right.high, bottom.high) not in corners:
                        continue
                    box = left.low, top.low, right.high, bottom.high
                    least = _BARE * _area(box, line) + 1
                    if (
                        on_top <= least
                        and on_left <= least
                        and bottom.bare_between(left, right) <= least
                        and right.bare_between(top, bottom) <= least
                    ):
                        yield box

    def chosen(self, boxes: Sequence[PixelBox]) -> list[_Candidate]:
        """Candidates taken one by one, each time the first of those that explain most of what none yet did.

        What one explains only grows less, and is at first no more than its pixels; so one is only looked at again when
        no other can explain more than what was known of it. There are none once a true box is out of the question.
        """
        rest = self._paint
        queue: list[tuple[float, int, int, int, _Candidate | None]] = [
            (-_area(box, self._outline), at, 0, 0, None) for at, box in enumerate(boxes)
        ]
        heapq.heapify(queue)
        found: list[_Candidate] = []
        while queue and rest:
            _, at, new, seen, one = heapq.heappop(queue)
            if one and not (gone := one.cells & seen & ~rest):
                found.append(one)
                rest &= ~one.cells
                continue
            if one:
                new -= self._grid.pixels(gone)
                seen = rest
            elif one := self._candidate(boxes[at]):
                new, seen = one.painted, self._paint
            if one and (gain := one.gain(new)) > 0:
                heapq.heappush(queue, (-gain, at, new, seen, one))
            elif boxes[at] in self._true:
                return []
        return found

    def _candidate(self, box: PixelBox) -> _Candidate | None:
        """The box with what speaks for and against it; None if it has too much that is bare."""
        grid = self._grid
        covered, area = grid.painted_by(box, self._outline), _area(box, self._outline)
        bare = grid.pixels(covered & self._bare, _BARE * area + 1)
        unknown = grid.pixels(covered & self._other)
        painted = area - bare - unknown
        if painted <= 0 or bare > _BARE * (bare + painted) + 1:
            return None
        own, worth = (_TRUE_OWN, _HANDICAP) if box in self._true else (_OWN, 1.0)
        return _Candidate(box, covered & self._paint, painted, bare, unknown, own, worth)

    def needed(self, chosen: Sequence[_Candidate]) -> list[_Candidate]:
        """Without the boxes that explain next to nothing which no other does, the least needed first."""
        kept = list(chosen)
        while len(kept) > 1:
            once = twice = 0
            for one in kept:
                twice |= once & one.cells
                once |= one.cells
            spare = [(one.painted - self._grid.pixels(one.cells & twice)) / one.painted - one.own for one in kept]
            least = min(spare)
            if least >= 0:
                break
            kept.pop(spare.index(least))
        return kept


def _reached(
    side: Band, start: Band, ends: Sequence[tuple[int, Band]], block: int, most: float
) -> list[tuple[Band, int]]:
    """Which bands, by where they end, a side reaches over at most so many bare pixels, and over how many."""
    found = []
    least, bare, before = start.low + block, side.bare, side.bare[start.first]
    for edge, end in ends:
        if edge > least:
            over = bare[end.last] - before
            if over > most:
                break
            found.append((end, over))
    return found


def _area(box: PixelBox, outline: int) -> int:
    """Pixels that a box paints."""
    width, height = box[2] - box[0], box[3] - box[1]
    if not outline or width < 3 * outline or height < 3 * outline:
        return width * height
    return 2 * outline * (width + height - 2 * outline)
