"""Length in CLIP tokens: diffusion models' text encoders read 77 and drop the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from ...manifests.extras import load_extra
from .values import fill_longest

MOST_TOKENS = 77
"""Context length of CLIP's text encoder (Radford et al. 2021, section 2.4), the tokens of start and end included."""


def tokens_fault(text: str, task: str, section: str, slots: Sequence[str]) -> str | None:
    """What is wrong with the length of the filled sentence, or None.

    Raises:
        UsageError: open_clip, whose tokenizer this is, is not installed.
    """
    filled = fill_longest(text, task, section, slots)
    count = token_count(filled)
    if count <= MOST_TOKENS:
        return None
    return f"With the longest values it takes {count} CLIP tokens of {MOST_TOKENS}, from the words {filled[:40]!r} on."


def token_count(sentence: str) -> int:
    """CLIP tokens of a sentence, start and end included."""
    return len(_encode()(sentence)) + 2


@cache
def _encode() -> Callable[[str], list[int]]:
    encode: Callable[[str], list[int]] = load_extra("open_clip.tokenizer", "score").SimpleTokenizer().encode
    return encode
