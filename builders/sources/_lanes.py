"""What the sources of lane lines share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ...manifests.errors import BadItem
from ..reading.coco_values import are_finite
from ..sample import Polyline

_FARTHEST_PX = 100_000


def checked_lane(points: Sequence[tuple[float, float]]) -> Polyline | None:
    """A lane line from top to bottom, or None when it has fewer than two points.

    Args:
        points: x and y, pixel centres, from top to bottom or from bottom to top.

    Raises:
        BadItem: a coordinate that no picture has, or a line that goes up and down.
    """
    numbers = [number for point in points for number in point]
    if not are_finite(numbers) or max(map(abs, numbers), default=0) > _FARTHEST_PX:
        raise BadItem("a lane has a point that is no finite number of pixels")
    if len(points) < 2:
        return None
    ordered = list(points) if points[0][1] < points[-1][1] else list(points)[::-1]
    if any(second[1] <= first[1] for first, second in pairwise(ordered)):
        raise BadItem("a lane does not run steadily from top to bottom")
    return tuple((float(x), float(y)) for x, y in ordered)
