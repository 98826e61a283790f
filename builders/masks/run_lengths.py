"""COCO's compressed run lengths as numbers and back, with numpy: checked, and for all regions of a map at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..number_maps import Runs

_FIRST = 48
_DIGIT_BITS = 5
_MOST_DIGITS = 7


def read_counts(counts: bytes) -> NDArray[np.int64]:
    """The runs that a compressed string stands for: background first, then by turns.

    A number is written in digits of five bits, the lowest first, each as the character 48 + digit; 32 is added to all
    digits but the last, in which 16 is the sign. From the fourth on, a number is the difference to the run two before.

    Source: rleFrString in maskApi.c of the COCO API.

    Raises:
        ValueError: the string does not hold; says why.
    """
    digits = np.frombuffer(counts, np.uint8) - np.uint8(_FIRST)  # what lies below 48 wraps to above 200
    if not len(digits) or digits.max() > 63:
        raise ValueError("compressed run lengths hold a foreign character, or none")
    lasts = np.flatnonzero(digits < 32)
    if not len(lasts) or lasts[-1] != len(digits) - 1:
        raise ValueError("compressed run lengths end inside a number")
    firsts = np.concatenate([np.zeros(1, np.int64), lasts[:-1] + 1])
    lengths = lasts - firsts + 1
    if lengths.max() > _MOST_DIGITS:
        raise ValueError("compressed run lengths hold a number that is too long")
    places = np.arange(len(digits)) - np.repeat(firsts, lengths)
    runs = np.add.reduceat((digits & 31).astype(np.int64) << (5 * places), firsts)
    runs -= (digits[lasts] >> 4).astype(np.int64) << (5 * lengths)
    for chain in (runs[1::2], runs[2::2]):
        np.cumsum(chain, out=chain)
    if runs.min() < 0:
        raise ValueError("a run length is negative")
    return runs


def check_cover(runs: NDArray[np.int64], height: int, width: int) -> None:
    """Refuse runs that are not for an image of this size.

    Raises:
        ValueError: the runs do not cover the image.
    """
    if (total := int(runs.sum())) != height * width:
        raise ValueError(f"run lengths cover {total} pixels, the image has {height * width}")


def paint_runs(runs: NDArray[np.int64], height: int, width: int) -> NDArray[np.uint8]:
    """(W, H) uint8 of 0 and 1: the mask, transposed, since runs go down the columns.

    Raises:
        ValueError: the runs do not cover the image.
    """
    check_cover(runs, height, width)
    values = np.zeros(len(runs), np.uint8)
    values[1::2] = 1
    return np.repeat(values, runs).reshape(width, height)


def columns_of(counts: bytes, height: int, width: int) -> tuple[int, NDArray[np.uint8]]:
    """The part of a mask that has pixels.

    Returns:
        The first column with a pixel; and (columns, height) uint8 of 0 and 1, all columns from there to the last with
        a pixel, none of an empty mask.

    Raises:
        ValueError: the string does not hold, or is not for an image of this size.
    """
    runs = read_counts(counts)
    check_cover(runs, height, width)
    filled = np.flatnonzero(runs[1::2])
    if not len(filled):
        return 0, np.zeros((0, height), np.uint8)
    begin, end = 2 * filled[0] + 1, 2 * filled[-1] + 2
    start, size = int(runs[:begin].sum()), int(runs[begin:end].sum())
    first, last = start // height, (start + size - 1) // height
    lengths = np.empty(end - begin + 2, np.int64)
    lengths[0], lengths[-1] = start - first * height, (last + 1) * height - start - size
    lengths[1:-1] = runs[begin:end]
    return first, paint_runs(lengths, height, last + 1 - first)


def counts_of_each(runs: Runs, regions: int) -> list[bytes]:
    """The compressed strings of all regions of a map, what `pycocotools.mask.encode` gives for the mask of each.

    Args:
        runs: of the transposed map, that is down its columns; 0 belongs to none, i + 1 to the i-th region.
        regions: how many there are; one may have no pixel.
    """
    total = int(runs.lengths.sum())
    ends = np.cumsum(runs.lengths)
    kept = np.flatnonzero(runs.numbers)
    kept = kept[np.argsort(runs.numbers[kept], kind="stable")]
    owners, starts, ends = runs.numbers[kept].astype(np.intp) - 1, ends[kept] - runs.lengths[kept], ends[kept]
    many = np.bincount(owners, minlength=regions)
    firsts = np.cumsum(many) - many
    befores = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    befores[firsts[many > 0]] = 0
    last_ends = np.where(many > 0, ends[firsts + many - 1] if len(ends) else 0, 0)
    sizes = 2 * many + (last_ends < total)  # background and region by turns, then the rest of the background
    stops = np.cumsum(sizes)
    numbers = np.empty(int(stops[-1]) if regions else 0, np.int64)
    place = (stops - sizes)[owners] + 2 * (np.arange(len(owners)) - firsts[owners])
    numbers[place], numbers[place + 1] = starts - befores, ends - starts
    rest = last_ends < total
    numbers[stops[rest] - 1] = total - last_ends[rest]
    return _written(numbers, stops - sizes, stops)


def _written(numbers: NDArray[np.int64], firsts: NDArray[np.int64], stops: NDArray[np.int64]) -> list[bytes]:
    """Strings of several rows of counts that stand one after another, as `read_counts` reads them.

    Source: rleToString in maskApi.c of the COCO API.
    """
    at = np.arange(len(numbers)) - np.repeat(firsts, stops - firsts)
    later = np.flatnonzero(at > 2)
    stored = numbers.copy()
    stored[later] -= numbers[later - 2]
    size = np.where(stored < 0, ~stored, stored)  # 5 bits a digit, the highest for the sign
    digits = np.ones(len(stored), np.int64)
    for more in range(1, _MOST_DIGITS):
        digits += size >= 1 << (_DIGIT_BITS * more - 1)
    ends = np.cumsum(digits)
    text = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    for digit in range(int(digits.max(initial=0))):
        those = np.flatnonzero(digits > digit)
        value = (stored[those] >> (_DIGIT_BITS * digit)) & 31 | np.where(digits[those] > digit + 1, 32, 0)
        text[(ends - digits)[those] + digit] = value + _FIRST
    bounds = np.concatenate([np.zeros(1, np.int64), ends])
    return [text[bounds[first] : bounds[stop]].tobytes() for first, stop in zip(firsts, stops, strict=True)]
