"""Would the boxes of a drawing be found? Tried on a coarse map of it, one cell for each stretch between edges.

Few boxes have few cells, for which plain numbers are quicker than arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .rectangle_edges import changes_for_long
from .rectangle_finder import PixelBox, explain_cells, is_worth_it

_BARE = -1


@dataclass(frozen=True)
class CellMap:
    """A drawing of boxes.

    Attributes:
        xs, ys: (C + 1,) and (R + 1,) where cells begin and end, pixels.
        labels: R rows of C, the owner of what is painted in each cell; -1 where nothing is.
        outline: width of the lines, pixels; 0 for filled boxes.
    """

    xs: list[int]
    ys: list[int]
    labels: list[list[int]]
    outline: int

    @classmethod
    def drawn(
        cls,
        boxes: Sequence[PixelBox],
        painted: Sequence[Sequence[PixelBox]],
        owners: Sequence[int],
        outline: int,
        line: int,
        size_wh: tuple[int, int],
    ) -> CellMap:
        """Draw boxes one over the other.

        Args:
            boxes: in the order in which they are drawn.
            painted: rectangles that are painted for each.
            owners: which colour each has.
            outline: as above.
            line: how far from their edges the inside begins; the outline, or so much that a corner is a cell.
            size_wh: of the picture.
        """
        xs = _stretches([edge for box in boxes for edge in box[::2]], line, size_wh[0])
        ys = _stretches([edge for box in boxes for edge in box[1::2]], line, size_wh[1])
        found = cls(xs, ys, [[_BARE] * (len(xs) - 1) for _ in ys[1:]], outline)
        for parts, owner in zip(painted, owners, strict=True):
            for part in parts:
                left, top, right, bottom = found.cells(part)
                for row in found.labels[top:bottom]:
                    row[left:right] = [owner] * (right - left)
        return found

    def cells(self, box: PixelBox) -> PixelBox:
        """Edges of a box, which are among those of the cells, counted in cells."""
        left, top, right, bottom = box
        return self._column_at[left], self._row_at[top], self._column_at[right], self._row_at[bottom]

    def explains(self, owner: int, true: Sequence[PixelBox]) -> bool:
        """Whether the finder takes what is painted in one colour for its true boxes, with the odds against them."""
        if len(true) == 1 and self.outline:
            return self._explains_one(owner, true[0])
        labels = np.array(self.labels)
        evidence = np.where(labels == owner, 1, np.where(labels < 0, -1, 0)).astype(np.int8)
        found = explain_cells(evidence, np.array(self.xs), np.array(self.ys), self.outline, true)
        return sorted(found) == sorted(true)

    def _explains_one(self, owner: int, box: PixelBox) -> bool:
        """The same for the only box of its colour, outlined.

        A line is sought where paint of its colour borders on bare pixels, which is on the box's own lines alone; so the
        finder has no other candidate. It has this one if each of the four lines borders on bare pixels long enough, on
        either of its sides.
        """
        left, top, right, bottom = self.cells(box)
        painted = 0
        for row in range(top, bottom):
            wide = sum(self.xs[at + 1] - self.xs[at] for at in range(left, right) if self.labels[row][at] == owner)
            painted += wide * (self.ys[row + 1] - self.ys[row])
        width, height = box[2] - box[0], box[3] - box[1]
        hollow = min(width, height) >= 3 * self.outline
        hole = (width - 2 * self.outline) * (height - 2 * self.outline) if hollow else 0
        return (
            is_worth_it(painted, width * height - hole - painted)
            and self._lines_show(self.labels, self._row_at, self.xs, owner, (box[1], box[3]))
            and self._lines_show(self._by_columns, self._column_at, self.ys, owner, (box[0], box[2]))
        )

    def _lines_show(
        self, cells: list[list[int]], at: dict[int, int], ends: list[int], owner: int, edges: tuple[int, int]
    ) -> bool:
        """Whether a box's first and last line along an axis border on bare pixels."""
        beyond = [_BARE] * (len(ends) - 1)

        def shows(inside: int, outside: int) -> bool:
            bare = cells[outside] if 0 <= outside < len(cells) else beyond
            return changes_for_long(
                [one == owner and other == _BARE for one, other in zip(cells[inside], bare, strict=True)], ends
            )

        first, last = at[edges[0]], at[edges[1]]
        behind_first, before_last = at[edges[0] + self.outline], at[edges[1] - self.outline]
        return (shows(first, first - 1) or shows(behind_first - 1, behind_first)) and (
            shows(last - 1, last) or shows(before_last, before_last - 1)
        )

    @cached_property
    def _row_at(self) -> dict[int, int]:
        return {edge: at for at, edge in enumerate(self.ys)}

    @cached_property
    def _column_at(self) -> dict[int, int]:
        return {edge: at for at, edge in enumerate(self.xs)}

    @cached_property
    def _by_columns(self) -> list[list[int]]:
        return [list(column) for column in zip(*self.labels, strict=True)]


def _stretches(edges: Sequence[int], line: int, size: int) -> list[int]:
    """Ends of the stretches, between which nothing that matters changes along an axis.

    edges: where boxes begin and end, by turns.
    """
    inner = [edge - line if at % 2 else edge + line for at, edge in enumerate(edges)]
    return sorted({0, size, *(min(max(edge, 0), size) for edge in (*edges, *inner))})
