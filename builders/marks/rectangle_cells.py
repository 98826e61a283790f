"""A drawing of boxes on a coarse map, one cell for each stretch between edges.

A set of cells is a whole number with a bit for each: few boxes have few cells, and what would be a call on a tiny array
is one operation on a number.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import add
from typing import NamedTuple

from .rectangle_edges import RUN
from .rectangle_finder import PixelBox, hole_of

Span = tuple[int, int]
"""Where something begins and ends along an axis, pixels."""


class CellGrid:
    """Cells between edges along both axes.

    Bits go row by row; the one after each row stays empty, so that no cell has a neighbour in another row.
    """

    def __init__(self, xs: list[int], ys: list[int]) -> None:
        """Cut a picture into cells.

        Args:
            xs, ys: (C + 1,) and (R + 1,) where cells begin and end, pixels, from 0 on.
        """
        self.xs, self.ys = xs, ys
        self.row_bits = len(xs)
        self.whole_row = (1 << len(xs) - 1) - 1
        self._widths = [(at, stop - start) for at, (start, stop) in enumerate(pairwise(xs))]
        self._across = {x: 1 << at for at, x in enumerate(xs)}
        self.row_at = {}
        self._down = {}
        above = 0  # the first cells of all rows above
        for row, y in enumerate(ys):
            self.row_at[y] = row
            self._down[y] = above
            above |= 1 << row * self.row_bits

    def inside(self, box: PixelBox) -> int:
        """Cells of a box whose edges are among theirs."""
        left, top, right, bottom = box
        return (self._across[right] - self._across[left]) * (self._down[bottom] - self._down[top])

    def painted_by(self, box: PixelBox, outline: int) -> int:
        """Cells that a box covers: all of it, or its lines."""
        hole = hole_of(box, outline)
        return self.inside(box) ^ self.inside(hole) if hole else self.inside(box)

    def pixels(self, cells: int, most: float = float("inf")) -> int:
        """How many pixels cells have; counted until they are more than `most`."""
        total = 0
        xs, ys, row_bits = self.xs, self.ys, self.row_bits
        while cells and total <= most:
            last = cells.bit_length() - 1
            cells ^= 1 << last
            row, column = divmod(last, row_bits)
            total += (xs[column + 1] - xs[column]) * (ys[row + 1] - ys[row])
        return total

    def has_run(self, cells: int, row: int) -> bool:
        """Whether some of the cells follow each other in a row for more than `RUN` pixels."""
        cells = cells >> row * self.row_bits & self.whole_row
        while cells:
            first = cells & -cells
            carried = cells + first  # to the cell after the first run
            after = carried & -carried
            if self.xs[after.bit_length() - 1] - self.xs[first.bit_length() - 1] > RUN:
                return True
            cells &= carried
        return False

    def bare_along(self, bare: int, top: int, bottom: int) -> list[int]:
        """(C + 1,) how many pixels between two row edges are bare to the left of each column edge."""
        found: list[int] = []
        for row in range(self.row_at[top], self.row_at[bottom]):
            height, cells = self.ys[row + 1] - self.ys[row], bare >> row * self.row_bits
            along = accumulate([height * width if cells >> at & 1 else 0 for at, width in self._widths], initial=0)
            found = list(map(add, found, along)) if found else list(along)
        return found or [0] * len(self.xs)


class Band(NamedTuple):
    """Rows where the side of a box may lie: as far inwards from its edge as must be painted.

    Attributes:
        low, high: where they begin and end, pixels.
        first, last: the same as numbers of row edges.
        bare: (C + 1,) how many of their pixels are bare to the left of each column edge.
    """

    low: int
    high: int
    first: int
    last: int
    bare: list[int]

    def bare_between(self, start: Band, stop: Band) -> int:
        """How many of their pixels are bare from where one band across them begins to where another ends."""
        return self.bare[stop.last] - self.bare[start.first]


class Drawing(NamedTuple):
    """Boxes drawn one over the other.

    Attributes:
        grid: the cells.
        paint: in which of them each owner's paint is seen.
        covered: all that are painted.
        bare: all that are not.
    """

    grid: CellGrid
    paint: Mapping[int, int]
    covered: int
    bare: int

    @classmethod
    def of(cls, grid: CellGrid, boxes: Sequence[PixelBox], owners: Sequence[int], outline: int) -> Drawing:
        """Draw the boxes in this order."""
        paint = dict.fromkeys(owners, 0)
        covered = 0
        for box, owner in zip(reversed(boxes), reversed(owners), strict=True):
            cells = grid.painted_by(box, outline)
            paint[owner] |= cells & ~covered
            covered |= cells
        return cls(grid, paint, covered, grid.inside((0, 0, grid.xs[-1], grid.ys[-1])) ^ covered)

    def lines_show(self, owner: int, lines: Collection[int], outline: int) -> bool:
        """Whether each line that begins at one of these rows can be told from its edges, of which one is enough.

        Lines cross; only a bare pixel beside shows the edge of one.
        """
        grid, paint = self.grid, self.paint[owner]
        rising, falling = paint & ~(self.covered << grid.row_bits), paint & ~(self.covered >> grid.row_bits)
        at = grid.row_at
        return all(grid.has_run(rising, at[line]) or grid.has_run(falling, at[line + outline] - 1) for line in lines)

    def line_bands(self, lines: Collection[int], outline: int) -> list[Band]:
        """Where boxes may have a side, by their lines."""
        return [self._band(line, line + outline) for line in lines]

    def edge_bands(self, owner: int, block: int) -> tuple[list[Band], list[Band]]:
        """Where filled boxes may begin and end, with so much of their inside."""
        grid, paint = self.grid, self.paint[owner]
        rising, falling = paint & ~(paint << grid.row_bits), paint & ~(paint >> grid.row_bits)
        rows = range(len(grid.ys) - 1)
        starts = [grid.ys[row] for row in rows if grid.has_run(rising, row)]
        stops = [grid.ys[row + 1] for row in rows if grid.has_run(falling, row)]
        return [self._band(edge, _at(grid.ys, edge + block)) for edge in starts], [
            self._band(_at(grid.ys, edge - block), edge) for edge in stops
        ]

    def _band(self, low: int, high: int) -> Band:
        grid = self.grid
        return Band(low, high, grid.row_at[low], grid.row_at[high], grid.bare_along(self.bare, low, high))


def stretches(spans: Sequence[Span], line: int, size: int) -> list[int]:
    """Ends of the stretches, between which nothing that matters changes along an axis.

    Args:
        spans: where boxes begin and end, each longer than a line.
        line: how far from their edges the inside begins.
        size: of the picture.
    """
    found = {0, size}
    for low, high in spans:
        found.update((low, low + line, high - line, high))
    return sorted(found)


def _at(edges: list[int], place: int) -> int:
    """The first edge from a place on; the last where there is none."""
    return edges[min(bisect_left(edges, place), len(edges) - 1)]
