"""Counting, for every row, the other photographs that look like its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Twins:
    """Of each of n rows, all (n,) float64.

    Attributes:
        same_split: other photographs in the row's split that have a near-equal picture.
        other_splits: photographs, its own too, in other splits that have one.
        leak: 1 where one of these splits comes after the row's, else 0.
    """

    same_split: NDArray[np.float64]
    other_splits: NDArray[np.float64]
    leak: NDArray[np.float64]


def count_twins(items: Integers, pairs: Integers, splits: Integers, photographs: Integers) -> Twins:
    """Count photographs with near-equal pictures, each once, however many rows it has.

    Args:
        items: (n,) which distinct picture, from 0, each row has.
        pairs: (p, 2) near-equal distinct pictures, each pair once.
        splits: (n,) number of each row's split.
        photographs: (n,) number of each row's photograph.
    """
    if not len(items):
        empty = np.zeros(0)
        return Twins(empty, empty, empty)
    split_count, photograph_count = int(splits.max()) + 1, int(photographs.max()) + 1
    # Where each distinct picture occurs: once for every split and photograph, sorted by picture.
    places = np.unique((items * split_count + splits) * photograph_count + photographs)
    first, second = _with_neighbours(items, pairs)
    owners, seen = _expand(first, second, places // (split_count * photograph_count))
    near = np.unique(owners * (split_count * photograph_count) + places[seen] % (split_count * photograph_count))
    # `near` now says, for each picture, in which splits and photographs it or a near-equal one occurs.
    per_split = np.bincount(near // photograph_count, minlength=(int(items.max()) + 1) * split_count)
    table = per_split.reshape(-1, split_count)
    own = table[items, splits]
    last = split_count - 1 - np.argmax(table[:, ::-1] > 0, axis=1)
    return Twins(
        same_split=(own - 1).astype(np.float64),  # its own photograph is among them
        other_splits=(table.sum(1)[items] - own).astype(np.float64),
        leak=(last[items] > splits).astype(np.float64),
    )


def _with_neighbours(items: Integers, pairs: Integers) -> tuple[Integers, Integers]:
    """All (picture, near-equal picture), both ways, and every picture with itself."""
    itself = np.unique(items)
    first = np.concatenate([itself, pairs[:, 0], pairs[:, 1]])
    second = np.concatenate([itself, pairs[:, 1], pairs[:, 0]])
    return first, second


def _expand(first: Integers, second: Integers, pictures: Integers) -> tuple[Integers, Integers]:
    """Join pairs with the sorted places of their second picture: (first, index of a place) for each match."""
    starts = np.searchsorted(pictures, second, side="left")
    counts = np.searchsorted(pictures, second, side="right") - starts
    owners = np.repeat(first, counts)
    offsets = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owners, np.repeat(starts, counts) + offsets
