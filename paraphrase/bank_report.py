"""What a bank of instructions is like: size, slots, length, variety, moods, and its most alike and oddest sentences."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .checks.duplicates import words_of
from .checks.values import fill_longest
from .diversity import distinct, neighbors, self_bleu
from .mood import MOODS, mood_of
from .templates import Template, fill
from .typical import typical_value

BASELINE = 10
"""Templates a section of the baseline, as InstructDiffusion (Geng et al. 2024) published them."""
_SHOWN = 10
_BINS = 10


@dataclass(frozen=True)
class Variety:
    """Variety of instructions: distinct-n as `diversity.distinct`, self_bleu as `diversity.self_bleu`; 0 to 1."""

    distinct_1: float
    distinct_2: float
    self_bleu: float


@dataclass(frozen=True)
class BankReport:
    """What one task's bank is like.

    Attributes:
        task: its task.
        templates: how many; `smallest_section` and `sections` say how they are spread.
        languages: templates by language.
        full_slots: share of templates that hold each slot of their section exactly once.
        slot_orders: in how many orders the slots stand, over all sections with two slots or more.
        orders_possible: how many orders there could be.
        words: least, mean and most words of a template, a slot counting as one.
        most_clip_tokens: of the longest template with the longest values in its slots, start and end included; None
            when no tokenizer is at hand.
        text: variety of the templates as they stand.
        filled: variety of filled instructions drawn from the whole bank.
        baseline: variety of as many instructions drawn from the first ten templates of each section, with the same
            sections and slot values in the same order.
        drawn: how many instructions that were.
        nearest: mean similarity of a template to its nearest neighbor in its section; see `diversity.neighbors`.
        nearest_bins, word_bins: counts for histograms; of similarity in tenths, and of words from 1, by number.
        moods: share of each mood.
        alike: most alike pairs of a section: similarity, section, text, text.
        odd: templates least like any other of their section: similarity to the nearest, section, text.
    """

    task: str
    templates: int
    sections: int
    smallest_section: int
    languages: dict[str, int]
    full_slots: float
    slot_orders: int
    orders_possible: int
    words: tuple[int, float, int]
    most_clip_tokens: int | None
    text: Variety
    filled: Variety
    baseline: Variety
    drawn: int
    nearest: float
    nearest_bins: list[int]
    word_bins: list[int]
    moods: dict[str, float]
    alike: list[tuple[float, str, str, str]]
    odd: list[tuple[float, str, str]]

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def bank_report(
    bank: Sequence[Template],
    slots: Mapping[str, Sequence[str]],
    token_count: Callable[[str], int] | None = None,
    drawn: int = 500,
    seed: int = 0,
) -> BankReport:
    """Describe a task's bank.

    Args:
        bank: templates of one task, at least one.
        slots: what each section's templates must hold.
        token_count: CLIP tokens of a sentence, or None.
        drawn: instructions to fill for `filled` and for `baseline`; 2 or more.
        seed: of that draw.
    """
    sections: dict[str, list[Template]] = defaultdict(list)
    for template in bank:
        sections[template.section].append(template)
    words = [words_of(template.text) for template in bank]
    lengths = [len(found) for found in words]
    full = sum(sorted(one.slots) == sorted(slots[one.section]) for one in bank)
    orders = {(one.section, one.slots) for one in bank if len(one.slots) > 1}
    moods = Counter(mood_of(template.text, template.language) for template in bank)
    nearest, alike, odd = _likeness(sections)
    tokens = token_count and max(token_count(fill_longest(one.text, one.task, one.section, one.slots)) for one in bank)
    return BankReport(
        task=bank[0].task,
        templates=len(bank),
        sections=len(sections),
        smallest_section=min(map(len, sections.values())),
        languages=dict(Counter(template.language for template in bank).most_common()),
        full_slots=full / len(bank),
        slot_orders=len(orders),
        orders_possible=sum(math.factorial(len(one[0].slots)) for one in sections.values() if len(one[0].slots) > 1),
        words=(min(lengths), sum(lengths) / len(lengths), max(lengths)),
        most_clip_tokens=tokens or None,
        text=_variety(words),
        filled=_variety(_drawn(sections, None, drawn, seed)),
        baseline=_variety(_drawn(sections, BASELINE, drawn, seed)),
        drawn=drawn,
        nearest=float(nearest.mean()),
        nearest_bins=np.histogram(nearest, _BINS, (0, 1))[0].tolist(),
        word_bins=np.bincount(lengths)[1:].tolist(),
        moods={mood: moods[mood] / len(bank) for mood in MOODS},
        alike=alike,
        odd=odd,
    )


def _likeness(
    sections: Mapping[str, Sequence[Template]],
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], list[tuple[float, str, str, str]], list[tuple[float, str, str]]]:
    """Similarity to the nearest neighbor of every template, the most alike pairs, the oddest templates."""
    nearest, alike, odd = [], [], []
    for name, templates in sections.items():
        found = neighbors([words_of(template.text) for template in templates], _SHOWN)
        nearest.append(found.nearest)
        alike += [(value, name, templates[one].text, templates[other].text) for value, one, other in found.alike]
        if len(templates) > 1:
            odd += [(float(v), name, one.text) for v, one in zip(found.nearest, templates, strict=True)]
    return np.concatenate(nearest), sorted(alike, reverse=True)[:_SHOWN], sorted(odd)[:_SHOWN]


def _drawn(sections: Mapping[str, Sequence[Template]], first: int | None, count: int, seed: int) -> list[list[str]]:
    """Words of filled instructions: sections take turns, slots get typical values, templates are drawn uniformly.

    Sections and values do not depend on `first`, which takes only a section's first templates.
    """
    values, choice = random.Random(f"{seed}|values"), random.Random(f"{seed}|templates")
    names = list(sections)
    filled = []
    for turn in range(count):
        templates = sections[names[turn % len(names)]]
        given = {slot: typical_value(slot, values) for slot in sorted(templates[0].slots)}
        filled.append(words_of(fill(choice.choice(templates[:first]), given)))
    return filled


def _variety(sentences: Sequence[Sequence[str]]) -> Variety:
    bleu = self_bleu(sentences) if len(sentences) > 1 else 0.0
    return Variety(distinct(sentences, 1), distinct(sentences, 2), bleu)
