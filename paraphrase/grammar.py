"""English for instructions: class names as datasets give them -> noun phrases that read well.

    >>> import random
    >>> tidy_name("wall-brick"), indefinite("hourglass"), plural("chest of drawers")
    ('brick wall', 'an hourglass', 'chests of drawers')
    >>> definite("dog", 1, random.Random(0))
    'the dog'

A name is counted ("a dog"), a mass ("grass") or used in the plural only ("scissors"). Small rules decide, the
tables of nouns.py hold the exceptions, and a word that nobody listed follows the regular rules.
Only `definite` varies, and only through the `random.Random` it is given.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from . import nouns


class _Kind(Enum):
    COUNTED = "counted"
    MASS = "mass"
    PLURAL_ONLY = "plural only"


# "chest of drawers", "man in black": the noun that carries the number stands before the preposition.
_TAIL = re.compile(r" (?:of|in|with|on|at|for|from) .*$")
_VOWEL_SOUND = re.compile(r"[aeiou]|(?:hour|honest|honor|honour|heir|herb)|(?:8|1[18](?!\d))")
# Written with a vowel, spoken with "y" or "w": unicycle, utensil, urinal, euro, one-way.
_CONSONANT_SOUND = re.compile(
    r"uni(?![nm]|dent)|us(?:e|a|u)|ut[eio]|ur[aeio]|u[fvbk][aio]|uk|eu|ewe|one(?!r)|once|ouija|u(?![a-z])"
)
_SPELLED_WITH_VOWEL = frozenset("AEFHILMNORSX8")  # letters whose names start with a vowel: "an X-ray"
_SPLIT_SYNONYMS = re.compile(r"\s*[,;|]\s*")
_NOT_PLURAL_ENDINGS = ("ss", "us", "is", "as", "os")


@lru_cache(maxsize=4096)
def tidy_name(raw: str) -> str:
    """A dataset's class or joint name in words.

    "left_shoulder" -> "left shoulder", "building, edifice" -> "building", "wall-brick" -> "brick wall",
    "american_bulldog" -> "American bulldog", "pop_(soda)" -> "pop". Tidying twice changes nothing.

    Raises:
        ValueError: nothing is left of the name.
    """
    before_remark = raw.strip(" ()").partition("(")[0]
    words = " ".join(before_remark.replace("_", " ").split()).lower()
    synonyms = [part for part in _SPLIT_SYNONYMS.split(words) if part.strip(" .:-")]
    if not synonyms:
        raise ValueError(f"The class name {raw!r} has no words; give the class a name.")
    name = nouns.SYNONYM_CHOICES.get(tuple(synonyms[:2]), synonyms[0]).strip(" .:-")
    name = _straighten_stuff(name)
    return _restore_proper_names(nouns.ALIASES.get(name, name))


def article(phrase: str) -> str:
    """The indefinite article, "a" or "an", that the sound of the phrase's first word asks for."""
    word = phrase.lstrip(" \"'(").split(" ", 1)[0]
    first = re.split(r"[^A-Za-z0-9]", word, maxsplit=1)[0]
    spelled_out = len(first) == 1 or (len(first) > 1 and first.isupper() and first.isalpha())
    if spelled_out:
        return "an" if first[0].upper() in _SPELLED_WITH_VOWEL else "a"
    lowered = word.lower()
    return "an" if _VOWEL_SOUND.match(lowered) and not _CONSONANT_SOUND.match(lowered) else "a"


def indefinite(name: str) -> str:
    """The name as one unnamed thing: "a dog", "an hourglass"; "grass" and "scissors" take no article."""
    name = _checked(name)
    return f"{article(name)} {name}" if _kind(name) is _Kind.COUNTED else name


def plural(name: str) -> str:
    """The plural; mass nouns and plural-only nouns come back unchanged."""
    name = _checked(name)
    if _kind(name) is not _Kind.COUNTED:
        return name
    head = _TAIL.sub("", name)
    before, _, last = head.rpartition(" ")
    return f"{before} {_plural_word(last)}".lstrip() + name[len(head) :]


def definite(name: str, count: int | None, draw: random.Random) -> str:
    """A noun phrase that covers all instances of a class in a picture.

    Args:
        name: tidied class name.
        count: how many instances the picture shows; None when unknown (a semantic label map), and then, as
            with 0, the phrase holds for any number.
        draw: decides between wordings that mean the same.

    Raises:
        ValueError: negative count, or an empty name.
    """
    name = _checked(name)
    if count is not None and count < 0:
        raise ValueError(f"A count of {count} for {name!r} cannot be; counts start at 0.")
    return draw.choice(_definite_forms(name, count))


