"""The outer shape of a candidate: one plain line in the script of its language, and nothing an assistant adds."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

MOST_CHARACTERS = 400
"""No sentence of 77 CLIP tokens is longer; longer ones need no further look."""

_SLOT = re.compile(r"\{[^{}]*\}")
_FAULTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^\s*(?:[-*•–—]\s|#+\s|>\s)"), "a list mark or heading, {found!r}, stands in front"),
    (re.compile(r"^\s*\(?(?:\d{1,3}|[A-Za-z])[.)]\s"), "a list number, {found!r}, stands in front"),
    (re.compile(r"\*\*|__|`|~~|\]\(|</?[a-z]+>|\*\S[^*]*\*"), "markup, {found!r}, stands in it"),
    (
        re.compile(
            r"^\W*(?:(?:sure|certainly|of course|absolutely|okay|got it)\s*[,!.:]+\s*here|here(?:'s| is| are)\b"
            r"[^.{]{0,40}"
            r"\b(?:paraphras\w+|rewrit\w+|rephras\w+|variations?|versions?|instructions?|sentences?|candidates?)\b"
            r"|(?:paraphrase[ds]?|rewritten|rephrased|version|variation|instruction|option|prompt)"
            r"(?: \d+)?\s*:"
            r"|(?:as an ai|i(?:'m| am) sorry|i can(?:no|')t|i(?:'m| am) (?:unable|not able)))",
            re.IGNORECASE,
        ),
        "words of an assistant, {found!r}, stand in front",
    ),
    (re.compile(r"\((?:polite|terse|casual|chatty|formal|question|imperative)\)|\[[^\]]*\]|<[^>]*>", re.IGNORECASE),
     "a remark or placeholder, {found!r}, stands in it"),
    (re.compile(r"https?://|www\.|@\w+|#\w+"), "an address or tag, {found!r}, stands in it"),
)  # fmt: skip
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "「": "」", "`": "`"}

# Scripts by the word that names them in Unicode; a language may need one of several.
_SCRIPTS: dict[str, tuple[str, ...]] = {
    "ar": ("ARABIC",), "be": ("CYRILLIC",), "bg": ("CYRILLIC",), "bn": ("BENGALI",), "el": ("GREEK",),
    "fa": ("ARABIC",), "he": ("HEBREW",), "hi": ("DEVANAGARI",), "hy": ("ARMENIAN",),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"), "ka": ("GEORGIAN",), "ko": ("HANGUL",), "mr": ("DEVANAGARI",),
    "ne": ("DEVANAGARI",), "ru": ("CYRILLIC",),
    "sr": ("CYRILLIC", "LATIN"), "ta": ("TAMIL",), "te": ("TELUGU",), "th": ("THAI",), "uk": ("CYRILLIC",),
    "ur": ("ARABIC",), "zh": ("CJK",),
}  # fmt: skip
_KANA = ("HIRAGANA", "KATAKANA")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Small words that tell languages in Latin script apart.
_SMALL_WORDS = {
    "en": _words("the of with and this that please in it is to for on you your around every each"),
    "de": _words("der die das und mit bitte auf ein eine einen einem von zu im den dem ist nicht alles über"),
    "fr": _words("le la les des et avec du une un sur dans pour cette ce est s'il tout autour peux tu vous"),
    "es": _words("el los las y con una un del por en esta este foto para todo como puedes alrededor"),
    "it": _words("il lo gli e con una un della di per questa questo nella tutto intorno puoi sul"),
    "pt": _words("os com uma um da por esta este na tudo em volta pode você para"),
    "nl": _words("de het een en met van op deze dit alle voor rond kun je niet alles"),
}


def shape_fault(text: str, language: str) -> str | None:
    """What is wrong with the outer shape, or None."""
    if not text.strip():
        return "The text is empty."
    if len(text) > MOST_CHARACTERS:
        return f"The text has {len(text)} characters, more than {MOST_CHARACTERS}."
    if text.splitlines() != [text]:
        return "The text has more than one line."
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs") or character == "\ufffd":
            return f"The character U+{ord(character):04X} is no text."
    if text != text.strip():
        return "White space stands at the start or the end."
    if not any(character.isalpha() for character in _SLOT.sub(" ", text)) and not _bare_slot(text):
        return "The text has no words beside its slots."
    if _QUOTES.get(text[0]) == text[-1] and len(text) > 1 and text.count(text[0]) <= 2:
        return f"The whole text stands in quotes, {text[0]} … {text[-1]}."
    for pattern, fault in _FAULTS:
        if found := pattern.search(text):
            return f"It is no plain sentence: {fault.format(found=found[0].strip())}."
    return _language_fault(_SLOT.sub(" ", text), language.lower().partition("-")[0])


def _bare_slot(text: str) -> bool:
    """A section may be one slot alone, as when a dataset brings its own instructions."""
    return _SLOT.fullmatch(text) is not None


def _language_fault(text: str, language: str) -> str | None:
    scripts = [script for character in text if (script := _script(character))]
    if not scripts:
        return None
    wanted = _SCRIPTS.get(language, ("LATIN",))
    share = sum(script in wanted for script in scripts) / len(scripts)
    # Names such as "OpenPose" or "RGB" stand in Latin letters in every language.
    if share < 0.5 or ("LATIN" in wanted and share < 1):
        foreign = next(character for character in text if (script := _script(character)) and script not in wanted)
        return f"The language {language} is not written with letters like {foreign!r}."
    if language == "ja" and len(scripts) >= 8 and not any(script in _KANA for script in scripts):
        return "Japanese is not written without kana, and none stand here."
    if language == "zh" and any(script in _KANA for script in scripts):
        return "Kana stand here, which Chinese does not use."
    return _small_words_fault(text, language)


def _small_words_fault(text: str, language: str) -> str | None:
    if language not in _SMALL_WORDS:
        return None
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower())
    hits = {name: dict.fromkeys(word for word in words if word in small) for name, small in _SMALL_WORDS.items()}
    own = len(hits.pop(language))
    rivals = hits if language == "en" else {"en": hits["en"]}
    name, found = max(rivals.items(), key=lambda item: len(item[1]))
    if len(found) >= 2 and len(found) > own:
        return f"It reads as {name}, not {language}: {', '.join(repr(word) for word in found)}."
    return None


@cache
def _script(character: str) -> str:
    """The first word of a letter's Unicode name, "" for what is no letter."""
    return unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""
