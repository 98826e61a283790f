"""Near-duplicates, against a plain comparison of all pairs."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.paraphrase.checks.duplicates import NearDuplicates, words_of


def _fault(known, text):
    index = NearDuplicates()
    index.add(known)
    return index.fault(text)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("Paint {object} {color}.", "paint {object}, {color}!"),
        ("Make a grayscale map.", "make a gray scale map"),
        # 9 words, one changed: 8 of 10 words (0.8) and 6 of 10 pairs (0.6) agree.
        ("a b c d e f g h i", "a b c d e f g h x"),
        # The same words in another order: 1.0.
        ("Please paint {object} {color}.", "Paint {object} {color}, please."),
        ("把{object}涂成{color}，其余部分保持不变", "把{object}涂成{color}，其余部分保持不变吧"),
    ],
)
def test_alike(known, text):
    assert known in (_fault(known, text) or "")


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("Paint {object} {color}.", "Color {object} {color}."),
        ("Paint {object} {color}.", "Could you paint {object} {color}?"),
        ("Paint {first} and {second}.", "Paint {second} or {color}."),
        # 8 words, one changed: 7 of 9 is below 0.8.
        ("a b c d e f g h", "a b c d e f g x"),
    ],
)
def test_not_alike(known, text):
    assert _fault(known, text) is None


def test_slots_keep_their_names():
    assert words_of("Paint {object}: {yes_no}!") == ["paint", "_object_", "_yes_no_"]


def _plainly_alike(one, other):
    if "".join(one) == "".join(other):
        return True
    words, others = set(one), set(other)
    shared = len(words & others) / len(words | others)
    pairs, other_pairs = set(pairwise(one)), set(pairwise(other))
    all_pairs = pairs | other_pairs
    near = len(pairs & other_pairs) / len(all_pairs) if all_pairs else 1.0
    return shared >= 0.9 or (shared >= 0.8 and near >= 0.5)


@given(st.integers(0, 10_000))
def test_the_index_finds_what_a_comparison_of_all_pairs_finds(seed):
    draw = random.Random(seed)
    texts = [[draw.choice("abcdefghijkl") * 2 for _ in range(draw.randint(1, 12))] for _ in range(25)]
    index = NearDuplicates()
    known = []
    for words in texts:
        found = index.fault(" ".join(words)) is not None
        assert found == any(_plainly_alike(words, other) for other in known)
        index.add(" ".join(words))
        known.append(words)
