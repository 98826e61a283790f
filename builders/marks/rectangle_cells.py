"""Would the boxes of a drawing be found? Tried on a coarse map of it, one cell for each stretch between edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .rectangle_edges import changes_for_long
from .rectangle_finder import PixelBox, explain_cells, is_worth_it

_BARE = -1


@dataclass(frozen=True)
class CellMap:
    """A drawing of boxes.

    Attributes:
        xs, ys: (C + 1,) and (R + 1,) where cells begin and end, pixels.
        labels: (R, C) int, the owner of what is painted in each cell; -1 where nothing is.
        outline: width of the lines, pixels; 0 for filled boxes.
    """

    xs: list[int]
    ys: list[int]
    labels: NDArray[np.int_]
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
        found = cls(xs, ys, np.full((len(ys) - 1, len(xs) - 1), _BARE), outline)
        for parts, owner in zip(painted, owners, strict=True):
            for part in parts:
                found.labels[found.cells(part)] = owner
        return found

    def cells(self, box: PixelBox) -> tuple[slice, slice]:
        """Rows and columns of a box whose edges are among those of the cells."""
        left, top, right, bottom = box
        return slice(self._row_at[top], self._row_at[bottom]), slice(self._column_at[left], self._column_at[right])

    def explains(self, owner: int, true: Sequence[PixelBox]) -> bool:
        """Whether the finder takes what is painted in one colour for its true boxes, with the odds against them."""
        if len(true) == 1 and self.outline:
            return self._explains_one(owner, true[0])
        evidence = np.where(self.labels == owner, 1, np.where(self.labels < 0, -1, 0)).astype(np.int8)
        found = explain_cells(evidence, np.array(self.xs), np.array(self.ys), self.outline, true)
        return sorted(found) == sorted(true)

    def _explains_one(self, owner: int, box: PixelBox) -> bool:
        """The same for the only box of its colour, outlined.

        A line is sought where paint of its colour borders on bare pixels, which is on the box's own lines alone; so the
        finder has no other candidate. It has this one if each of the four lines borders on bare pixels long enough, on
        either of its sides.
        """
        rows, columns = self.cells(box)
        painted = int((self._weights[rows, columns] * (self.labels[rows, columns] == owner)).sum())
        width, height = box[2] - box[0], box[3] - box[1]
        hollow = min(width, height) >= 3 * self.outline
        hole = (width - 2 * self.outline) * (height - 2 * self.outline) if hollow else 0
        return (
            is_worth_it(painted, width * height - hole - painted)
            and self._lines_show(self._by_rows, self._row_at, self.xs, owner, (box[1], box[3]))
            and self._lines_show(self._by_columns, self._column_at, self.ys, owner, (box[0], box[2]))
        )

    def _lines_show(
        self, cells: list[list[int]], at: dict[int, int], ends: list[int], owner: int, edges: tuple[int, int]
    ) -> bool:
        """Whether a box's first and last line along an axis border on bare pixels."""
        beyond = [[_BARE] * (len(ends) - 1)]
        padded = [*beyond, *cells, *beyond]  # entry i lies before the i-th edge of the cells, i + 1 behind it
        first, last = at[edges[0]], at[edges[1]]
        behind_first, before_last = at[edges[0] + self.outline], at[edges[1] - self.outline]
        pairs = (
            ((padded[first + 1], padded[first]), (padded[behind_first], padded[behind_first + 1])),
            ((padded[last], padded[last + 1]), (padded[before_last + 1], padded[before_last])),
        )
        return all(
            any(
                changes_for_long([one == owner and other == _BARE for one, other in zip(*pair, strict=True)], ends)
                for pair in sides
            )
            for sides in pairs
        )

    @cached_property
    def _weights(self) -> NDArray[np.int_]:
        return np.diff(self.ys)[:, None] * np.diff(self.xs)

    @cached_property
    def _row_at(self) -> dict[int, int]:
        return {edge: at for at, edge in enumerate(self.ys)}

    @cached_property
    def _column_at(self) -> dict[int, int]:
        return {edge: at for at, edge in enumerate(self.xs)}

    @cached_property
    def _by_rows(self) -> list[list[int]]:
        cells: list[list[int]] = self.labels.tolist()
        return cells

    @cached_property
    def _by_columns(self) -> list[list[int]]:
        cells: list[list[int]] = self.labels.T.tolist()
        return cells


def _stretches(edges: Sequence[int], line: int, size: int) -> list[int]:
    """Ends of the stretches, between which nothing that matters changes along an axis.

    edges: where boxes begin and end, by turns.
    """
    inner = [edge - line if at % 2 else edge + line for at, edge in enumerate(edges)]
    return sorted({0, size, *(min(max(edge, 0), size) for edge in (*edges, *inner))})
