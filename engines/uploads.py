"""Work that waits for a network beside the work that feeds it: a few calls at once, and no long queue."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

_AT_ONCE: Final = 4
"""As many more may wait, then whoever hands in another one does."""


class Uploads:
    """Calls in threads; what one of them raises is raised where the next is handed in, or where all are waited for."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._pending: set[Future[None]] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Calls can be handed in while the block lasts; those that have not begun at its end never do."""
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        try:
            yield
        finally:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def add(self, call: Callable[[], None]) -> None:
        """Hand in a call; waits while too many are pending."""
        assert self._threads is not None, "uploads are handed in while they run"
        while len(self._pending) >= 2 * _AT_ONCE:
            self._settle(block=True)
        self._settle(block=False)
        self._pending.add(self._threads.submit(call))

    def wait(self) -> None:
        """Until all that were handed in are done."""
        while self._pending:
            self._settle(block=True)

    def _settle(self, *, block: bool) -> None:
        done, self._pending = wait(self._pending, timeout=None if block else 0, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
