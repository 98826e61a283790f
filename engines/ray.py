"""Run shards on a Ray cluster; Ray moves the work, the ledger stays the truth of what is done.

Ray's own retries are off: a task that is lost comes back here and is sent again, so that nothing runs twice unseen.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ..manifests.errors import BuildError, UsageError
from ..manifests.extras import load_extra
from .fleet import Shape
from .local import Engine, Job
from .ray_flight import LOOK_SECONDS, Actors, Crew, Tasks, fly

ItemT = TypeVar("ItemT")
_CPUS_OF_GPU = 8
"""Processors that decode for a GPU, at most."""
_CPUS_OF_MODEL = 4
"""Processors of a model that runs on them: a model for each would not leave memory for anything else."""


def ray_engine(address: str | None = None) -> Engine:
    """An engine.

    Args:
        address: of a cluster ("auto", "HOST:PORT"); None: what RAY_ADDRESS names, else a Ray of this machine alone.
    """

    def run(job: Job, items: Iterable[Any], workers: int) -> Iterator[tuple[Any, Any]]:
        return run_ray(job, items, workers, address)

    return run


def run_ray(job: Job, items: Iterable[ItemT], workers: int, address: str | None = None) -> Iterator[tuple[ItemT, Any]]:
    """Do every item on a cluster; yields (item, result) as they finish, in any order.

    A task whose worker died (killed, out of memory) is tried again; a lost node costs only its unfinished items.

    Args:
        job: opened once in every worker process.
        items: what to do.
        workers: at most so many at a time; 0: as many as the cluster has processors, also when it grows.
        address: as in `ray_engine`.

    Raises:
        UsageError: Ray is not installed.
        BuildError: no cluster can be reached; an item's worker died every time; whatever the job raised.
    """
    todo = list(items)
    if not todo:
        return
    with connected(address, workers) as ray:
        yield from _told(ray, Tasks(ray, job, uuid.uuid4().hex, workers), todo)


@dataclass(frozen=True)
class RayFleet:
    """Actors that hold a model each; see `engines.fleet.Fleet`.

    Attributes:
        address: as in `ray_engine`.
        gpus: of each actor, in (0, 1], or 0 for none; None: one where the cluster has GPUs.
        workers: at most so many actors; 0: as many as the cluster holds.
    """

    address: str | None = None
    gpus: float | None = None
    workers: int = 0

    def shape(self, *, accelerated: bool = True) -> Shape:
        """What each actor gets; without GPUs unless `accelerated`.

        Raises:
            UsageError: no node has the GPUs that were asked for.
        """
        with connected(self.address) as ray:
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not accelerated or self.gpus == 0:
            return _on_processors(nodes)
        gpus = 1.0 if self.gpus is None else self.gpus
        able = [node for node in nodes if node.get("GPU", 0) >= gpus]
        if not able:
            if self.gpus is not None:
                raise UsageError(
                    f"--gpus-per-task {gpus:g}: no node of the Ray cluster has a GPU; give 0, or leave it out"
                )
            return _on_processors(nodes)
        return Shape(gpus, min(_CPUS_OF_GPU, *(int(node.get("CPU", 0) * gpus / node["GPU"]) for node in able)))

    def run(self, job: Job, items: Iterable[ItemT], shape: Shape) -> Iterator[tuple[ItemT, Any]]:
        """Do every item; yields (item, result) as they finish, in any order.

        Raises:
            BuildError: as for `run_ray`.
        """
        todo = list(items)
        if not todo:
            return
        with connected(self.address) as ray:
            yield from _told(ray, Actors(ray, job, uuid.uuid4().hex, shape, self.workers), todo)


def _on_processors(nodes: list[dict[str, float]]) -> Shape:
    most = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    return Shape(0, min([_CPUS_OF_MODEL, *most]))


def _told(ray: Any, crew: Crew, items: list[Any]) -> Iterator[tuple[Any, Any]]:
    try:
        yield from fly(ray, crew, items)
    except ray.exceptions.RayError as fault:  # the cluster itself; an item's own fault is dealt with in there
        words = str(fault).strip().partition("\n")[0]
        raise BuildError(f"the Ray cluster failed: {words}; run the same command again to go on") from fault


@contextlib.contextmanager
def connected(address: str | None, workers: int = 0) -> Iterator[Any]:
    """A connection to Ray, whose module it yields; one that is open already is used and left open.

    Args:
        address: as in `ray_engine`.
        workers: processors of a Ray of this machine alone; 0: all.

    Raises:
        UsageError: Ray is not installed.
        BuildError: no cluster can be reached.
    """
    ray = load_extra("ray", "ray")
    if ray.is_initialized():
        yield ray
        return
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is not None:
            _knock(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers or None, include_dashboard=False, **quiet)
    except (OSError, RuntimeError, ValueError) as fault:
        where = address or "this machine"
        raise BuildError(f"Ray at {where} cannot be reached: {' '.join(str(fault).split())}") from fault
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody listens; Ray itself would go on trying for minutes.

    Raises:
        OSError: nobody listens there.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=LOOK_SECONDS).close()
