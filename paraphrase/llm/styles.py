"""How a paraphrase should sound: mood, length, vocabulary, viewpoint, and who speaks."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...manifests.errors import UsageError

_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")  # BCP 47: en, de, zh-Hant, pt-BR

MOODS = {
    "imperative": "direct commands",
    "question": "questions that ask for the picture, each ending in a question mark",
    "polite": "polite requests",
    "terse": "as few words as possible, like a caption or a search query; no full sentence is needed",
    "chatty": "casual talk, as in a chat with a friend",
    "typo-ridden": (
        "hurried typing with natural slips: a swapped, missing or doubled letter, lower case, missing punctuation; the "
        "slots stay spelled exactly"
    ),
}
LENGTHS = {"short": "at most 8 words", "medium": "9 to 18 words", "long": "19 to 35 words"}
VOCABULARIES = {
    "plain": "everyday words that a child knows",
    "standard": "the words of an educated adult who is no expert",
    "technical": "the terms of computer vision and image editing",
}
VIEWPOINTS = {
    "command": "speaks to the one who makes the picture",
    "wish": "says what the speaker wants or needs",
    "result": "describes the finished picture",
}
PERSONAS = (
    "a photographer who retouches pictures every day",
    "a researcher who labels images for a data set",
    "a school child",
    "a retired person who is new to computers",
    "a graphic designer with a deadline",
    "a radio host",
    "a software engineer who writes tickets",
    "a museum guide",
    "somebody typing on a phone on the bus",
    "a teacher who explains each step",
    "a robotics student",
    "a journalist",
    "a person for whom the language is the second one",
    "a game developer",
    "a doctor who dictates notes",
    "an art director",
)
_LANGUAGE_NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """One request's manner; the values are keys of the tables above, persona is free text."""

    mood: str
    length: str
    vocabulary: str
    viewpoint: str
    persona: str


@dataclass(frozen=True)
class StyleChoices:
    """What styles are drawn from; empty stands for everything in the table.

    Raises:
        UsageError: a value that the tables do not have.
    """

    moods: Sequence[str] = ()
    lengths: Sequence[str] = ()
    vocabularies: Sequence[str] = ()
    viewpoints: Sequence[str] = ()
    personas: Sequence[str] = field(default=PERSONAS)

    def __post_init__(self) -> None:
        for what, chosen, table in (
            ("mood", self.moods, MOODS),
            ("length", self.lengths, LENGTHS),
            ("vocabulary", self.vocabularies, VOCABULARIES),
            ("viewpoint", self.viewpoints, VIEWPOINTS),
        ):
            for value in chosen:
                if value not in table:
                    raise UsageError(f"there is no {what} {value!r}; choose from {', '.join(table)}")

    def style(self, number: int, draw: random.Random) -> Style:
        """The style of a section's request: moods take turns, the rest is drawn."""
        moods = list(self.moods) or list(MOODS)
        mood = moods[number % len(moods)]
        length = _pick(self.lengths, LENGTHS, draw)
        return Style(
            mood=mood,
            length="short" if mood == "terse" else length,
            vocabulary=_pick(self.vocabularies, VOCABULARIES, draw),
            viewpoint=_pick(self.viewpoints, VIEWPOINTS, draw),
            persona=draw.choice(self.personas or PERSONAS),
        )


def language_name(tag: str) -> str:
    """A language in words for the model: "German", "Portuguese (pt-BR)"; a tag nobody listed stays a tag.

    Raises:
        UsageError: no BCP 47 tag.
    """
    if not _LANGUAGE_TAG.fullmatch(tag):
        raise UsageError(f"{tag!r} is no language; give BCP 47 tags such as en,de,zh,pt-BR")
    name = _LANGUAGE_NAMES.get(tag.partition("-")[0])
    if name is None:
        return f"the language with the BCP 47 tag {tag}"
    return name if "-" not in tag else f"{name} ({tag})"


def _pick(chosen: Sequence[str], table: Mapping[str, str], draw: random.Random) -> str:
    return draw.choice(list(chosen) or list(table))
