"""Where a mark stands for an object: pixels as stretches down the columns, as run lengths have them, never painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Geometry, GridAxis
from ..masks import regions
from ..masks.regions import Rle
from ..masks.run_lengths import read_counts
from .discs import Point

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Pixels of a picture, numbered down its columns: the one in row y of column x is x * height + y.

    Attributes:
        starts, stops: (N,) the first pixel of each stretch and the one after its last; ascending, none empty.
        height: of the picture.
    """

    starts: Integers
    stops: Integers
    height: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int((self.stops - self.starts).sum())

    def middle(self) -> Point:
        """Mean x and y of the pixels, at least one, to hundredths."""
        pixels = self.area
        columns = int((_columns_before(self.stops, self.height) - _columns_before(self.starts, self.height)).sum())
        places = int((self.stops * (self.stops - 1) - self.starts * (self.starts - 1)).sum()) // 2
        return round(columns / pixels, 2), round((places - columns * self.height) / pixels, 2)

    def holds(self, point: Point) -> bool:
        """Whether the pixel nearest to a point in the picture is one of these."""
        place = round(point[0]) * self.height + round(point[1])
        at = int(np.searchsorted(self.starts, place, side="right")) - 1
        return at >= 0 and place < self.stops[at]

    def deepest(self) -> Point:
        """The pixel, of at least one, that lies farthest from all that are none of these, the picture's edges too."""
        first, last = int(self.starts[0]) // self.height, int(self.stops[-1] - 1) // self.height
        edges = np.stack([self.starts, self.stops], axis=1).ravel() - first * self.height
        lengths = np.diff(edges, prepend=0, append=(last + 1 - first) * self.height)
        values = np.zeros(len(lengths), np.uint8)
        values[1::2] = 1
        mask = cv2.transpose(np.repeat(values, lengths).reshape(-1, self.height))
        _, top, _, height = cv2.boundingRect(mask)
        distance = cv2.distanceTransform(np.pad(mask[top : top + height], 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = divmod(int(distance.argmax()), mask.shape[1])
        return float(first + x), float(top + y)


def shown_pixels(rles: Sequence[Rle], geometry: Geometry) -> list[Stretches]:
    """Masks of the source at output size; the pixels of `geometry.labels`.

    Args:
        rles: at least one, all of the source's size.
        geometry: how the source is shown.

    Raises:
        ValueError: the run lengths do not hold.
    """
    grid = None
    if not geometry.is_native and (grid := geometry.grid()) is None:
        rles = [regions.encode(geometry.labels(regions.decode(rle))) for rle in rles]
    height, width = rles[0]["size"]
    bounds = [np.cumsum(read_counts(rle["counts"])) for rle in rles]
    if grid is None:
        return [_not_empty(ends[:-1:2], ends[1::2], height) for ends in bounds]
    for number, ends in enumerate(bounds):  # as if the pictures lay side by side
        ends += number * width * height
    starts, stops = np.concatenate([e[:-1:2] for e in bounds]), np.concatenate([e[1::2] for e in bounds])
    return _moved(*_within_columns(starts, stops, height), (width, height), grid, geometry.size_wh, len(rles))


def _not_empty(starts: Integers, stops: Integers, height: int) -> Stretches:
    filled = starts < stops
    return Stretches(starts[filled], stops[filled], height)


def _moved(
    starts: Integers,
    stops: Integers,
    source_wh: tuple[int, int],
    grid: tuple[GridAxis, GridAxis],
    size_wh: tuple[int, int],
    count: int,
) -> list[Stretches]:
    """So many pictures that lie side by side, each at output size.

    starts, stops: of stretches that end with their columns, some empty.
    """
    (left, across), (top, down) = grid
    sources = starts // source_wh[1]
    numbers, columns = np.divmod(sources, source_wh[0])
    base = sources * source_wh[1]
    high, low = np.searchsorted(down, np.stack([starts - base, stops - base]))
    first, last = (np.searchsorted(across, columns, side) for side in ("left", "right"))
    seen = np.flatnonzero((high < low) & (first < last))
    copies = (last - first)[seen]  # a source column may be shown by several, or none
    base = (numbers[seen] * size_wh[0] + left + first[seen] + copies - np.cumsum(copies)) * size_wh[1] + top
    order = np.repeat(np.arange(len(seen)), copies)
    shifted = base[order] + np.arange(len(order)) * size_wh[1]
    starts, stops = shifted + high[seen][order], shifted + low[seen][order]
    if len(order) > len(seen):
        starts, stops = np.sort(starts), np.sort(stops)
    picture = size_wh[0] * size_wh[1]
    ends = np.searchsorted(starts, np.arange(count + 1) * picture)
    return [
        Stretches(starts[begin:end] - number * picture, stops[begin:end] - number * picture, size_wh[1])
        for number, (begin, end) in enumerate(pairwise(ends.tolist()))
    ]


def own_pixels(objects: Sequence[Stretches]) -> list[Stretches]:
    """For each object of a picture the pixels that no other has; where there are none of them, all it has."""
    if len(objects) == 1:
        return list(objects)
    sizes = [len(one.starts) for one in objects]
    numbers = np.repeat(np.arange(len(objects)), sizes)
    places = np.concatenate([one.starts for one in objects] + [one.stops for one in objects])
    order = np.argsort(places, kind="stable")
    places, ends = places[order], order >= len(numbers)
    layers = np.cumsum(np.where(ends, -1, 1))
    owners = np.cumsum(np.where(ends, -1, 1) * np.tile(numbers, 2)[order])  # where there is one layer, its owner
    single = np.flatnonzero((layers[:-1] == 1) & (places[:-1] < places[1:]))
    starts, stops, owners = places[single], places[single + 1], owners[single]
    found = []
    for number, one in enumerate(objects):
        mine = owners == number
        found.append(Stretches(starts[mine], stops[mine], one.height) if mine.any() else one)
    return found


def _within_columns(starts: Integers, stops: Integers, height: int) -> tuple[Integers, Integers]:
    """The same pixels in stretches that end with their column."""
    columns = np.arange(1, int(stops[-1]) // height + 1 if len(stops) else 1) * height
    cut = columns[np.searchsorted(starts, columns) > np.searchsorted(stops, columns, side="right")]
    return np.sort(np.concatenate([starts, cut])), np.sort(np.concatenate([stops, cut]))


def _columns_before(places: Integers, height: int) -> Integers:
    """The sum of the column numbers of all pixels before each place."""
    columns, rows = np.divmod(places, height)
    return height * (columns * (columns - 1) // 2) + columns * rows
