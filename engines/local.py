"""Run shards in worker processes on this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Protocol, TypeVar

from ..manifests.errors import BuildError

ItemT = TypeVar("ItemT")
_RETRIES = 2


class Job(Protocol):
    """What workers run. It is pickled once to each worker."""

    def open(self) -> Callable[[Any], Any]:
        """Prepare this process and return the function that does one item."""


Engine = Callable[[Job, Iterable[Any], int], Iterator[tuple[Any, Any]]]
"""Does every item with so many workers, 0 for all there are, and yields (item, result) in any order."""


def default_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def run_local(job: Job, items: Iterable[ItemT], workers: int) -> Iterator[tuple[ItemT, Any]]:
    """Do every item; yields (item, result) as they finish, in any order. 0 workers: one a processor.

    A worker that dies (killed, out of memory) costs only its unfinished items, which are tried again.

    Raises:
        BuildError: items whose worker died every time; whatever the job raised.
    """
    todo = list(items)
    workers = workers or default_workers()
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


def run_in_order(job: Job, items: Iterable[ItemT], workers: int, ahead: int) -> Iterator[tuple[ItemT, Any]]:
    """Do every item; yields (item, result) in the order of the items, which are drawn as they are needed.

    At most `ahead` items are begun before the first of them is taken, so that results do not pile up. A worker that
    dies costs only the items that were begun, which are tried again.

    Raises:
        BuildError: workers died again and again; whatever the job raised.
    """
    if workers == 1:
        run = job.open()
        for item in items:
            yield item, run(item)
        return
    source = iter(items)
    begun: deque[ItemT] = deque()
    for attempt in range(_RETRIES + 1):
        try:
            for item, result in _in_order(job, source, begun, workers, ahead):
                begun.popleft()
                yield item, result
            return
        except BrokenProcessPool as fault:
            if attempt == _RETRIES:
                raise BuildError(
                    f"a worker process died {attempt + 1} times (out of memory?); run the same command again with "
                    "fewer --workers"
                ) from fault


def _in_order(
    job: Job, source: Iterator[ItemT], begun: deque[ItemT], workers: int, ahead: int
) -> Iterator[tuple[ItemT, Any]]:
    """One pool's worth of `run_in_order`: what was begun before, then the rest. `begun` is kept up to date."""
    with _pool(job, workers) as pool:
        futures = deque(pool.submit(_run, item) for item in begun)
        while True:
            for item in islice(source, ahead - len(futures)):
                begun.append(item)
                futures.append(pool.submit(_run, item))
            if not futures:
                return
            yield begun[0], futures[0].result()
            futures.popleft()


def _run_pool(job: Job, todo: list[Any], workers: int) -> Iterator[tuple[int, Any]]:
    with _pool(job, workers) as pool:
        pending: dict[Future[Any], int] = {pool.submit(_run, item): place for place, item in enumerate(todo)}
        while pending:
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                yield pending.pop(future), future.result()


@contextlib.contextmanager
def _pool(job: Job, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes; they end at once when the block is left by an error or a generator that is closed."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(job,))
    try:
        yield pool
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
