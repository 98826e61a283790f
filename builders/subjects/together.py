"""Choose what can be read back once all of it is drawn on one picture, and in which order it is drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar


class Named(Protocol):
    """A class of objects as it would be drawn."""

    @property
    def name(self) -> str:
        """Of the class."""


DrawableT = TypeVar("DrawableT", bound=Named)
BoxT = TypeVar("BoxT")


def pick_together(
    drawables: Iterable[DrawableT | str], wanted: int, are_read: Callable[[Sequence[DrawableT], int | None], bool]
) -> tuple[list[DrawableT], str]:
    """The first classes whose boxes can be read back together, and why the last one that was left out is.

    Mostly the very first can, so that these are tried all at once, and one after the other only where that fails.

    Args:
        drawables: classes, or why one cannot be drawn.
        wanted: how many, at least 1; fewer where there are not so many.
        are_read: whether all of these can be read back; and the position of the one that is new, where the others can.
    """
    reason = ""
    ahead: list[DrawableT] = []
    rest = iter(drawables)
    for one in rest:
        if isinstance(one, str):
            reason = one
            continue
        ahead.append(one)
        if len(ahead) == wanted:
            break
    if not ahead or are_read(ahead, None):
        return ahead, reason
    picks: list[DrawableT] = []
    for one in itertools.chain(ahead, rest):
        if isinstance(one, str):
            reason = one
            continue
        together = [*picks, one]
        if together == ahead or not are_read(together, len(picks)):
            reason = f"the boxes of class {one.name} cannot be told apart once they are drawn"
            continue
        picks = together
        if len(picks) == wanted:
            break
    return picks, reason


def larger_first(groups: Iterable[Iterable[BoxT]], area: Callable[[BoxT], float]) -> tuple[list[BoxT], list[int]]:
    """The boxes of all classes in the order in which they are drawn, and the position of each one's class."""
    boxes = [(box, owner) for owner, group in enumerate(groups) for box in group]
    boxes.sort(key=lambda item: -area(item[0]))
    return [box for box, _ in boxes], [owner for _, owner in boxes]
