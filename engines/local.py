"""Run shards in worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from ..manifests.errors import BuildError

ItemT = TypeVar("ItemT")
_RETRIES = 2


class Job(Protocol):
    """What workers run. It is pickled once to each worker."""

    def open(self) -> Callable[[Any], Any]:
        """Prepare this process and return the function that does one item."""


def default_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def run_local(job: Job, items: Iterable[ItemT], workers: int) -> Iterator[tuple[ItemT, Any]]:
    """Do every item; yields (item, result) as they finish, in any order.

    A worker that dies (killed, out of memory) costs only its unfinished items, which are tried again.

    Raises:
        BuildError: items whose worker died every time; whatever the job raised.
    """
    todo = list(items)
    if workers == 1 or len(todo) <= 1:
        run = job.open()
        for item in todo:
            yield item, run(item)
        return
    for attempt in range(_RETRIES + 1):
        done: set[int] = set()
        try:
            for position, result in _run_pool(job, todo, min(workers, len(todo))):
                done.add(position)
                yield todo[position], result
            return
        except BrokenProcessPool as fault:
            todo = [item for position, item in enumerate(todo) if position not in done]
            if attempt == _RETRIES:
                raise BuildError(
                    f"a worker process died {attempt + 1} times (out of memory?), {len(todo)} shards are not built; "
                    "run the same command again with fewer --workers"
                ) from fault


def _run_pool(job: Job, todo: list[Any], workers: int) -> Iterator[tuple[int, Any]]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(job,))
    try:
        pending: dict[Future[Any], int] = {pool.submit(_run, item): place for place, item in enumerate(todo)}
        while pending:
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                yield pending.pop(future), future.result()
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_worker: Callable[[Any], Any] | None = None


def _start_worker(job: Job) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = job.open()


def _end_with_parent() -> None:
    """A killed parent cannot stop its workers; they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(item: Any) -> Any:
    assert _worker is not None
    return _worker(item)
