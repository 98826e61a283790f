"""The shards of a regrouped dataset, and where the rows of each come from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .decision import Decision
from .rows import Rows


@dataclass(frozen=True)
class NewShard:
    """A shard to be written; arrays are (rows,), in the order of its rows.

    Attributes:
        name: of the shard.
        stream: int64; rows of one stream lie in their datasets in the order in which they are needed here.
        parent, shard, position: where each row lies.
        ids: new ids by place in the shard; of rows that keep theirs there is none.
    """

    name: str
    stream: NDArray[np.int64]
    parent: NDArray[np.int32]
    shard: NDArray[np.int32]
    position: NDArray[np.int64]
    ids: dict[int, str]

    def __len__(self) -> int:
        return len(self.stream)

    def runs(self, stream: int) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
        """Of a stream: parent, its shard, positions there; in order."""
        mine = np.flatnonzero(self.stream == stream)
        keys = np.stack([self.parent[mine], self.shard[mine]])
        edges = np.flatnonzero(np.any(keys[:, 1:] != keys[:, :-1], axis=0)) + 1
        for part in np.split(mine, edges):
            yield int(self.parent[part[0]]), int(self.shard[part[0]]), self.position[part]


def lay_out(rows: Rows, decision: Decision, rows_per_shard: int) -> list[NewShard]:
    """Lay the rows of every split end to end, datasets mixed evenly, and cut them; a split without rows gets no shard.

    Every dataset is shuffled in itself, so that its rows need not be moved among themselves: the n rows of a stream
    (one old split of one dataset) stand at (i + 1/2) / n of the way.

    Args:
        rows: of all datasets.
        decision: what becomes of them.
        rows_per_shard: at most so many.
    """
    found = []
    streams = rows.parent.astype(np.int64) * len(rows.split_names) + rows.split
    for split, name in enumerate(decision.splits):
        mine = np.flatnonzero(decision.kept & (decision.split == split))
        ordered = mine[_mixed(streams[mine])]
        total = math.ceil(len(ordered) / rows_per_shard)
        for number in range(total):
            part = ordered[number * len(ordered) // total : (number + 1) * len(ordered) // total]
            ids = {place: decision.renamed[row] for place, row in enumerate(part.tolist()) if row in decision.renamed}
            places = (rows.parent[part], rows.shard[part], rows.position[part])
            found.append(NewShard(f"{name}-{number:05d}-of-{total:05d}", streams[part], *places, ids))
    return found


def _mixed(streams: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the order that spreads every stream evenly; each keeps its own."""
    share = np.empty(len(streams))
    for stream in np.unique(streams).tolist():
        mine = np.flatnonzero(streams == stream)
        share[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return np.lexsort((streams, share))
