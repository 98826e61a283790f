"""COCO's compressed run lengths as numbers, with numpy: quicker than pycocotools' way to pixels, and it checks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST = 48
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


def paint_runs(runs: NDArray[np.int64], height: int, width: int) -> NDArray[np.uint8]:
    """(W, H) uint8 of 0 and 1: the mask, transposed, since runs go down the columns.

    Raises:
        ValueError: the runs do not cover the image.
    """
    if (total := int(runs.sum())) != height * width:
        raise ValueError(f"run lengths cover {total} pixels, the image has {height * width}")
    values = np.zeros(len(runs), np.uint8)
    values[1::2] = 1
    return np.repeat(values, runs).reshape(width, height)
