"""Heartbeats of shards at work."""

import os

import pytest
from taskpaint.manifests import heartbeats
from taskpaint.manifests.folder import DatasetFolder, ShardRecord
from taskpaint.manifests.heartbeats import Heartbeat, heartbeat, heartbeat_file, read_heartbeat, read_heartbeats


@pytest.fixture
def folder(tmp_path):
    found = DatasetFolder(tmp_path / "out")
    found.begin({"seed": 1})
    return found


def test_a_heartbeat_lasts_until_the_shard_is_noted(folder):
    with heartbeat(folder, "train-0", 7):
        ((beat, _),) = read_heartbeats(folder)
        assert (beat.name, beat.units, beat.attempt, beat.pid, beat.failed) == ("train-0", 7, 1, os.getpid(), "")
    assert len(list(read_heartbeats(folder))) == 1
    folder.note(ShardRecord("train-0", 7, 1, "x"))
    assert list(read_heartbeats(folder)) == []


def test_a_failure_leaves_its_reason_and_the_next_attempt_its_number(folder):
    for attempt in (1, 2):
        with pytest.raises(ValueError, match="no photo"), heartbeat(folder, "a", 7):
            raise ValueError("no photo")
        ((beat, _),) = read_heartbeats(folder)
        assert (beat.failed, beat.attempt) == ("no photo", attempt)


def test_an_error_without_words_is_named(folder):
    with pytest.raises(ZeroDivisionError), heartbeat(folder, "a", 7):
        raise ZeroDivisionError
    assert read_heartbeat(heartbeat_file(folder, "a")).failed == "ZeroDivisionError"


def test_stopped_by_hand_is_neither_running_nor_failed(folder):
    with pytest.raises(KeyboardInterrupt), heartbeat(folder, "a", 7):
        raise KeyboardInterrupt
    assert list(read_heartbeats(folder)) == []


def test_life_shows_in_the_files_time_but_not_with_every_call(folder, monkeypatch):
    monkeypatch.setattr(heartbeats, "BEAT_SECONDS", 3600.0)
    with heartbeat(folder, "a", 7) as beat:
        os.utime(heartbeat_file(folder, "a"), (100, 100))
        beat()
        assert [seen for _, seen in read_heartbeats(folder)] == [100]
        monkeypatch.setattr(heartbeats, "BEAT_SECONDS", 0.0)
        beat()
        assert next(iter(read_heartbeats(folder)))[1] > 100
        heartbeat_file(folder, "a").unlink()
        beat()  # another run has finished the shard; nothing to show


def test_half_a_heartbeat_is_passed_over(folder):
    with heartbeat(folder, "a", 7):
        heartbeat_file(folder, "b").write_text('{"name": "b", "ho')
        assert [beat.name for beat, _ in read_heartbeats(folder)] == ["a"]


def test_a_disk_that_takes_no_heartbeat_does_not_stop_the_work(folder):
    (folder.state / "running").write_text("in the way")
    with heartbeat(folder, "a", 7) as beat:
        beat()


def test_starting_anew_removes_heartbeats(folder):
    with heartbeat(folder, "a", 7):
        folder.begin({"seed": 2}, overwrite=True)
    assert list(read_heartbeats(folder)) == []


def test_a_file_of_another_version_is_read_where_it_always_lay(folder):
    file = folder.root / ".taskpaint" / "running" / "train-0.json"
    file.parent.mkdir()
    file.write_text('{"name": "train-0", "host": "node7", "pid": 12, "started": 1700000000.5, "units": 9}')
    os.utime(file, (1700000060, 1700000060))
    assert list(read_heartbeats(folder)) == [(Heartbeat("train-0", "node7", 12, 1700000000.5, 9, 1, ""), 1700000060)]
