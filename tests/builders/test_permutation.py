"""The memoryless shuffle: every item once, the same everywhere and for ever."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.builders.permutation import Permutation, hash_text, scramble


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 4096, 4097])
def test_every_item_comes_exactly_once(size):
    found = Permutation(size, "seed")(np.arange(size))
    assert found.dtype == np.int64
    assert sorted(found.tolist()) == list(range(size))


@given(st.integers(1, 3000), st.text(max_size=8))
def test_every_item_comes_exactly_once_whatever_the_seed(size, seed):
    assert sorted(Permutation(size, seed)(np.arange(size)).tolist()) == list(range(size))


@given(st.integers(1, 2**40), st.lists(st.integers(0, 2**40), min_size=2, max_size=20, unique=True))
def test_a_large_one_maps_different_positions_to_different_items(size, positions):
    inside = np.array(sorted({position % size for position in positions}), np.int64)
    found = Permutation(size, "x")(inside)
    assert ((found >= 0) & (found < size)).all()
    assert len(set(found.tolist())) == len(inside)


def test_positions_may_be_asked_for_one_by_one():
    shuffle = Permutation(1000, "seed")
    together = shuffle(np.arange(1000))
    assert [int(shuffle(np.array([place]))[0]) for place in range(0, 1000, 37)] == together[::37].tolist()
    assert shuffle(np.zeros(0, np.int64)).tolist() == []


def test_positions_are_not_changed_in_place():
    positions = np.arange(10)
    Permutation(10, "seed")(positions)
    assert positions.tolist() == list(range(10))


def test_pinned_order():
    """Computed once with this code; a changed order would change the bytes of every dataset."""
    assert Permutation(10, "0|order|train")(np.arange(10)).tolist() == [8, 7, 2, 3, 5, 6, 9, 0, 1, 4]
    assert Permutation(10**6, "7|order|test")(np.arange(4)).tolist() == [671212, 173300, 68321, 544197]


def test_different_seeds_give_different_orders():
    orders = {tuple(Permutation(50, str(seed))(np.arange(50)).tolist()) for seed in range(20)}
    assert len(orders) == 20


def test_the_order_looks_random():
    """Of 10,000 items about one stays in place, half of the neighbours go up, and no stretch stays together."""
    found = Permutation(10_000, "seed")(np.arange(10_000))
    assert (found == np.arange(10_000)).sum() <= 8
    assert 4800 <= (np.diff(found) > 0).sum() <= 5200
    assert (np.abs(np.diff(found)) == 1).sum() <= 12
    # of 100 stretches of 100, each holds about 50 from the lower half (standard deviation 5)
    lower = (found.reshape(100, 100) < 5000).sum(axis=1)
    assert 25 <= lower.min() <= lower.max() <= 75


def test_scramble_is_splitmix64():
    """First outputs of splitmix64 with seed 0, from the reference implementation (Vigna)."""
    states = (np.arange(1, 4, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    assert [hex(value) for value in scramble(states).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_hash_text_is_the_same_everywhere():
    """BLAKE2b with 8 bytes of output, little-endian."""
    for text in ("", "coco/000000000139", "Müller"):
        expected = hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest()
        assert hash_text(text).to_bytes(8, "little").hex() == expected
