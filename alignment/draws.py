"""With which settings the edits of an instruction are drawn: a grid, random draws, or a mixture."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from ..manifests.errors import UsageError


@dataclass(frozen=True, slots=True)
class Draw:
    """Settings of one edit.

    Attributes:
        text_guidance: how much to listen to the instruction, 1 for no guidance.
        image_guidance: how much to listen to the picture.
        steps: of denoising.
        seed: with the item, decides the noise.
    """

    text_guidance: float
    image_guidance: float
    steps: int
    seed: int


@dataclass(frozen=True, slots=True)
class Span:
    """Values that a setting takes: each of some, or any between two."""

    values: tuple[float, ...]
    between: bool = False


def parse_span(text: str, option: str) -> Span:
    """Read "7.5", "5,7.5,10" (each of them) or "3:12" (any between).

    Raises:
        UsageError: it is neither, or a number below 1.
    """
    between = ":" in text
    try:
        values = tuple(float(part) for part in text.split(":" if between else ","))
    except ValueError as fault:
        raise UsageError(f"{option} {text!r} is neither 7.5 nor 5,7.5,10 nor 3:12") from fault
    if (between and len(values) != 2) or not all(1 <= value <= 1000 for value in values):
        raise UsageError(f"{option} {text!r} must be numbers from 1 to 1000, one, several with commas, or LOW:HIGH")
    return Span((min(values), max(values)) if between else tuple(dict.fromkeys(values)), between)


def make_draws(count: int, text: Span, image: Span, steps: Span, seed: int) -> list[Draw]:
    """Settings of `count` edits, the same for every item, so that many items are drawn at once.

    Lists are combined with each other in order; when all combinations are used up, they begin anew with other noise.
    What is drawn between two values is drawn for each edit by itself, to two decimals.
    """
    grid = list(itertools.product(*(_choices(span) for span in (text, image, steps))))
    draw = random.Random(f"{seed} guidance")
    found = []
    for number in range(count):
        one = [
            round(draw.uniform(*span.values), 2) if value is None else value
            for value, span in zip(grid[number % len(grid)], (text, image, steps), strict=True)
        ]
        found.append(
            Draw(one[0], one[1], round(one[2]), seed + number // len(grid) if len(grid) > 1 else seed + number)
        )
    return found


def _choices(span: Span) -> tuple[float | None, ...]:
    return (None,) if span.between else span.values
