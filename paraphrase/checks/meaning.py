"""Does a candidate still ask for what its section renders? Words that must and must not occur, from vocabulary.yaml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from .polarity import polarity_fault
from .vocabulary import Section, load_vocabulary

_SLOT = re.compile(r"\{([a-z_]+)\}")
_NO = (
    r"(?:do not|not|no|never|none|nothing(?! but\b| else\b| more\b)|nor|neither|without|w/o|except\w*|exept|excpet|"
    r"exclud\w+|avoid\w*|ignor(?:e|es|ing)|skip\w*|omit\w*|unless|instead of|rather than|other than|apart from|"
    r"aside from|save for|besides|(?:every[a-z]*|any[a-z]*|all) but|far from|refus\w+|refrain\w*|stop|forget|minus|"
    r"fail\w*|lacking|dont|cannot|(?:do|does|is|are|wo|ca|would|should|must|did|could)n't)"
)
# A negation matters when it governs a slot: it stands before one in the same clause, or right behind a noun.
_BEFORE_SLOT = re.compile(
    rf"(?<![\w-]){_NO}(?: (?!and\b|or\b|then\b|just\b|only\b)[a-z'/-]+){{0,4}} [\"(]?_(?!background_)[a-z]+_"
)
# "where nothing is left, {background}": the background stands for what is absent; only a direct negation counts.
_BEFORE_BACKGROUND = re.compile(
    r"(?<![\w-])(?:not|never|instead of|rather than|other than|any[a-z]* but|except|avoid\w*|without) "
    r"(?:(?:in|on|an?|to|with|the) )*_background_"
)
_AFTER_SLOT = re.compile(
    r"_(?:object|part|joint|expression|face|legend|category)_\"?,? "
    r"(?:(?:should|must|may|can|will|is|are|to|do|does|be|has|have) )*"
    r"(?:not|never|cannot|(?:should|must|ca|wo|is|are|do|does)n't|excluded|excepted|left out|"
    r"un(?:painted|colou?red|marked))"
    r"(?! (?:just|only)\b)"
)
_COMMAND = re.compile(
    r"(?<!\w)(?:do not|do n't|don'?t|dont|never|avoid\w*|refrain\w*|refus\w+|forget (?:to|about)|no need to|skip\w*|"
    r"must not|mustn'?t|should not|shouldn'?t)(?!\w)"
)
_NEGATIONS = {"strict": (_BEFORE_SLOT, _BEFORE_BACKGROUND, _AFTER_SLOT), "loose": (_COMMAND,), "free": ()}


@dataclass(frozen=True, slots=True)
class _Rules:
    """A section's patterns, compiled; each of `faults` comes with its reason."""

    section: Section
    harmless: re.Pattern[str]
    faults: tuple[tuple[re.Pattern[str], str], ...]


def describes(task: str, section: str) -> bool:
    """Whether the vocabulary says what this section renders."""
    return f"{task}.{section}" in load_vocabulary().sections


def meaning_fault(text: str, task: str, section: str) -> str | None:
    """What changes the meaning, or None. For English.

    A section that the vocabulary does not know is left to the other checks: nobody has said what it renders.
    """
    if not describes(task, section):
        return None
    rules = _rules(f"{task}.{section}")
    lowered = _plain(text)
    looked_at = rules.harmless.sub(" , ", lowered)
    for pattern, why in rules.faults:
        if found := pattern.search(looked_at):
            return f"{_shown(found[0])} {why}."
    if rules.section.polarity and (fault := polarity_fault(lowered)):
        return fault
    return _negation_fault(looked_at, rules.section) or _missing_fault(lowered, rules.section)


@cache
def _rules(name: str) -> _Rules:
    vocabulary = load_vocabulary()
    section = vocabulary.sections[name]
    foreign = (phrases for family, phrases in vocabulary.families.items() if family not in section.allows)
    return _Rules(
        section,
        re.compile(rf"\b(?:{'|'.join((*section.harmless, *vocabulary.harmless))})(?!\w)"),
        tuple((_whole_words(phrases.patterns), phrases.why) for phrases in (*section.wrong, *foreign)),
    )


def _whole_words(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)")


def _plain(text: str) -> str:
    """Lower case, straight apostrophes, slots as _name_, single spaces."""
    return " ".join(_SLOT.sub(r"_\1_", text.replace("’", "'")).lower().split())


def _shown(words: str) -> str:
    return repr(re.sub(r"_([a-z_]+?)_", r"{\1}", words.strip()))


def _negation_fault(text: str, section: Section) -> str | None:
    for pattern in _NEGATIONS[section.negation]:
        if found := pattern.search(text):
            return f"{_shown(found[0])} is a negation or exception that changes what is asked for."
    return None


def _missing_fault(text: str, section: Section) -> str | None:
    words = re.findall(r"_[a-z_]+_|[a-z0-9']+", text)
    for group in section.needs:
        if not any(_says(stem, text, words) for stem in group):
            return f"Nothing like {group[0]!r} is said, so that it no longer asks for this."
    return None


_PREFIXES = ("un", "de", "re", "under", "over", "multi")


def _says(stem: str, text: str, words: list[str]) -> bool:
    """Whether a word begins with the stem; a stem of five letters or more forgives one slip of the keyboard."""
    if not stem.isalpha():  # a phrase, a slot, or a word with a hyphen
        return stem in text
    return any(
        word.startswith(stem)
        or (stem in word and word.partition(stem)[0] in _PREFIXES)
        or (len(stem) >= 5 and _one_slip(word, stem))
        for word in words
    )


def _one_slip(word: str, stem: str) -> bool:
    """One letter missing, added, changed, or swapped with its neighbor, in the word's beginning."""
    same = next((place for place, (one, other) in enumerate(zip(word, stem, strict=False)) if one != other), None)
    if same is None:
        return len(word) >= len(stem) - 1
    rest, here = stem[same + 1 :], word[same:]
    swapped = stem[same + 1 : same + 2] + stem[same] + stem[same + 2 :]
    return here[1:].startswith((rest, stem[same:])) or here.startswith((rest, swapped))
