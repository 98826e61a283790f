"""The slots of a candidate: exactly those of its section, each once, plainly written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...manifests.errors import TemplateError
from ..templates import slots_in

# Chinese, Japanese, Korean and Thai put no space there.
_LETTER = "[0-9A-Za-z\u00c0-\u052f]"
_GLUED = re.compile(rf"{_LETTER}\{{|\}}(?:{_LETTER}|\{{)")


def slots_fault(text: str, declared: Sequence[str]) -> str | None:
    """What is wrong with the slots, or None.

    A slot may stand once only: that is the grammar of banks (templates.py), and a noun phrase said twice reads badly.
    """
    try:
        found = slots_in(text, "slots")
    except TemplateError as fault:
        return str(fault).removeprefix("slots: ")
    for slot in dict.fromkeys(found):
        if slot not in declared:
            return f"The slot {{{slot}}} does not belong to this section; its slots are {_listed(declared)}."
        if found.count(slot) > 1:
            return f"The slot {{{slot}}} is used more than once; use it once."
    for slot in declared:
        if slot not in found:
            return f"The slot {{{slot}}} is missing."
    if "{{" in text or "}}" in text:
        return "Doubled braces stand around something; a slot takes one brace on each side."
    if glued := _GLUED.search(text):
        return f"A slot is glued to its neighbor at {glued[0]!r}; put a space between them."
    return None


def _listed(declared: Sequence[str]) -> str:
    return ", ".join(f"{{{slot}}}" for slot in declared) or "none"
