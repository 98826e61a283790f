"""Run shards on a Ray cluster; Ray moves the work, the ledger stays the truth of what is done.

Ray's own retries are off: a task that is lost comes back here and is sent again, so that nothing runs twice unseen.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ..manifests.errors import BuildError
from ..manifests.extras import load_extra
from .local import Job

ItemT = TypeVar("ItemT")
_RETRIES = 3
_QUEUED = 2
"""Items begun or queued for each processor: enough that none idles, few enough that a lost cluster loses little."""
_LOOK_SECONDS = 5.0
"""How often to look how large the cluster is."""


def ray_engine(address: str | None = None) -> Callable[[Job, Iterable[Any], int], Iterator[tuple[Any, Any]]]:
    """An engine for `build`.

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
    ray = load_extra("ray", "ray")
    with _connected(ray, address, workers):
        try:
            yield from _Flight(ray, job, workers).run(todo)
        except ray.exceptions.RayError as fault:  # the cluster itself; a task's own fault is dealt with in there
            words = str(fault).strip().partition("\n")[0]
            raise BuildError(f"the Ray cluster failed: {words}; run the same command again to go on") from fault


class _Flight:
    """Items on their way through a cluster."""

    def __init__(self, ray: Any, job: Job, workers: int) -> None:
        self._ray = ray
        self._token = uuid.uuid4().hex
        self._job = [ray.put(job)]  # in a list: a worker fetches it when it opens the job, not with every item
        self._task = ray.remote(num_cpus=1, max_retries=0)(_run)
        self._workers = workers
        self._room, self._looked = 0, float("-inf")
        self._flying: dict[Any, tuple[Any, int]] = {}

    def run(self, items: list[Any]) -> Iterator[tuple[Any, Any]]:
        """Send, wait, and send again what was lost."""
        waiting: deque[tuple[Any, int]] = deque((item, 0) for item in items)
        try:
            while waiting or self._flying:
                while waiting and len(self._flying) < self._limit():
                    item, attempt = waiting.popleft()
                    self._flying[self._task.remote(self._token, self._job, item)] = item, attempt
                ready, _ = self._ray.wait(list(self._flying), timeout=_LOOK_SECONDS)
                for ref in ready:
                    item, attempt = self._flying.pop(ref)
                    try:
                        result = self._ray.get(ref)
                    except self._ray.exceptions.RayTaskError as fault:
                        raise fault.cause from None
                    except self._ray.exceptions.RayError as fault:
                        waiting.appendleft((item, self._next_attempt(attempt, fault)))
                        continue
                    yield item, result
        finally:
            for ref in self._flying:
                self._ray.cancel(ref, force=True)

    def _limit(self) -> int:
        if self._workers:
            return self._workers
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._room = max(1, _QUEUED * int(self._ray.cluster_resources().get("CPU", 1)))
        return self._room

    def _next_attempt(self, attempt: int, fault: Exception) -> int:
        """The number of the attempt to come. A node that went away is no fault of the item, and is not counted."""
        if isinstance(fault, self._ray.exceptions.NodeDiedError):
            return attempt
        if attempt == _RETRIES:
            raise BuildError(
                f"a Ray worker died {attempt + 1} times on the same shard (out of memory?): "
                f"{str(fault).splitlines()[0]}; run the same command again with fewer --workers"
            ) from fault
        return attempt + 1


@contextlib.contextmanager
def _connected(ray: Any, address: str | None, workers: int) -> Iterator[None]:
    """A connection to Ray; one that is open already is used and left open."""
    if ray.is_initialized():
        yield
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
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody listens; Ray itself would go on trying for minutes.

    Raises:
        OSError: nobody listens there.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_LOOK_SECONDS).close()


_opened: dict[str, Callable[[Any], Any]] = {}


def _run(token: str, boxed_job: list[Any], item: Any) -> Any:
    """Do one item in a worker process, which opens a job once."""
    if token not in _opened:
        job: Job = load_extra("ray", "ray").get(boxed_job[0])
        _opened.clear()
        try:
            _opened[token] = job.open()
        except OSError as fault:
            raise BuildError(
                f"a Ray worker on {socket.gethostname()} cannot open the build: {fault}; output and sources must lie "
                "under the same paths on every node"
            ) from fault
    return _opened[token](item)
