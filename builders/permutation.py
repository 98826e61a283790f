"""A shuffle that needs no memory: any position of the shuffled order can be asked for by itself."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 6


class Permutation:
    """A seeded permutation of range(size): a Feistel network over the next power of four, walked until inside.

    Source: Black and Rogaway, Ciphers with Arbitrary Finite Domains (2002), cycle walking.
    """

    def __init__(self, size: int, seed: str) -> None:
        self.size = size
        self._half_bits = max(1, ((max(size, 2) - 1).bit_length() + 1) // 2)
        digest = hashlib.blake2b(seed.encode(), digest_size=8 * _ROUNDS).digest()
        self._keys = np.frombuffer(digest, "<u8")

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The items at these positions of the shuffled order; positions: (N,) in [0, size)."""
        values = self._mix(positions.astype(np.uint64))
        while (outside := values >= self.size).any():
            values[outside] = self._mix(values[outside])
        return values.astype(np.int64)

    def _mix(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        bits = np.uint64(self._half_bits)
        mask = np.uint64((1 << self._half_bits) - 1)
        left, right = values >> bits, values & mask
        for key in self._keys:
            left, right = right, left ^ (scramble(right ^ key) & mask)
        return (left << bits) | right


def scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's finaliser: a good 64-bit hash of 64 bits (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hash_text(text: str) -> int:
    """64-bit hash of a text, the same everywhere."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
