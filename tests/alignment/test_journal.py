"""The journal: on disk before anybody is told, one fsync for many, nothing applied that is not on disk."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from taskpaint.alignment.journal import Journal, read_events
from taskpaint.manifests.errors import FolderBusyError


def test_an_event_is_synced_before_it_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, seen = tmp_path / "choices.jsonl", []
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        seen.append(("synced", file.read_text()))

    journal = Journal(file, lambda event: seen.append(("applied", event["id"])))
    monkeypatch.setattr(os, "fsync", fsync)
    journal.append({"id": "1"})
    assert seen == [("synced", '{"id": "1"}\n'), ("applied", "1")]
    journal.close()


def test_many_threads_share_syncs_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []
    monkeypatch.setattr(os, "fsync", lambda handle: (time.sleep(0.01), syncs.append(handle)))
    applied: list[str] = []
    journal = Journal(tmp_path / "choices.jsonl", lambda event: applied.append(event["id"]))
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda number: journal.append({"id": str(number)}), range(500)))
    journal.close()
    assert [event["id"] for event in read_events(tmp_path / "choices.jsonl")] == applied
    assert sorted(applied, key=int) == [str(number) for number in range(500)]
    assert len(syncs) < 250


def test_a_full_disk_is_said_to_everyone_and_nothing_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[Any] = []
    journal = Journal(tmp_path / "choices.jsonl", applied.append)

    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            journal.append({"id": "1"})
    assert applied == []
    journal.append({"id": "2"})
    assert [event["id"] for event in applied] == ["2"]
    journal.close()


def test_it_goes_on_after_half_a_line(tmp_path: Path) -> None:
    file = tmp_path / "choices.jsonl"
    file.write_text('{"id": "1"}\n{"id": "2", "pe')
    journal = Journal(file, lambda event: None)
    journal.append({"id": "3"})
    journal.close()
    assert [event["id"] for event in read_events(file)] == ["1", "3"]
    assert json.loads(file.read_text().splitlines()[-1]) == {"id": "3"}


def test_a_second_server_is_turned_away(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "choices.jsonl", lambda event: None)
    with pytest.raises(FolderBusyError, match="stop it first"):
        Journal(tmp_path / "choices.jsonl", lambda event: None)
    journal.close()
    Journal(tmp_path / "choices.jsonl", lambda event: None).close()


def test_events_of_one_thread_keep_their_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "choices.jsonl", lambda event: None)

    def write(person: int) -> None:
        for number in range(50):
            journal.append({"person": person, "number": number})

    threads = [threading.Thread(target=write, args=(person,)) for person in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    for person in range(8):
        mine = [event["number"] for event in read_events(tmp_path / "choices.jsonl") if event["person"] == person]
        assert mine == list(range(50))
