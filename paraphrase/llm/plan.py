"""Which requests a run consists of. The same options give the same requests, so their keys repeat."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..templates import Template
from .brief import Brief
from .styles import Style, StyleChoices

_SEEDS_SHOWN = 6


@dataclass(frozen=True)
class Request:
    """One answer to ask for.

    Attributes:
        brief: the section it is about.
        number: which request of this section and language, from 0.
        language: BCP 47 tag.
        style: how the sentences should sound.
        parent: the template to paraphrase.
        shown: other templates, shown so that they are not written again.
        count: how many paraphrases to ask for.
    """

    brief: Brief
    number: int
    language: str
    style: Style
    parent: Template
    shown: tuple[Template, ...]
    count: int


@dataclass(frozen=True)
class Plan:
    """Every request of a run.

    Request k of a section depends on the seed, the section, the language and k alone: a later run that asks for more
    begins with the requests of this one and pays for the new ones only.

    Attributes:
        briefs: the sections.
        per_task: paraphrases of each task and language, spread evenly over its sections; each section's share is
            rounded up to whole requests.
        per_request: paraphrases of one request.
        languages: BCP 47 tags.
        styles: what the styles are drawn from.
        seed: decides everything that is drawn.
    """

    briefs: Sequence[Brief]
    per_task: int
    per_request: int = 10
    languages: Sequence[str] = ("en",)
    styles: StyleChoices = field(default_factory=StyleChoices)
    seed: int = 0

    def __len__(self) -> int:
        return sum(self._rounds().values()) * len(self.languages)

    def __iter__(self) -> Iterator[Request]:
        """All requests, section by section in turn, so that a run cut short has something of each."""
        rounds = self._rounds()
        for number in range(max(rounds.values(), default=0)):
            for position, brief in enumerate(self.briefs):
                if number < rounds[position]:
                    for language in self.languages:
                        yield self._request(brief, number, language)

    def _rounds(self) -> dict[int, int]:
        """Requests of each section, by its position."""
        positions: dict[str, list[int]] = {}
        for position, brief in enumerate(self.briefs):
            positions.setdefault(brief.task, []).append(position)
        rounds = {}
        for of_task in positions.values():
            for place, position in enumerate(of_task):
                share = self.per_task // len(of_task) + (place < self.per_task % len(of_task))
                rounds[position] = -(-share // self.per_request)
        return rounds

    def _request(self, brief: Brief, number: int, language: str) -> Request:
        draw = random.Random(f"{self.seed}/{brief.task}/{brief.section}/{language}/{number}")
        parent = draw.choice(brief.seeds)
        others = [seed for seed in brief.seeds if seed is not parent]
        shown = tuple(draw.sample(others, min(_SEEDS_SHOWN, len(others))))
        style = self.styles.style(number, draw)
        return Request(brief, number, language, style, parent, shown, self.per_request)


def sections_of(plan: Plan) -> Mapping[tuple[str, str], Brief]:
    """The plan's briefs by task and section."""
    return {(brief.task, brief.section): brief for brief in plan.briefs}
