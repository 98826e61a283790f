"""Items on their way through a Ray cluster, as tasks or to actors; whatever is lost on the way is sent again."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..manifests.errors import BuildError, UsageError
from ..manifests.extras import load_extra
from .fleet import Shape
from .local import Job

RETRIES = 3
LOOK_SECONDS = 5.0
"""How often to look how large the cluster is."""
_CANCEL_SECONDS = 10.0
"""How long to wait at most until tasks are told to stop."""
_QUEUED = 2
"""Items begun or queued for each processor or actor: enough that none idles, few enough that a loss costs little."""


class Crew(Protocol):
    """What does the items."""

    def hire(self, left: int) -> list[Any]:
        """See to it that there is who does `left` items; returns references to those who are about to come."""

    def arrived(self, ref: Any) -> None:
        """One of those has come, or has failed to."""

    def has_room(self) -> bool:
        """Whether an item may be sent now."""

    def send(self, item: Any) -> Any:
        """Have an item done; returns a reference to its result."""

    def done(self, ref: Any) -> None:
        """The result is there, or the error that the item raised."""

    def lost(self, ref: Any, fault: Exception) -> bool:
        """There will be no result; returns whether the item itself may be to blame."""

    def leave(self) -> None:
        """Stop everything."""


def fly(ray: Any, crew: Crew, items: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Send items, wait, and send again what was lost; yields (item, result).

    Raises:
        BuildError: whoever did an item died every time; whatever the job raised.
    """
    waiting: deque[tuple[Any, int]] = deque((item, 0) for item in items)
    flying: dict[Any, tuple[Any, int]] = {}
    try:
        while waiting or flying:
            coming = crew.hire(len(waiting) + len(flying))
            while waiting and crew.has_room():
                item, attempt = waiting.popleft()
                flying[crew.send(item)] = item, attempt
            ready, _ = ray.wait([*flying, *coming], timeout=LOOK_SECONDS)
            for ref in ready:
                if ref not in flying:
                    crew.arrived(ref)
                    continue
                item, attempt = flying.pop(ref)
                try:
                    result = ray.get(ref)
                except ray.exceptions.RayTaskError as fault:
                    crew.done(ref)
                    raise fault.cause from None
                except ray.exceptions.RayError as fault:
                    attempt += crew.lost(ref, fault)
                    if attempt > RETRIES:
                        raise _gave_up(fault, attempt) from fault
                    waiting.appendleft((item, attempt))
                    continue
                crew.done(ref)
                yield item, result
    finally:
        crew.leave()


def _gave_up(fault: Exception, attempts: int) -> BuildError:
    return BuildError(
        f"a Ray worker died {attempts} times on the same shard (out of memory?): {_line(fault)}; run the same command "
        "again with fewer --workers"
    )


def _line(fault: Exception) -> str:
    return str(fault).strip().partition("\n")[0]


class Tasks:
    """One Ray task an item, on one processor.

    Args:
        ray: the module.
        job: opened once in every worker process.
        token: names the job.
        workers: at most so many at a time; 0: by the processors of the cluster, also when it grows.
    """

    def __init__(self, ray: Any, job: Job, token: str, workers: int) -> None:
        self._ray, self._token, self._workers = ray, token, workers
        self._job = [ray.put(job)]  # in a list: a worker fetches it when it opens the job, not with every item
        self._task = ray.remote(num_cpus=1, max_retries=0)(run_item)
        self._sent: set[Any] = set()
        self._room, self._looked = workers, float("-inf")

    def hire(self, left: int) -> list[Any]:
        """Tasks need nobody; looks how large the cluster is."""
        if not self._workers and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._room = max(1, _QUEUED * int(self._ray.cluster_resources().get("CPU", 1)))
        return []

    def arrived(self, ref: Any) -> None:
        """Nobody is waited for."""
        raise AssertionError(ref)

    def has_room(self) -> bool:
        """Whether the limit is not reached."""
        return len(self._sent) < self._room

    def send(self, item: Any) -> Any:
        """A new task."""
        ref = self._task.remote(self._token, self._job, item)
        self._sent.add(ref)
        return ref

    def done(self, ref: Any) -> None:
        """The task is over."""
        self._sent.discard(ref)

    def lost(self, ref: Any, fault: Exception) -> bool:
        """A node that went away is no fault of the item."""
        self._sent.discard(ref)
        return not isinstance(fault, self._ray.exceptions.NodeDiedError)

    def leave(self) -> None:
        """Take back what was sent, by way of a task.

        Ray (2.60) aborts the driver's process when a task's result comes in while another thread cancels the task
        ("Tried to complete task that was not pending"). A request from elsewhere waits its turn among the results.
        """
        if self._sent:
            canceller = self._ray.remote(num_cpus=0, max_retries=0)(cancel).remote([list(self._sent)])
            self._ray.wait([canceller], timeout=_CANCEL_SECONDS)


