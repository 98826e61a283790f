"""From what a task means to the words of an instruction."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from ..manifests.slots import Legend, Noun, Phrase, SlotValue
from .grammar import definite, indefinite, join, tidy_name
from .templates import Template, draw_template, fill


def word(bank_section: Sequence[Template], slots: Mapping[str, SlotValue], draw: random.Random) -> tuple[str, Template]:
    """Draw a template and fill it.

    Args:
        bank_section: templates to draw from, all with these slots.
        slots: what the slots mean.
        draw: the unit's randomness for words.

    Returns:
        The instruction, and the template it was made from.
    """
    template = draw_template(bank_section, draw)
    return word_template(template, slots, draw), template


def word_template(template: Template, slots: Mapping[str, SlotValue], draw: random.Random) -> str:
    """The instruction that a template makes of these slots; `draw` decides how nouns are put.

    Raises:
        ValueError: a slot without a value, or a value without a slot.
    """
    return fill(template, {name: realise(value, draw) for name, value in slots.items()})


def realise(value: SlotValue, draw: random.Random) -> str:
    """A slot value in words."""
    if isinstance(value, Legend):
        return join([f"{_phrase(phrase, draw)} in {color}" for phrase, color in value.parts])
    return _phrase(value, draw)


def _phrase(phrase: Phrase, draw: random.Random) -> str:
    if not isinstance(phrase, Noun):
        return phrase
    name = tidy_name(phrase.name)
    return indefinite(name) if phrase.form == "indefinite" else definite(name, phrase.count, draw)
