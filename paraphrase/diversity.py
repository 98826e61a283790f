"""How different sentences are from each other: distinct-n, self-BLEU, nearest neighbors.

Sentences are lists of words; what a word is, the caller decides.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Words = Sequence[str]

_ORDERS = 4
_EPSILON = 0.1


def distinct(sentences: Iterable[Words], order: int) -> float:
    """Share of n-grams that differ: the number of different ones by the number of all, over all sentences.

    It falls as a corpus grows, so only corpora of one size compare. 0 when there is no n-gram.

    Source: Li et al. 2016, A Diversity-Promoting Objective Function for Neural Conversation Models, section 5.
    """
    grams = [gram for sentence in sentences for gram in _grams(sentence, order)]
    return len(set(grams)) / len(grams) if grams else 0.0


def self_bleu(sentences: Sequence[Words]) -> float:
    """Mean BLEU-4 of each sentence against all the others: 0 where nothing is shared, 1 where each has a twin.

    Brevity penalty against the reference nearest in length, the shorter of two. An order of n-grams without a match
    counts 0.1 matches instead of none (method 1), unless no word matches at all, which gives 0.

    Source: Zhu et al. 2018, Texygen; Papineni et al. 2002, BLEU; smoothing: Chen and Cherry 2014.

    Raises:
        ValueError: fewer than two sentences.
    """
    if len(sentences) < 2:
        raise ValueError(f"self-BLEU compares each sentence with the others; {len(sentences)} is too few")
    precisions = np.array([_precisions(sentences, order) for order in range(1, _ORDERS + 1)])  # (4, N)
    penalties = _brevity_penalties([len(sentence) for sentence in sentences])
    matched, total = precisions[:, :, 0], np.maximum(precisions[:, :, 1], 1)
    smoothed = np.where(matched == 0, _EPSILON, matched) / total
    scores = penalties * np.exp(np.log(smoothed).mean(axis=0))
    return float(np.where(matched[0] == 0, 0.0, scores).mean())


def _precisions(sentences: Sequence[Words], order: int) -> list[tuple[int, int]]:
    """Matched and all n-grams of each sentence; a match counts as often as the reference that has it most often."""
    counts = [Counter(_grams(sentence, order)) for sentence in sentences]
    best: dict[tuple[str, ...], tuple[int, int, int]] = defaultdict(lambda: (0, -1, 0))  # most, whose, second most
    for owner, grams in enumerate(counts):
        for gram, count in grams.items():
            most, whose, second = best[gram]
            best[gram] = (count, owner, most) if count > most else (most, whose, max(second, count))
    found = []
    for owner, grams in enumerate(counts):
        matched = 0
        for gram, count in grams.items():
            most, whose, second = best[gram]
            matched += min(count, second if whose == owner else most)
        found.append((matched, sum(grams.values())))
    return found


def _brevity_penalties(lengths: Sequence[int]) -> NDArray[np.float64]:
    """(N,) penalty of each sentence against the nearest length among the others."""
    have = Counter(lengths)
    penalties = np.ones(len(lengths))
    for place, length in enumerate(lengths):
        others = (other for other, count in have.items() if count > (other == length))
        nearest = min(others, key=lambda other: (abs(other - length), other))
        if length < nearest:
            penalties[place] = math.exp(1 - nearest / length) if length else 0.0
    return penalties


@dataclass(frozen=True)
class Neighbors:
    """How alike sentences are.

    Attributes:
        nearest: (N,) similarity of each to its nearest neighbor, 0 to 1.
        alike: the most alike pairs, (similarity, position, position), most alike first.
    """

    nearest: NDArray[np.float64]
    alike: list[tuple[float, int, int]]


def neighbors(sentences: Sequence[Words], pairs: int = 10) -> Neighbors:
    """Compare each sentence with each other.

    Similarity is the Jaccard index of their words and pairs of adjacent words, so that order counts: 1 for the same
    words in the same order, 0 for no common word. A sentence without others has 0.

    Args:
        sentences: to compare.
        pairs: how many of the most alike pairs to keep.
    """
    features = [{*sentence, *pairwise(sentence)} for sentence in sentences]
    holders: dict[Hashable, list[int]] = defaultdict(list)
    for place, found in enumerate(features):
        for feature in found:
            holders[feature].append(place)
    lists = {feature: np.array(places) for feature, places in holders.items()}
    sizes = np.array([len(found) for found in features])
    nearest = np.zeros(len(features))
    best: list[tuple[float, int, int]] = []
    for place, found in enumerate(features):
        if not found:
            continue
        common = np.bincount(np.concatenate([lists[feature] for feature in found]), minlength=len(features))
        alike = common / (sizes + sizes[place] - common)
        alike[place] = 0.0
        nearest[place] = alike.max()
        after = alike[place + 1 :]
        top = np.argsort(-after, kind="stable")[:pairs].tolist()
        best = heapq.nlargest(pairs, best + [(float(after[one]), -place, -(place + 1 + one)) for one in top])
    return Neighbors(nearest, [(value, -first, -second) for value, first, second in best if value > 0])


def _grams(sentence: Words, order: int) -> Iterable[tuple[str, ...]]:
    return zip(*(sentence[start:] for start in range(order)), strict=False)
