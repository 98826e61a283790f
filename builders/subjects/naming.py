"""Naming one object among several of its class: "the leftmost dog", "the second dog from the left"."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from ...manifests.errors import NotApplicable
from ...manifests.slots import Noun
from ..geometry import Box
from ..sample import Instance
from ..view import View

_ORDINALS = ("second", "third", "fourth")
_GAP = 0.04
"""Centres must lie this share of the image apart for an order of left and right that people agree on."""
_LARGER = 1.8


def name_one_of(one: Instance, members: Sequence[Instance], view: View, draw: random.Random) -> Noun:
    """A phrase that means `one` and none of the other members of its class that are shown.

    Raises:
        NotApplicable: no phrase tells it apart.
    """
    name = one.category.name
    if len(members) == 1 and not members[0].crowd:
        return Noun(name, count=1)
    if any(member.crowd for member in members):
        raise NotApplicable(f"the {name} stands beside a crowd region; no phrase tells it apart")
    if any(member.box_xyxy is None for member in members):
        raise NotApplicable(f"another {name} has no box; nobody knows which of them is where")
    boxes = {id(member): box for member in members if (box := view.box(member)) is not None}
    phrases = _by_place(one, boxes, view.size_wh[0]) + _by_size(one, boxes)
    if not phrases:
        raise NotApplicable(f"no phrase tells one {name} from the others")
    return Noun(draw.choice(phrases).format(name=name), count=1)


def _by_place(one: Instance, boxes: dict[int, Box], width: int) -> list[str]:
    centres = {key: (box[0] + box[2]) / 2 for key, box in boxes.items()}
    mine = centres.get(id(one))
    if mine is None or any(abs(mine - x) < _GAP * width for key, x in centres.items() if key != id(one)):
        return []
    ranked = sorted(centres.values())
    rank = ranked.index(mine)
    if rank == 0:
        return ["leftmost {name}"]
    if rank == len(ranked) - 1:
        return ["rightmost {name}"]
    gaps_clear = all(right - left >= _GAP * width for left, right in pairwise(ranked[: rank + 2]))
    return [f"{_ORDINALS[rank - 1]} {{name}} from the left"] if rank <= len(_ORDINALS) and gaps_clear else []


def _by_size(one: Instance, boxes: dict[int, Box]) -> list[str]:
    areas = {key: (box[2] - box[0]) * (box[3] - box[1]) for key, box in boxes.items()}
    mine = areas.pop(id(one), 0.0)
    return ["largest {name}"] if areas and mine >= _LARGER * max(areas.values()) else []
