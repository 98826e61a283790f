"""Diversity figures against hand calculations."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.paraphrase.diversity import distinct, neighbors, self_bleu

SENTENCES = st.lists(st.lists(st.sampled_from("abcd"), min_size=0, max_size=7), min_size=2, max_size=7)


@pytest.mark.parametrize(
    ("sentences", "order", "expected"),
    [
        ([], 1, 0.0),
        (["a"], 2, 0.0),
        (["a b a b"], 1, 2 / 4),
        (["a b a b"], 2, 2 / 3),  # ab, ba, ab
        (["a b c", "a b d"], 2, 3 / 4),  # ab, bc, ab, bd
    ],
)
def test_distinct_by_hand(sentences, order, expected):
    assert distinct([one.split() for one in sentences], order) == pytest.approx(expected)


def test_self_bleu_by_hand():
    # "abcde" against "abcdf": 4/5 words, 3/4 pairs, 2/3 triples, 1/2 fours match; equal lengths.
    expected = (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4)
    assert self_bleu([list("abcde"), list("abcdf")]) == pytest.approx(expected)


def test_self_bleu_is_short_of_words_and_penalised_by_hand():
    # "a b" against "a x y": 1/2 words, 0.1/1 pairs, and 0.1 of no triples and fours, counted as of one; brevity
    # exp(1 - 3/2). "a x y" against "a b": 1/3 words, 0.1/2 pairs, 0.1/1 triples, 0.1 of no fours; no penalty.
    first = math.exp(1 - 3 / 2) * (1 / 2 * 0.1 * 0.1 * 0.1) ** (1 / 4)
    second = (1 / 3 * 0.1 / 2 * 0.1 * 0.1) ** (1 / 4)
    assert self_bleu([["a", "b"], ["a", "x", "y"]]) == pytest.approx((first + second) / 2)


def test_a_word_counts_as_often_as_one_reference_has_it():
    # "aaba": its 3 a are clipped to the 2 of "aacc", not to the 3 that both references have together.
    texts = [list("aaba"), list("aacc"), list("addd")]
    assert self_bleu(texts) == pytest.approx(_plain_self_bleu(texts))


@pytest.mark.parametrize(("texts", "expected"), [((["a"], ["b"]), 0.0), ((["a", "b", "c", "d"],) * 2, 1.0)])
def test_self_bleu_at_its_ends(texts, expected):
    assert self_bleu(texts) == pytest.approx(expected)


def test_self_bleu_needs_two():
    with pytest.raises(ValueError, match="1 is too few"):
        self_bleu([["a"]])


@given(SENTENCES)
def test_self_bleu_is_the_plain_loop_over_sentences(sentences):
    assert self_bleu(sentences) == pytest.approx(_plain_self_bleu(sentences))


def _plain_self_bleu(sentences):
    """The definition written out, sentence by sentence and reference by reference."""
    scores = []
    for place, sentence in enumerate(sentences):
        references = [other for position, other in enumerate(sentences) if position != place]
        logs = []
        for order in (1, 2, 3, 4):
            grams = Counter(tuple(sentence[i : i + order]) for i in range(len(sentence) - order + 1))
            clipped = 0
            for gram, count in grams.items():
                clipped += min(
                    count, max(sum(tuple(r[i : i + order]) == gram for i in range(len(r))) for r in references)
                )
            if order == 1 and not clipped:
                break
            logs.append(math.log((clipped or 0.1) / max(1, sum(grams.values()))))
        if len(logs) < 4:
            scores.append(0.0)
            continue
        nearest = min((abs(len(r) - len(sentence)), len(r)) for r in references)[1]
        penalty = 1.0 if len(sentence) >= nearest else math.exp(1 - nearest / len(sentence))
        scores.append(penalty * math.exp(sum(logs) / 4))
    return sum(scores) / len(scores)


def test_neighbors_by_hand():
    # {a, b, c, ab, bc} and {a, b, d, ab, bd}: 3 of 7 in common. {x, y, xy} shares nothing.
    found = neighbors([["a", "b", "c"], ["x", "y"], ["a", "b", "d"]])
    assert found.nearest.tolist() == pytest.approx([3 / 7, 0, 3 / 7])
    assert [(one, other) for _, one, other in found.alike] == [(0, 2)]


@given(SENTENCES, st.integers(1, 5))
def test_neighbors_are_the_plain_loop_over_pairs(sentences, pairs):
    sets = [{*s, *pairwise(s)} for s in sentences]
    alike = {
        (i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j]) if sets[i] | sets[j] else 0.0
        for i in range(len(sets))
        for j in range(i + 1, len(sets))
    }
    found = neighbors(sentences, pairs)
    for place in range(len(sets)):
        assert found.nearest[place] == pytest.approx(max(v for pair, v in alike.items() if place in pair))
    best = sorted((value for value in alike.values() if value > 0), reverse=True)[:pairs]
    assert [value for value, _, _ in found.alike] == pytest.approx(best)
    assert all(alike[one, other] == pytest.approx(value) for value, one, other in found.alike)


def test_one_sentence_has_no_neighbor():
    found = neighbors([["a"]])
    assert found.nearest.tolist() == [0.0]
    assert found.alike == []
