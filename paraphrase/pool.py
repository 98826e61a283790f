"""What instructions are drawn from: templates of one section, uniformly or by weight, some of them held out."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate

from .templates import Template, draw_template


@dataclass(frozen=True, slots=True)
class Pool:
    """Templates to draw from.

    Attributes:
        templates: at least one, all of one section.
        cumulative: running sums of their weights, to draw by weight; empty to give each the same chance.
    """

    templates: tuple[Template, ...]
    cumulative: tuple[float, ...] = ()

    @classmethod
    def weighted(cls, templates: Sequence[Template]) -> Pool:
        """A pool that draws each template as often as its weight says."""
        return cls(tuple(templates), tuple(accumulate(template.weight for template in templates)))

    def draw(self, draw: random.Random) -> Template:
        """One template."""
        if not self.cumulative:
            return draw_template(self.templates, draw)
        place = bisect_right(self.cumulative, draw.random() * self.cumulative[-1])
        return self.templates[min(place, len(self.templates) - 1)]  # rounding may reach the sum itself


def hold_out(templates: Sequence[Template], share: float, seed: int) -> tuple[list[Template], list[Template]]:
    """Divide a section into templates to train on and templates held out, each in the section's order.

    A template is held out when a hash of its id and the seed falls below the share, so it stays on its side when
    the bank grows. The first is never held out, since a fixed prompt uses it. Of two or more templates at least one
    is held out: if the hash chose none, the one with the lowest hash.

    Args:
        templates: of one section.
        share: 0 holds out nothing; below 1.
        seed: the recipe's.
    """
    if share <= 0:
        return list(templates), []
    hashes = {one.template_id: _fraction(f"{seed}|held out|{one.template_id}") for one in templates[1:]}
    below = {name for name, value in hashes.items() if value < share}
    chosen = below or set(sorted(hashes, key=hashes.__getitem__)[:1])
    held_out = [one for one in templates if one.template_id in chosen]
    return [one for one in templates if one.template_id not in chosen], held_out


def _fraction(name: str) -> float:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) / 2.0**64
