"""What scoring asks of a cluster: processes that hold a model each and embed shard after shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from .local import Job


@dataclass(frozen=True)
class Shape:
    """What a process has to itself.

    Attributes:
        gpus: 0 for none; less than one shares a GPU with others.
        cpus: processors.
    """

    gpus: float
    cpus: int

    @property
    def device(self) -> str:
        """Where its model runs; a process sees no GPU but its own."""
        return "cuda:0" if self.gpus else "cpu"


class Fleet(Protocol):
    """Processes on any machine of a cluster that keep what a job has opened."""

    def shape(self, *, accelerated: bool = True) -> Shape:
        """What each process gets; without GPUs unless `accelerated`, or where there are none."""

    def run(self, job: Job, items: Iterable[Any], shape: Shape) -> Iterator[tuple[Any, Any]]:
        """Do every item; yields (item, result) as they finish, in any order."""
