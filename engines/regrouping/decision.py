"""What becomes of every row: the split it goes to, or why it is left out; rules that hold for any regrouping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from ...manifests.recipe import HELD_OUT_INSTRUCTIONS
from .looks import look
from .rows import Rows, codes_of

KEPT: Final = -1
SAME: Final = "the same row is there already"
OTHER: Final = "its id is another row's"
HELD_OUT: Final = "its photograph is held out in another split"

OnClash = Literal["error", "first", "rename"]
"""What becomes of different rows of one id: nothing is written, the first stays, or later ones get another id."""


@dataclass
class Decision:
    """What becomes of every row; arrays are (rows,).

    Attributes:
        splits: names of the splits that rows go to.
        split: int32, positions in `splits`.
        reasons: why rows are left out.
        reason: int32, positions in `reasons`; KEPT for rows that stay.
        renamed: row -> its new id.
    """

    splits: tuple[str, ...]
    split: NDArray[np.int32]
    reasons: list[str]
    reason: NDArray[np.int32]
    renamed: dict[int, str] = field(default_factory=dict)

    @classmethod
    def all_of(cls, rows: Rows) -> Decision:
        """Every row stays in its split."""
        return cls(rows.split_names, rows.split.copy(), [], np.full(len(rows), KEPT, np.int32))

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which rows stay."""
        return self.reason == KEPT

    def leave_out(self, which: NDArray[np.bool_], reason: str) -> None:
        """Leave out rows that are still in."""
        which = which & self.kept
        if which.any():
            if reason not in self.reasons:
                self.reasons.append(reason)
            self.reason[which] = self.reasons.index(reason)

    def counts(self) -> dict[str, int]:
        """Why -> rows that are left out."""
        return {reason: int((self.reason == place).sum()) for place, reason in enumerate(self.reasons)}


def check_held_out(rows: Rows) -> None:
    """Refuse to mix splits of held-out instructions with rows that were worded without that care.

    Raises:
        UsageError: several datasets, one of which has such a split.
    """
    if len(rows.parents) > 1 and HELD_OUT_INSTRUCTIONS in rows.split_names:
        raise UsageError(
            f"the split {HELD_OUT_INSTRUCTIONS} holds wordings that no other split may have, which cannot be promised "
            "for several datasets; leave it out with --only train --only validation"
        )


def settle_ids(rows: Rows, decision: Decision, on_clash: OnClash, workers: int) -> None:
    """Let every id stand for one row: of equal rows the first stays, of different ones what `on_clash` says.

    Raises:
        UsageError: different rows have one id, and `on_clash` is "error".
    """
    codes = codes_of(rows.ids)
    shared = np.bincount(codes)[codes] > 1
    if not shared.any():
        return
    seen = look(rows, shared, near=False, workers=workers)
    firsts: dict[int, int] = {}
    contents: set[tuple[int, ...]] = set()
    same, other = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for row in np.flatnonzero(shared).tolist():
        content = (int(codes[row]), *seen.of(row))
        if content in contents:
            same[row] = True
            continue
        contents.add(content)
        first = firsts.setdefault(int(codes[row]), row)
        if first != row:
            other[row] = True
            if on_clash == "error":
                raise UsageError(_clash(rows, first, row))
    decision.leave_out(same, SAME)
    if on_clash == "first":
        decision.leave_out(other, OTHER)
    else:
        _rename(rows, decision, np.flatnonzero(other & decision.kept))


def _clash(rows: Rows, first: int, second: int) -> str:
    one, two = (rows.parents[int(rows.parent[row])].folder.root for row in (first, second))
    return (
        f"the id {rows.ids[first].as_py()} stands for one row in {one} and for another in {two}; give --ids rename to "
        "keep both, or --ids first to keep that of the folder named first"
    )


def _rename(rows: Rows, decision: Decision, which: NDArray[np.int64]) -> None:
    """Give rows an id of their own: the old one and the number of their dataset, or the next that is free."""
    taken: set[str] = set()
    for row in which.tolist():
        number = int(rows.parent[row]) + 1
        while (name := f"{rows.ids[row].as_py()}-{number}") in taken or _is_there(rows, name):
            number += 1
        taken.add(name)
        decision.renamed[row] = name


def _is_there(rows: Rows, name: str) -> bool:
    return int(pc.index(rows.ids, pa.scalar(name, rows.ids.type)).as_py()) >= 0


def keep_photographs_apart(rows: Rows, decision: Decision) -> None:
    """Leave rows out of a split when a smaller one shows their photograph: what is tested on is not trained on."""
    photographs = codes_of(rows.photographs)
    size = np.bincount(rows.split, minlength=len(rows.split_names))
    order = sorted(range(len(size)), key=lambda split: (-size[split], rows.split_names[split]))
    rank = np.empty(len(size), np.int64)
    rank[order] = np.arange(len(size))
    smallest = np.zeros(int(photographs.max(initial=-1)) + 1, np.int64)
    np.maximum.at(smallest, photographs[decision.kept], rank[rows.split[decision.kept]])
    decision.leave_out(rank[rows.split] < smallest[photographs], HELD_OUT)


def summary(decision: Decision) -> Mapping[str, int]:
    """Split -> rows that it gets, empty ones left out."""
    counts = np.bincount(decision.split[decision.kept], minlength=len(decision.splits))
    return {name: int(count) for name, count in zip(decision.splits, counts, strict=True) if count}
