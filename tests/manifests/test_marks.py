"""Marks of shards at work."""

import os

import pytest
from taskpaint.manifests import marks
from taskpaint.manifests.folder import DatasetFolder, ShardRecord
from taskpaint.manifests.marks import mark_file, marked, read_mark, read_marks


@pytest.fixture
def folder(tmp_path):
    found = DatasetFolder(tmp_path / "out")
    found.begin({"seed": 1})
    return found


def test_a_mark_lasts_until_the_shard_is_noted(folder):
    with marked(folder, "train-0", 7):
        ((mark, _),) = read_marks(folder)
        assert (mark.name, mark.units, mark.attempt, mark.pid, mark.failed) == ("train-0", 7, 1, os.getpid(), "")
    assert len(list(read_marks(folder))) == 1
    folder.note(ShardRecord("train-0", 7, 1, "x"))
    assert list(read_marks(folder)) == []


def test_a_failure_leaves_its_reason_and_the_next_attempt_its_number(folder):
    for attempt in (1, 2):
        with pytest.raises(ValueError, match="no photo"), marked(folder, "a", 7):
            raise ValueError("no photo")
        ((mark, _),) = read_marks(folder)
        assert (mark.failed, mark.attempt) == ("no photo", attempt)


def test_an_error_without_words_is_named(folder):
    with pytest.raises(ZeroDivisionError), marked(folder, "a", 7):
        raise ZeroDivisionError
    assert read_mark(mark_file(folder, "a")).failed == "ZeroDivisionError"


def test_stopped_by_hand_is_neither_running_nor_failed(folder):
    with pytest.raises(KeyboardInterrupt), marked(folder, "a", 7):
        raise KeyboardInterrupt
    assert list(read_marks(folder)) == []


def test_life_shows_in_the_marks_time_but_not_with_every_call(folder, monkeypatch):
    monkeypatch.setattr(marks, "BEAT_SECONDS", 3600.0)
    with marked(folder, "a", 7) as beat:
        os.utime(mark_file(folder, "a"), (100, 100))
        beat()
        assert [seen for _, seen in read_marks(folder)] == [100]
        monkeypatch.setattr(marks, "BEAT_SECONDS", 0.0)
        beat()
        assert next(iter(read_marks(folder)))[1] > 100
        mark_file(folder, "a").unlink()
        beat()  # another run has finished the shard; nothing to show


def test_half_a_mark_is_passed_over(folder):
    with marked(folder, "a", 7):
        mark_file(folder, "b").write_text('{"name": "b", "ho')
        assert [mark.name for mark, _ in read_marks(folder)] == ["a"]


def test_a_disk_that_takes_no_mark_does_not_stop_the_work(folder):
    (folder.state / "running").write_text("in the way")
    with marked(folder, "a", 7) as beat:
        beat()


def test_starting_anew_removes_marks(folder):
    with marked(folder, "a", 7):
        folder.begin({"seed": 2}, overwrite=True)
    assert list(read_marks(folder)) == []
