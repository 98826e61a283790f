"""Many marks in one picture: which of them can be drawn so that all can be read back, and how well they were."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..sample import Joint
from ..view import View
from .disc_edges import readable_in_turn
from .discs import MarkShape, Point
from .matching import assign_within


def shown_point(view: View, joint: Joint) -> Point | None:
    """Where a joint is in the output, to hundredths of a pixel; None when it is not annotated or not shown."""
    if joint.visibility == 0:
        return None
    x, y = (round(value, 2) for value in view.geometry.point(joint.x, joint.y))
    left, top = view.geometry.offset_xy
    width, height = view.geometry.resized_wh
    inside = left - 0.5 <= x < left + width - 0.5 and top - 0.5 <= y < top + height - 0.5
    return (x, y) if inside else None


def readable_ones(
    points: Sequence[Point], owners: Sequence[int], shape: MarkShape, size_wh: tuple[int, int]
) -> list[int]:
    """Positions of the marks to draw: each, in order, that can be told from all before it and leaves them readable.

    Args:
        points: x and y of each mark, in the order of drawing.
        owners: which colour each has.
        shape: of all marks.
        size_wh: of the picture, pixels.
    """
    if not points:
        return []
    return readable_in_turn(np.array(points, float), owners, (shape.outer, shape.inner), size_wh)


def match_marks(
    found: Sequence[Sequence[float]], true: Sequence[Sequence[float]], reach: float
) -> tuple[list[float], int, int]:
    """Pair marks of one colour that lie at most `reach` pixels apart.

    Returns:
        The distances of the pairs, pixels; how many true marks are missed, and how many found ones are extra.
    """
    costs = np.array([[math.dist(a, b) for b in true] for a in found], float).reshape(len(found), len(true))
    pairs = assign_within(costs, reach)
    return [float(costs[pair]) for pair in pairs], len(true) - len(pairs), len(found) - len(pairs)
