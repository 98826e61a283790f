"""Maps of one number a pixel, read run by run: a picture of regions has many times fewer runs than pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

_TO_FOUR: Final = {  # red first, red lowest
    (True, True): cv2.COLOR_RGB2RGBA,
    (True, False): cv2.COLOR_RGB2BGRA,
    (False, True): cv2.COLOR_BGR2RGBA,
    (False, False): cv2.COLOR_BGR2BGRA,
}
_OPAQUE: Final = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of equal numbers of a map, in reading order; a run may go on in the next row.

    Attributes:
        numbers: (N,) of each run.
        lengths: (N,) int64 pixels.
        shape: of the map.
    """

    numbers: NDArray[Any]
    lengths: NDArray[np.int64]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Runs:
        """Of a (H, W) map."""
        flat = values.ravel()
        if not flat.size:
            return cls(flat, np.zeros(0, np.int64), values.shape)
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        return cls(flat[starts], np.diff(starts, append=flat.size), values.shape)

    def counts(self) -> dict[int, int]:
        """Pixels of every number that occurs, ascending."""
        if self.numbers.dtype.kind == "u" and self.numbers.itemsize <= 2:  # few enough to count without sorting
            every = np.bincount(self.numbers, self.lengths).astype(np.int64)
            numbers = np.flatnonzero(every)
            pixels = every[numbers]
        else:
            numbers, places = np.unique(self.numbers, return_inverse=True)
            pixels = np.bincount(places, self.lengths).astype(np.int64)
        return dict(zip(numbers.tolist(), pixels.tolist(), strict=True))

    def with_numbers(self, numbers: NDArray[Any]) -> Runs:
        """The same map with other numbers, (N,), one for each run; neighbours may become equal."""
        return Runs(numbers, self.lengths, self.shape)

    def cut_at_rows(self) -> Runs:
        """The same map in runs that end with their row."""
        if not self.lengths.size:
            return self
        ends = np.cumsum(self.lengths)
        cuts = _merged(ends, np.arange(1, self.shape[0] + 1) * self.shape[1])
        return Runs(self.numbers[np.searchsorted(ends, cuts)], np.diff(cuts, prepend=0), self.shape)

    def renumbered(self, numbers: NDArray[Any]) -> Runs:
        """As `with_numbers`; neighbours that become equal are joined."""
        if not len(numbers):
            return Runs(numbers, self.lengths, self.shape)
        firsts = np.concatenate([np.zeros(1, np.intp), np.flatnonzero(numbers[1:] != numbers[:-1]) + 1])
        return Runs(numbers[firsts], np.add.reduceat(self.lengths, firsts), self.shape)

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """A map of the same shape that has, in every pixel, its run's entry of `values`, (N,)."""
        return np.repeat(values, self.lengths).reshape(self.shape)


def pixels_shared(first: Runs, second: Runs, kinds: tuple[int, int]) -> NDArray[np.int64]:
    """Pixels that each number of one map has in common with each number of another map of the same size.

    Args:
        first, second: numbers from 0 up to `kinds`.

    Returns:
        (kinds[0], kinds[1]) int64.
    """
    ends = [np.cumsum(runs.lengths) for runs in (first, second)]
    stops = _merged(*ends)
    places = [np.searchsorted(edge, stops) for edge in ends]  # a piece ends with or before the runs that it lies in
    codes = first.numbers[places[0]].astype(np.int64) * kinds[1] + second.numbers[places[1]]
    shared = np.bincount(codes, np.diff(stops, prepend=0), kinds[0] * kinds[1])
    return shared.astype(np.int64).reshape(kinds)


def region_of_each(runs: Runs) -> NDArray[np.intp]:
    """The connected regions of equal numbers, where sides touch.

    Args:
        runs: that end with their row, see `Runs.cut_at_rows`; neighbours in a row differ.

    Returns:
        (N,) the first run, in reading order, of the region of each run.
    """
    height, width = runs.shape
    ends = np.cumsum(runs.lengths)
    second, last = (int(np.searchsorted(ends, row * width, "right")) for row in (1, height - 1))
    above, below = ends[:last], ends[second:] - width
    stops = _merged(above, below)
    upper, lower = np.searchsorted(above, stops), np.searchsorted(below, stops) + second
    same = runs.numbers[upper] == runs.numbers[lower]
    return first_of_each(len(ends), upper[same], lower[same])


def first_of_each(count: int, upper: NDArray[np.intp], lower: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first of those that each of so many things is joined to, directly or not.

    The later of two is hung to the earlier, and each to the first of those it hangs from, until nothing changes.

    Args:
        count: of things.
        upper, lower: pairs of things that are joined.
    """
    owners = np.arange(count)
    while len(upper):
        first, other = owners[upper], owners[lower]
        apart = first != other
        upper, lower, first, other = upper[apart], lower[apart], first[apart], other[apart]
        np.minimum.at(owners, np.maximum(first, other), np.minimum(first, other))
        while not np.array_equal(farther := owners[owners], owners):
            owners = farther
    return owners


def _merged(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every number of two ascending rows of numbers, ascending, once."""
    both = np.sort(np.concatenate([first, second]), kind="stable")  # merges, which is all that is left to do
    return both[np.flatnonzero(np.diff(both, prepend=both[:1] - 1))]


def counts_in(values: NDArray[np.integer]) -> dict[int, int]:
    """Pixels of every number that a (H, W) map holds, ascending."""
    return Runs.of(values).counts()


def packed(
    picture: NDArray[np.uint8], low: Literal["red", "blue"] = "blue", order: Literal["RGB", "BGR"] = "RGB"
) -> NDArray[np.int32]:
    """(H, W) int32: the `low` channel of a (H, W, 3) picture, plus 256 times green, plus 65536 times the other.

    Args:
        picture: its channels are red, green and blue, or the other way round, as `order` says.
    """
    four = cv2.cvtColor(picture, _TO_FOUR[order == "RGB", low == "red"])  # many times quicker than sums
    numbers: NDArray[np.int32] = four.view("<i4")[:, :, 0] & np.int32(_OPAQUE)
    return numbers


def packed_runs(
    picture: NDArray[np.uint8], low: Literal["red", "blue"] = "blue", order: Literal["RGB", "BGR"] = "RGB"
) -> Runs:
    """The runs of `packed`, which is not made."""
    four = cv2.cvtColor(picture, _TO_FOUR[order == "RGB", low == "red"])
    runs = Runs.of(four.view("<i4")[:, :, 0])
    return Runs(runs.numbers & np.int32(_OPAQUE), runs.lengths, runs.shape)
