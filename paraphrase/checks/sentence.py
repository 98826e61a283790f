"""Grammar of the filled sentence: what breaks when a noun phrase, singular, plural or mass, takes a slot's place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .values import fill_examples

NOUN_SLOTS = ("object", "part", "joint", "face", "category", "legend")
"""Slots whose values come with their article, or need none, and may be plural."""

_NOUN = rf"\{{(?:{'|'.join(NOUN_SLOTS)})\}}"
_SINGLE = rf"\{{(?:{'|'.join(slot for slot in NOUN_SLOTS if slot != 'face')})\}}"
_THIRD_PERSON = (
    "is|are|was|were|has|have|does|do|isn't|aren't|appears?|becomes?|contains?|gets?|goes|looks?|needs?|shows?|sits?|"
    "stands?|takes?|turns?|wears?|belongs?|remains?|stays?|receives?|keeps?|occupies|occupy|lies|ends?"
)
# "let {object} become", "make {object} turn", "should {object} have": the verb then agrees with anything.
_BARE_AFTER = (
    r"\b(?:lets?|let's|make|makes|see|seeing|watch|have|having|help|should|would|will|could|can|may|must|do|does|did)\b"
)

_NO_VERBS = "in|with|on|to|of|for|about|if|like|until|while|as|so|that|when|where|because|since|but|over|from|than"

_ON_TEMPLATE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), fault)
    for pattern, fault in (
        (
            rf"\b(?:an?|the|all|all of|every|each|each of|any|some|both|both of|many|most|several|these|those|this|"
            rf"my|your|its|their|no|another|single|entire|whole|individual|multiple|visible|different|the given|"
            rf"specified|detected|selected|target|relevant|one|two|three|every single|every visible) {_NOUN}",
            "{found!r} puts a determiner or adjective before a value that brings its own",
        ),
        (rf"{_NOUN}['’]s?(?=\W|$)(?!\W*$)", "{found!r} makes a possessive that fails with plurals"),
        (rf"{_NOUN}(?:['’]s)", "{found!r} makes a possessive that fails with plurals"),
        (
            rf"(?:^|[.?!:;,] |\b(?:where|what|which|how|who|there|here|if|when|whether|wherever) )"
            rf"(?:is|are|was|were|does|do|has|isn't|aren't|doesn't|'s) {_SINGLE}",
            "the verb in {found!r} has to agree with the value",
        ),
        (rf"\b(?:there|where|here|what)['’]s {_SINGLE}", "the verb in {found!r} has to agree with the value"),
        (
            rf"(?<!of ){_SINGLE}[\s,;]+(?:(?:and|then|next|please|just|also)[\s,]+)*(?!(?:{_NO_VERBS})\b)"
            r"[a-z]+ (?:it|them)\b(?! (?:is|are|was|were)\b)",
            "the pronoun in {found!r} fits only singular or only plural values",
        ),
        (rf"(?<!of ){_SINGLE} (?:and|with|by|along) (?:its|their)\b", "the pronoun in {found!r} fits only one number"),
        (
            rf"{_NOUN} (?:region|area|pixel|mask|object|class|instance|categor(?:y|ies)|silhouette|shape|outline|"
            rf"contour|segment|body|location|position|joint|landmark)(?:s|es)?\b",
            "{found!r} uses a whole phrase as if it were an adjective",
        ),
        (rf"{_NOUN}(?:s|es)\b|{_NOUN}-\w", "{found!r} hangs an ending on the value"),
        (
            r"\bbetween \{range\}|\b(?:up )?to \{range\}|\buntil \{range\}",
            '{found!r}: the value follows "from" and reads "… to …"',
        ),
        (
            r"\b(?:an?) \{(?:width|range|ramp|axes|caption|instruction)\}",
            "{found!r} puts an article before a value that takes none",
        ),
        (r"\{\w+\}ish\b", "{found!r} hangs an ending on the value"),
        (r"  +", "two spaces stand in a row"),
        (r"\s[,.;:!?](?:\s|$)(?!\.)", "a space stands before {found!r}"),
        (r"[,;:]\s*[,;:.]|\.\s*,|(?<!\.)\.\.(?!\.)", "punctuation marks collide at {found!r}"),
        (r"[,;:(\-–—]\s*$", "the sentence stops at {found!r}"),
        (r"\b(?:and|or|the|an?)[.!?]?$", "the sentence breaks off after {found!r}"),
    )
)  # fmt: skip
_VERB_AFTER = re.compile(
    rf"(?<!of )(?<!with )(?<!without )(?<! in )(?<! on )(?<! for )(?<! to )(?<! from ){_SINGLE} (?:{_THIRD_PERSON})\b",
    re.IGNORECASE,
)
_ONLY_SINGULAR = re.compile(r"(?:s|es)$|\b(?:is|was|has|does)$", re.IGNORECASE)

_ON_SENTENCE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), fault)
    for pattern, flags, fault in (
        (r"\b([^\W\d_]+) \1\b", re.IGNORECASE, "{found!r} repeats a word"),
        (
            r"\b(?:an?|the|every) (?:an?|the|every|each|all|both|this)\b|\ball of (?:an?|every|each|all|both)\b",
            re.IGNORECASE,
            "{found!r} has two articles",
        ),
        (r"\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+[A-Z]\w*\b(?<!OpenPose)", 0, "{found!r} has a capital inside"),
    )
)
_BRACKETS = {"(": ")", "[": "]"}


def sentence_fault(text: str, task: str, section: str, slots: Sequence[str], language: str) -> str | None:
    """What is wrong with the grammar, or None. Rules about words are English; brackets and quotes are everybody's."""
    if fault := _unbalanced(text):
        return fault
    if language.lower().partition("-")[0] != "en":
        return None
    for pattern, fault in _ON_TEMPLATE:
        if found := pattern.search(text):
            return _reason(fault, found[0])
    if fault := _verb_fault(text):
        return fault
    for sentence in fill_examples(text, task, section, slots):
        for pattern, fault in _ON_SENTENCE:
            if found := pattern.search(sentence):
                return _reason(fault, found[0])
    return None


def _verb_fault(text: str) -> str | None:
    for found in _VERB_AFTER.finditer(text):
        clause = re.split(r"[.?!;:]", text[: found.start()])[-1]
        if not re.search(_BARE_AFTER, clause, re.IGNORECASE) or _ONLY_SINGULAR.search(found[0]):
            return _reason("the verb in {found!r} has to agree with the value", found[0])
    return None


def _unbalanced(text: str) -> str | None:
    for opening, closing in _BRACKETS.items():
        if text.count(opening) != text.count(closing):
            return f"The brackets {opening} and {closing} do not match."
    if text.count('"') % 2:
        return 'A quotation mark " is left open.'
    if text.count("“") != text.count("”") and "„" not in text:
        return "The quotation marks “ and ” do not match."
    return None


def _reason(fault: str, found: str) -> str:
    words = fault.format(found=found)
    return f"{words[0].upper()}{words[1:]}."
