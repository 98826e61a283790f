"""Near-duplicates: normalised texts whose words and word pairs are almost the same."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

WORDS_ALIKE = Fraction(4, 5)
"""Share of common words (Jaccard) from which two texts may be near-duplicates.

One word changed in a sentence of n gives (n - 1) / (n + 1): 0.8 is reached from 9 words on. In short sentences one
word is all the difference there can be ("Paint {object} {color}." and "Color {object} {color}.": 0.5).
"""
PAIRS_ALIKE = Fraction(1, 2)
"""Share of common pairs of neighbors that is asked for besides: the same words in another order are another sentence,
unless the words agree to `WORDS_SAME`."""
WORDS_SAME = Fraction(9, 10)

_WORD = re.compile(r"_?\w+_?(?:['’]\w+)?")
_UNSPACED = re.compile("[\u2e80-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


@dataclass(frozen=True, slots=True)
class _Text:
    """A text and its words, which are one object each however many texts have them."""

    text: str
    words: frozenset[str]


class NearDuplicates:
    """Texts known so far, found by similarity.

    Prefix filtering (Chaudhuri et al. 2006): in one fixed order of all words, two sets with a Jaccard index of at
    least t share a word among the first |s| - ceil(t |s|) + 1 of each. Words seen late stand first, for these are
    rare, so that a look-up compares with few texts.
    """

    def __init__(self) -> None:
        self._ranks: dict[str, int] = {}
        self._by_word: dict[str, list[_Text]] = {}
        self._exact: dict[str, str] = {}

    def fault(self, text: str) -> str | None:
        """Why the text is too much like one that is known, or None."""
        known = self._exact.get(_joined(text))
        if known is not None:
            return f"It is the same as {known!r} but for case, punctuation or spaces."
        one = _split(text)
        seen: set[int] = set()
        for word in self._prefix(one.words):
            for other in self._by_word.get(word, ()):
                if id(other) in seen:
                    continue
                seen.add(id(other))
                if _alike(one, other):
                    return f"It is nearly the same as {other.text!r}."
        return None

    def add(self, text: str) -> None:
        """Remember a text."""
        one = _split(text)
        for word in sorted(one.words):
            self._ranks.setdefault(word, len(self._ranks))
        self._exact.setdefault(_joined(text), text)
        for word in self._prefix(one.words):
            self._by_word.setdefault(word, []).append(one)

    def _prefix(self, words: frozenset[str]) -> list[str]:
        unseen = len(self._ranks)
        ordered = sorted(words, key=lambda word: (-self._ranks.get(word, unseen), word))
        return ordered[: len(words) - ceil(WORDS_ALIKE * len(words)) + 1]


def _joined(text: str) -> str:
    """The text's words without spaces, since "gray scale" and "grayscale" are the same."""
    return "".join(words_of(text))


def words_of(text: str) -> list[str]:
    """Words in lower case; a slot is one word, "{color}" -> "_color_"; scripts without spaces go by the letter."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("{", "_").replace("}", "_")
    return _WORD.findall(_UNSPACED.sub(lambda letter: f" {letter[0]} ", folded))


def _split(text: str) -> _Text:
    return _Text(text, frozenset(map(sys.intern, words_of(text))))


def _alike(one: _Text, other: _Text) -> bool:
    if not _reaches(one.words, other.words, WORDS_ALIKE):
        return False
    if _reaches(one.words, other.words, WORDS_SAME):
        return True
    mine, theirs = (frozenset(pairwise(words_of(text))) for text in (one.text, other.text))
    return _reaches(mine, theirs, PAIRS_ALIKE)


def _reaches(one: frozenset[Any], other: frozenset[Any], least: Fraction) -> bool:
    """Whether the Jaccard index is at least so much; in whole numbers, which is quick and exact."""
    common = len(one & other)
    return common * least.denominator >= least.numerator * (len(one) + len(other) - common)
