"""Calls beside the work that feeds them."""

from __future__ import annotations

import threading
import time

import pytest
from taskpaint.engines.uploads import Uploads


def test_four_at_once_and_four_more_may_wait():
    uploads, gate, begun, done = Uploads(), threading.Event(), [], []

    def call(number: int) -> None:
        begun.append(number)
        gate.wait(30)
        done.append(number)

    with uploads.running():
        for number in range(8):
            uploads.add(lambda number=number: call(number))
        ninth = threading.Thread(target=lambda: uploads.add(lambda: call(8)))
        ninth.start()
        ninth.join(0.3)
        assert ninth.is_alive() and sorted(begun) == [0, 1, 2, 3] and not done
        gate.set()
        ninth.join(30)
        uploads.wait()
        assert sorted(done) == list(range(9))


def test_a_failure_is_told_to_whoever_hands_in_the_next_or_waits():
    def fail() -> None:
        raise OSError("no network")

    uploads = Uploads()
    with uploads.running():
        uploads.add(fail)
        with pytest.raises(OSError, match="no network"):
            uploads.wait()
        uploads.add(fail)
        with pytest.raises(OSError, match="no network"):
            while True:
                time.sleep(0.01)
                uploads.add(lambda: None)


def test_what_has_not_begun_when_the_block_ends_never_does():
    uploads, gate, begun = Uploads(), threading.Event(), []

    def call(number: int) -> None:
        begun.append(number)
        gate.wait(30)

    with pytest.raises(KeyboardInterrupt), uploads.running():
        for number in range(8):
            uploads.add(lambda number=number: call(number))
        while len(begun) < 4:
            time.sleep(0.01)
        threading.Timer(0.3, gate.set).start()
        raise KeyboardInterrupt
    assert sorted(begun) == [0, 1, 2, 3]
