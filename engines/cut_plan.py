"""Which surviving rows go to which shard of the cut: in their old order, in shards of like size, without gaps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..filters.survival import ScoredRows
from ..manifests.folder import split_of
from .pieces import Piece


@dataclass(frozen=True)
class CutShard:
    """A shard of the cut and where its rows come from."""

    name: str
    pieces: tuple[Piece, ...]

    def __len__(self) -> int:
        return sum(len(piece.rows) for piece in self.pieces)


def plan_cut(rows: ScoredRows, kept: NDArray[np.bool_], rows_per_shard: int) -> list[CutShard]:
    """Lay the survivors of every split end to end and cut them anew; a split that is empty gets no shard.

    Args:
        rows: of the old dataset.
        kept: (rows,) which of them survive.
        rows_per_shard: at most so many.
    """
    names = list(dict.fromkeys(map(split_of, rows.shards)))
    split_of_row = np.repeat([names.index(split_of(shard)) for shard in rows.shards], np.diff(rows.starts))
    found = []
    for position, split in enumerate(names):
        mine = np.flatnonzero(kept & (split_of_row == position))
        total = math.ceil(len(mine) / rows_per_shard)
        for number in range(total):
            part = mine[number * len(mine) // total : (number + 1) * len(mine) // total]
            found.append(CutShard(f"{split}-{number:05d}-of-{total:05d}", _pieces(rows, part)))
    return found


def _pieces(rows: ScoredRows, part: NDArray[np.int64]) -> tuple[Piece, ...]:
    owners = np.searchsorted(rows.starts, part, side="right") - 1
    return tuple(
        Piece(rows.shards[owner], part[owners == owner] - rows.starts[owner]) for owner in np.unique(owners).tolist()
    )
