"""Which rows make which batch: a pure function of the settings, so that a resumed run goes on exactly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import UsageError
from .catalogue import Catalogue, shown_often
from .settings import Settings

_ASPECTS: Final = (1 / 2, 9 / 16, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 16 / 9, 2.0)
"""Width over height of the buckets: the common shapes of photographs and screens."""
_WINDOW: Final = 4
"""Row groups whose rows are mixed. A row group of a built dataset is a random sample already."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to be read together. size_wh: of all pictures, pixels. spares: rows to show for those that are broken."""

    rows: tuple[int, ...]
    size_wh: tuple[int, int]
    spares: tuple[int, ...] = ()


def bucket_sizes(resolution: int, multiple: int, aspect: str) -> tuple[tuple[int, int], ...]:
    """Widths and heights of about `resolution` squared pixels, sides being multiples of `multiple`.

    Raises:
        UsageError: the resolution is smaller than one such multiple.
    """
    if resolution < multiple:
        raise UsageError(f"resolution {resolution} is too small for this model; give at least {multiple}")

    def side(length: float) -> int:
        return max(multiple, round(length / multiple) * multiple)

    aspects = (1.0,) if aspect == "square" else _ASPECTS
    return tuple(
        dict.fromkeys((side(resolution * math.sqrt(one)), side(resolution / math.sqrt(one))) for one in aspects)
    )


def nearest_bucket(size_wh: NDArray[np.int32], buckets: tuple[tuple[int, int], ...]) -> NDArray[np.intp]:
    """(rows,) the bucket whose shape is nearest to each size, by the ratio of the aspects."""
    aspects = np.log(size_wh[:, 0] / size_wh[:, 1])
    shapes = np.log([width / height for width, height in buckets])
    return np.abs(aspects[:, None] - shapes[None]).argmin(axis=1)


class BatchOrder:
    """All batches of a run, in order, dealt out to the processes that train together."""

    def __init__(self, catalogue: Catalogue, settings: Settings, multiple: int) -> None:
        self._catalogue, self._settings = catalogue, settings
        self._rows = catalogue.rows_of(settings.tasks)
        self.buckets = bucket_sizes(settings.resolution, multiple, settings.aspect)
        self._bucket_of = nearest_bucket(catalogue.size_wh, self.buckets)
        shown_often(catalogue, self._rows, settings.weights, np.random.default_rng(0))  # a wrong weight is told now

    def __len__(self) -> int:
        """Rows that are drawn from."""
        return len(self._rows)

    def batches(self, rank: int, world: int, start: int) -> Iterator[Batch]:
        """This process's batches, without end.

        Args:
            rank, world: this process, and how many there are.
            start: of its own batches, how many are done already.
        """
        everything = itertools.chain.from_iterable(map(self.epoch, itertools.count()))
        return itertools.islice(everything, rank + start * world, None, world)

    def epoch(self, number: int) -> list[Batch]:
        """The batches of one epoch; every row is in at least one, the last of a bucket are filled up with its first."""
        size = self._settings.batch_size
        waiting: dict[int, list[int]] = {}
        shown: dict[int, list[int]] = {}
        found: list[Batch] = []
        for row in self._shuffled(number):
            bucket = int(self._bucket_of[row])
            waiting.setdefault(bucket, []).append(row)
            shown.setdefault(bucket, []).append(row)
            if len(waiting[bucket]) == size:
                found.append(self._batch(bucket, waiting.pop(bucket), shown[bucket]))
        for bucket, rest in sorted(waiting.items()):
            filled = [*rest, *itertools.islice(itertools.cycle(shown[bucket]), size - len(rest))]
            found.append(self._batch(bucket, filled, shown[bucket]))
        return found

    def _batch(self, bucket: int, rows: list[int], spares: list[int]) -> Batch:
        return Batch(tuple(rows), self.buckets[bucket], tuple(spares[-2 * len(rows) :][: len(rows)]))

    def _shuffled(self, epoch: int) -> Iterator[int]:
        """Row groups change places; the rows of a few of them are mixed."""
        draw = np.random.default_rng((self._settings.seed, epoch))
        often = np.zeros(len(self._catalogue), np.int64)
        often[self._rows] = shown_often(self._catalogue, self._rows, self._settings.weights, draw)
        firsts = self._catalogue.firsts
        order = draw.permutation(len(self._catalogue.groups))
        for window in range(0, len(order), _WINDOW):
            spans = [np.arange(firsts[group], firsts[group + 1]) for group in order[window : window + _WINDOW]]
            rows = np.concatenate(spans)
            yield from draw.permutation(np.repeat(rows, often[rows])).tolist()