def join(parts: Sequence[str]) -> str:
    """A list in words: "a", "a and b", "a, b and c".

    Raises:
        ValueError: no parts.
    """
    if not parts:
        raise ValueError("An empty list cannot be put in words; give at least one part.")
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


@lru_cache(maxsize=4096)
def _definite_forms(name: str, count: int | None) -> list[str]:
    kind = _kind(name)
    if kind is _Kind.MASS:
        return [f"the {name}", f"all the {name}", f"all of the {name}"]
    if kind is _Kind.PLURAL_ONLY:
        return _plural_only_forms(name, count)
    if count == 1:
        return [f"the {name}"]
    if not count:
        if _head_word(name) in nouns.SURFACES:
            return [f"the {name}", f"all of the {name}"]
        return [f"every {name}", f"each {name}", f"all {plural(name)}", f"every visible {name}"]
    return _several_forms(name, count)


def _plural_only_forms(name: str, count: int | None) -> list[str]:
    forms = [f"the {name}"]
    if count == 1:
        return forms
    forms.append(f"all the {name}")
    if count is not None and 2 <= count < len(nouns.NUMBER_WORDS) and _head_word(name) in nouns.PAIRS:
        all_of_them = "both" if count == 2 else f"all {nouns.NUMBER_WORDS[count]}"
        forms.append(f"{all_of_them} pairs of {name}")
    return forms


def _several_forms(name: str, count: int) -> list[str]:
    many = plural(name)
    forms = [f"the {many}", f"each {name}", f"every {name}"]
    if count == 2:
        return [*forms, f"both {many}", f"the two {many}", f"both of the {many}"]
    forms += [f"all the {many}", f"all of the {many}"]
    if count < len(nouns.NUMBER_WORDS):
        number = nouns.NUMBER_WORDS[count]
        forms += [f"the {number} {many}", f"all {number} {many}"]
    return forms


def _kind(name: str) -> _Kind:
    word = _head_word(name)
    if word in nouns.MASS:
        return _Kind.MASS
    if word in nouns.PLURAL_ONLY:
        return _Kind.PLURAL_ONLY
    looks_plural = len(word) > 3 and word.endswith("s") and not word.endswith(_NOT_PLURAL_ENDINGS)
    return _Kind.PLURAL_ONLY if looks_plural and word not in nouns.SINGULAR_IN_S else _Kind.COUNTED


def _head_word(name: str) -> str:
    return _TAIL.sub("", name).rpartition(" ")[2].lower()


def _plural_word(word: str) -> str:
    lowered = word.lower()
    irregular = nouns.IRREGULAR_PLURALS.get(lowered)
    if irregular is not None:
        return word[0] + irregular[1:] if irregular[0] == lowered[0] else irregular
    if lowered not in nouns.REGULAR_DESPITE_ENDING:
        for ending, replacement in nouns.IRREGULAR_ENDINGS.items():
            if lowered.endswith(ending):
                return word[: -len(ending)] + replacement
    if lowered.endswith(("s", "x", "z", "ch", "sh")) or lowered in nouns.PLURAL_IN_OES:
        return word + "es"
    if re.search(r"[^aeiou]y$", lowered):
        return word[:-1] + "ies"
    return word + "s"


def _straighten_stuff(name: str) -> str:
    """COCO-Stuff's hyphens: "wall-brick" -> "brick wall", "door-stuff" -> "door"; other hyphens stay."""
    while name.endswith(nouns.STUFF_SUFFIXES):
        name = name.rpartition("-")[0]
    head, _, material = name.partition("-")
    if head in nouns.STUFF_HEADS and material:
        return f"{nouns.STUFF_MATERIALS.get(material, material)} {head}"
    return "window blind" if name == "window-blind" else name


def _restore_proper_names(name: str) -> str:
    """Capitals of proper names and abbreviations, in a name that may be all in lower case."""
    return _PROPER_PATTERN.sub(lambda match: _PROPER_BY_LOWER[match[0].lower()], name)


def _checked(name: str) -> str:
    words = " ".join(name.split())
    if not words:
        raise ValueError("An empty class name cannot be put in words; give the class a name.")
    return words


_PROPER_BY_LOWER = {name.lower(): name for name in nouns.PROPER_NAMES}
_PROPER_PATTERN = re.compile(
    # the longest first, so that a phrase wins over a word in it
    rf"(?<![\w-])(?:{'|'.join(sorted(_PROPER_BY_LOWER, key=len, reverse=True))})(?![\w-])",
    re.IGNORECASE,
)
