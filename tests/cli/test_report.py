"""What commands say while they work and when they are stopped."""

from __future__ import annotations

import itertools

import pytest
from taskpaint.cli import report
from taskpaint.manifests.errors import StoppedError


def test_counts_so_far_become_lines_of_a_meter(monkeypatch, capsys):
    clock = itertools.count(0, 10)  # ten seconds pass between any two looks
    monkeypatch.setattr(report.time, "monotonic", lambda: float(next(clock)))
    with report.counted("writing") as tell:
        assert capsys.readouterr().err == ""
        tell(3, 12)
        tell(6, 12)
    assert capsys.readouterr().err.splitlines() == [
        "writing: 3 of 12, 30.0 s left",  # 3 in ten seconds, 9 are left
        "writing: 6 of 12, 20.0 s left",
    ]


def test_a_quiet_count_says_nothing(monkeypatch, capsys):
    clock = itertools.count(0, 10)
    monkeypatch.setattr(report.time, "monotonic", lambda: float(next(clock)))
    with report.counted("writing", quiet=True) as tell:
        tell(3, 12)
    assert capsys.readouterr() == ("", "")


def test_a_stop_says_how_to_go_on():
    with (
        pytest.raises(StoppedError, match=r"^stopped; run the same command again to go on where it stopped$"),
        report.stoppable(),
        report.counted("writing"),
    ):
        raise KeyboardInterrupt
    with (
        pytest.raises(StoppedError, match=r"^stopped; nothing is uploaded twice$"),
        report.stoppable("nothing is uploaded twice"),
    ):
        raise KeyboardInterrupt