@dataclass(eq=False)
class _Actor:
    """An actor: `queue` has what it was sent, the first being what it does; `node` is known once it has come."""

    handle: Any
    node: str = ""
    queue: list[Any] = field(default_factory=list)
    blamed: bool = False


class Actors:
    """Processes that hold on to what the job has opened, such as a model, and do item after item.

    Args:
        ray: the module.
        job, token: as for `Tasks`.
        shape: of each.
        workers: at most so many; 0: as many as the cluster holds, also when it grows.
    """

    def __init__(self, ray: Any, job: Job, token: str, shape: Shape, workers: int) -> None:
        self._ray, self._token, self._shape, self._workers = ray, token, shape, workers
        self._job = [ray.put(job)]
        self._kind = ray.remote(num_cpus=shape.cpus, num_gpus=shape.gpus, max_restarts=0, max_task_retries=0)(Holder)
        self._coming: dict[Any, _Actor] = {}
        self._here: list[_Actor] = []
        self._sent: dict[Any, _Actor] = {}
        self._room, self._looked, self._failed = workers, float("-inf"), 0

    def hire(self, left: int) -> list[Any]:
        """Start actors while the cluster has room and there is work for them."""
        if not self._workers and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._room = max(1, room(self._ray, self._shape))
        while len(self._here) + len(self._coming) < min(self._room, left):
            handle = self._kind.remote()
            self._coming[handle.node.remote()] = _Actor(handle)
        return list(self._coming)

    def arrived(self, ref: Any) -> None:
        """Give work only to those who have come: one that finds no room in the cluster would keep it for ever."""
        actor = self._coming.pop(ref)
        try:
            actor.node = self._ray.get(ref)
        except self._ray.exceptions.RayError as fault:
            self._failed += 1
            if self._failed > RETRIES:
                raise BuildError(
                    f"no Ray actor could be started: {_line(fault)}; run the same command again"
                ) from fault
            return
        self._failed = 0
        self._here.append(actor)

    def has_room(self) -> bool:
        """Whether one of those who are here has less than it may have."""
        return any(len(actor.queue) < _QUEUED for actor in self._here)

    def send(self, item: Any) -> Any:
        """To the one that has least to do."""
        actor = min(self._here, key=lambda one: len(one.queue))
        ref = actor.handle.run.remote(self._token, self._job, item)
        actor.queue.append(ref)
        self._sent[ref] = actor
        return ref

    def done(self, ref: Any) -> None:
        """The actor has one less to do."""
        self._sent.pop(ref).queue.remove(ref)

    def lost(self, ref: Any, fault: Exception) -> bool:
        """The actor is gone. Only what it was doing may be to blame, and not that when its node is gone too."""
        actor = self._sent.pop(ref)
        first = actor.queue[0] is ref and not actor.blamed
        actor.queue.remove(ref)
        if actor in self._here:
            self._here.remove(actor)
            self._ray.kill(actor.handle)  # one that only cannot be reached would go on holding its GPU
        if first:
            actor.blamed = True
        alive = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        return first and actor.node in alive

    def leave(self) -> None:
        """End them all."""
        for actor in [*self._here, *self._coming.values()]:
            self._ray.kill(actor.handle)


def room(ray: Any, shape: Shape) -> int:
    """How many actors of a shape the nodes of a cluster hold."""
    return sum(_fits(node["Resources"], shape) for node in ray.nodes() if node["Alive"])


def _fits(has: dict[str, float], shape: Shape) -> int:
    by_cpus = has.get("CPU", 0) / shape.cpus if shape.cpus else float("inf")
    by_gpus = has.get("GPU", 0) / shape.gpus if shape.gpus else float("inf")
    return int(min(by_cpus, by_gpus))


class Holder:
    """An actor."""

    def node(self) -> str:
        """Where it runs."""
        return str(load_extra("ray", "ray").get_runtime_context().get_node_id())

    def run(self, token: str, boxed_job: list[Any], item: Any) -> Any:
        """Do one item."""
        return run_item(token, boxed_job, item)


def cancel(boxed_refs: list[Any]) -> None:
    """Cancel tasks that another process has sent."""
    ray = load_extra("ray", "ray")
    for ref in boxed_refs[0]:
        ray.cancel(ref, force=True)


_opened: dict[str, Callable[[Any], Any]] = {}


def run_item(token: str, boxed_job: list[Any], item: Any) -> Any:
    """Do one item in a worker process, which opens a job once."""
    if token not in _opened:
        job: Job = load_extra("ray", "ray").get(boxed_job[0])
        _opened.clear()
        try:
            _opened[token] = job.open()
        except OSError as fault:
            raise BuildError(
                f"a Ray worker on {socket.gethostname()} cannot open the job: {fault}; output and sources must lie "
                "under the same paths on every node"
            ) from fault
        except UsageError as fault:
            raise UsageError(f"on the node {socket.gethostname()}: {fault}") from fault
    return _opened[token](item)
