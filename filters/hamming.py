"""Near pairs among 64-bit hashes by Hamming distance, exact, without comparing all with all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import UsageError

MOST_DISTANCE: Final = 16
"""Bits of 64; two hashes that have nothing in common differ in 32, give or take 4."""

_BITS = 64
_ODD: Final = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
"""Any odd numbers of mixed bits do: a bucket that two keys share by chance costs a comparison, never a result."""


def near_pairs(hashes: NDArray[np.uint64], distance: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """All pairs of one group that lie within a Hamming distance of each other.

    By the pigeonhole principle: of d + k bands of bits, two hashes that differ in at most d bits share at least k.
    Each choice of k bands is a table whose buckets alone are compared (Manku, Jain and Das Sarma, WWW 2007).

    Args:
        hashes: (n,) uint64, or (n, 2) for two hashes of one thing, both of which have to be near. Distinct hashes are
            what it is quick for: many equal ones make as many pairs as they have.
        distance: bits that may differ, 0 to `MOST_DISTANCE`.
        groups: (n,) int64; all are one group without it.

    Returns:
        (p, 2) int64: i < j, each pair once, in rising order.

    Raises:
        UsageError: the distance is out of range.
    """
    check_distance(distance)
    words = hashes[:, None] if hashes.ndim == 1 else hashes
    labels = np.zeros(len(hashes), np.int64) if groups is None else groups
    found = [np.empty(0, np.int64)]
    for masks in _tables(len(words), words.shape[1], distance):
        for first, second in _bucket_mates(_keys(words, masks, labels)):
            near = labels[first] == labels[second]
            for word in words.T:
                near &= np.bitwise_count(word[first] ^ word[second]) <= distance
            low, high = np.minimum(first[near], second[near]), np.maximum(first[near], second[near])
            found.append(low * len(words) + high)
    pairs = np.unique(np.concatenate(found))
    return np.stack(np.divmod(pairs, max(len(words), 1)), axis=1)


def check_distance(distance: int) -> None:
    """Refuse a distance that is none.

    Raises:
        UsageError: out of 0 to `MOST_DISTANCE`.
    """
    if not 0 <= distance <= MOST_DISTANCE:
        raise UsageError(f"distance of hashes is {distance}; give 0 to {MOST_DISTANCE} of their {_BITS} bits")


def _tables(count: int, words: int, distance: int) -> Iterator[NDArray[np.uint64]]:
    """The bits that each table looks at: (words,) uint64 masks."""
    kept = 1
    # A bucket should hold a handful; a second word makes keys long enough by itself.
    while words == 1 and _BITS * kept / (distance + kept) < math.log2(max(count, 2)) - 3:
        kept += 1
    bands = [_band(position, distance + kept) for position in range(distance + kept)]
    choices = [sum(chosen) for chosen in itertools.combinations(bands, kept)]
    for masks in itertools.product(choices, repeat=words):
        yield np.array(masks, np.uint64)


def _band(position: int, bands: int) -> int:
    """Every so many-th bit: neighbouring bits of a perceptual hash go together, so bands take them from all over."""
    return sum(1 << bit for bit in range(position, _BITS, bands))


def _keys(words: NDArray[np.uint64], masks: NDArray[np.uint64], groups: NDArray[np.int64]) -> NDArray[np.uint64]:
    keys = groups.astype(np.uint64) * _ODD[-1]
    for word, mask, odd in zip(words.T, masks, _ODD, strict=False):
        keys += (word & mask) * odd
    return keys


def _bucket_mates(keys: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of equal keys, in runs of one distance within the sorted keys."""
    order = np.argsort(keys)
    keys = keys[order]
    here = np.arange(len(keys))
    for step in range(1, len(keys)):
        here = here[here + step < len(keys)]
        here = here[keys[here] == keys[here + step]]
        if not len(here):
            return
        yield order[here], order[here + step]
