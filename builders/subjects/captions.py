"""Captions as parts of instructions."""

from __future__ import annotations

import random
from typing import Final

from ..sample import Sample

MOST_WORDS: Final = 26
"""Longer captions leave no room for the rest of an instruction in CLIP's 77 tokens."""

_AT_THE_END: Final = " .,;:!?-"
_QUOTES: Final = str.maketrans({'"': "'", "\u201c": "'", "\u201d": "'"})


def usable_captions(sample: Sample, most_words: int = MOST_WORDS) -> list[str]:
    """The sample's captions without stops at their end, double quotes made single; none too long, none twice."""
    tidy = [" ".join(caption.translate(_QUOTES).split()).rstrip(_AT_THE_END) for caption in sample.captions]
    return [caption for caption in dict.fromkeys(tidy) if 1 <= len(caption.split()) <= most_words]


def draw_caption(sample: Sample, draw: random.Random, most_words: int = MOST_WORDS) -> str | None:
    """One of the usable captions, or None where there is none."""
    found = usable_captions(sample, most_words)
    return draw.choice(found) if found else None
