"""Bookkeeping of a dataset folder: the ledger of a killed run, the lock, what may be resumed and removed."""

from __future__ import annotations

import json
import multiprocessing

import pytest
from taskpaint.manifests.errors import DatasetFolderError, FolderBusyError, ResumeError
from taskpaint.manifests.folder import DatasetFolder, ShardRecord, write_json, write_text


@pytest.fixture
def folder(tmp_path):
    folder = DatasetFolder(tmp_path / "out")
    folder.begin({"seed": 1})
    return folder


def _shard(folder, name, size=5):
    """A finished shard, and its record."""
    folder.shard_file(name).write_bytes(b"x" * size)
    record = ShardRecord(name, 3, size, "abc", {"coco-segmentation": {"built": 3}}, 0.5)
    folder.note(record)
    return record


def test_the_ledger_gives_back_what_was_noted(folder):
    first, second = _shard(folder, "train-00000-of-00002"), _shard(folder, "train-00001-of-00002")
    assert DatasetFolder(folder.root).ledger() == {first.name: first, second.name: second}


def test_an_empty_ledger(tmp_path):
    assert DatasetFolder(tmp_path / "nothing").ledger() == {}


@pytest.mark.parametrize(
    "torn", ['{"name": "train-00001-of-000', "\x00\x00\x00", '"text"', "[1]", '{"name": "x"}', "{}"]
)
def test_a_torn_line_costs_only_itself(folder, torn):
    first = _shard(folder, "train-00000-of-00003")
    with (folder.state / "ledger-local.jsonl").open("a") as ledger:
        ledger.write(torn)
    last = _shard(folder, "train-00002-of-00003")
    assert folder.ledger() == {first.name: first, last.name: last}


def test_bytes_that_are_no_text_cost_only_their_line(folder):
    first = _shard(folder, "train-00000-of-00002")
    with (folder.state / "ledger-local.jsonl").open("ab") as ledger:
        ledger.write(b"\xff\xfe\x80\n")
    last = _shard(folder, "train-00001-of-00002")
    assert folder.ledger() == {first.name: first, last.name: last}


def test_a_shard_that_is_gone_or_cut_off_is_not_finished(folder):
    for name in ("a", "b", "c"):
        _shard(folder, name)
    folder.shard_file("a").unlink()
    folder.shard_file("b").write_bytes(b"xxxx")
    assert list(folder.ledger()) == ["c"]


def test_the_last_line_of_a_shard_counts_whichever_writer_it_was(folder):
    _shard(folder, "a", 5)
    folder.shard_file("a").write_bytes(b"x" * 7)
    again = ShardRecord("a", 4, 7, "def")
    folder.note(again, writer="node-3")
    assert folder.ledger() == {"a": again}


def _try_lock(root, answers):
    try:
        with DatasetFolder(root).lock():
            answers.put("locked")
    except FolderBusyError as fault:
        answers.put(str(fault))


def test_the_lock_keeps_a_second_process_out(tmp_path):
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def attempt():
        process = context.Process(target=_try_lock, args=(tmp_path, answers))
        process.start()
        answer = answers.get()
        process.join()
        return answer

    with DatasetFolder(tmp_path).lock():
        assert attempt() == (f"another taskpaint run is writing to {tmp_path}; wait for it or choose another folder")
    assert attempt() == "locked"


def test_the_lock_is_free_after_a_failure(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), DatasetFolder(tmp_path).lock():
        raise RuntimeError("stop")
    with DatasetFolder(tmp_path).lock():
        assert (tmp_path / ".taskpaint" / "lock").exists()


def test_a_resume_with_the_same_identity_keeps_everything(folder):
    record = _shard(folder, "a")
    DatasetFolder(folder.root).begin({"seed": 1})
    assert folder.ledger() == {"a": record}


@pytest.mark.parametrize(
    ("before", "now", "complaint"),
    [
        ({"seed": 1}, {"seed": 2}, "begun with seed = 1, this run has 2; run it as before"),
        ({"image": {"size": 512}}, {"image": {"size": 256}}, "begun with image.size = 512, this run has 256"),
        ({"tasks": [{"w": 1}, {"w": 2}]}, {"tasks": [{"w": 1}, {"w": 3}]}, "begun with tasks.1.w = 2, this run has 3"),
        ({"tasks": [1]}, {"tasks": [1, 2]}, r"begun with tasks = \[1\], this run has \[1, 2\]"),
        (
            {"sources": {"coco": "ab" * 32}},
            {"sources": {"coco": "cd" * 32}},
            r"begun with other files behind sources\.coco than there are now \(SHA-256 abababab…, now cdcdcdcd…\)",
        ),
        ({"limit": None}, {"limit": 5}, "begun with limit = null, this run has 5"),
        ({"a": 1}, {"a": 1, "b": 2}, "begun with b = null, this run has 2"),
        ({"a": 1, "b": 2}, {"a": 1}, "begun with b = 2, this run has null"),
        ({"a": {"b": 1}}, {"a": 1}, r'begun with a = {"b": 1}, this run has 1'),
    ],
)
def test_a_resume_with_another_identity_shows_both_values(tmp_path, before, now, complaint):
    DatasetFolder(tmp_path / "out").begin(before)
    with pytest.raises(ResumeError, match=complaint):
        DatasetFolder(tmp_path / "out").begin(now)


def test_an_identity_that_went_through_json_is_the_same(tmp_path):
    DatasetFolder(tmp_path).begin({"rgb": (1, 2, 3), "share": 0.1})
    DatasetFolder(tmp_path).begin({"rgb": (1, 2, 3), "share": 0.1})


def test_a_folder_of_somebody_elses_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ResumeError, match="is not empty and no taskpaint build; choose another output folder"):
        DatasetFolder(tmp_path).begin({"seed": 1})
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_is_taken(tmp_path):
    DatasetFolder(tmp_path).begin({"seed": 1})
    assert json.loads((tmp_path / ".taskpaint" / "run.json").read_text()) == {"seed": 1}


def test_a_folder_that_is_only_locked_so_far_is_taken(tmp_path):
    folder = DatasetFolder(tmp_path)
    with folder.lock():
        folder.begin({"seed": 1})
    assert folder.data.is_dir()


def test_overwriting_removes_ours_only(folder):
    _shard(folder, "a")
    ours = [folder.manifest_file, folder.rejects_file, folder.root / "README.md", folder.state / "plan.arrow"]
    for file in ours:
        file.write_text("{}")
    (folder.root / "scores").mkdir()
    (folder.root / "scores" / "a.parquet").write_text("x")
    (folder.root / "notes").mkdir()
    (folder.root / "notes" / "mine.md").write_text("keep")
    folder.begin({"seed": 2}, overwrite=True)
    assert not any(file.exists() for file in ours)
    assert list(folder.data.iterdir()) == []
    assert folder.ledger() == {}
    assert not (folder.root / "scores").exists()
    assert (folder.root / "notes" / "mine.md").read_text() == "keep"
    assert json.loads((folder.state / "run.json").read_text()) == {"seed": 2}


def test_overwriting_a_folder_of_somebody_elses_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("years of work")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ResumeError, match="no taskpaint build; choose another output folder"):
        DatasetFolder(tmp_path).begin({"seed": 1}, overwrite=True)
    assert (tmp_path / "data" / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "README.md").read_text() == "mine"


def test_overwriting_what_is_not_there_yet_begins_it(tmp_path):
    DatasetFolder(tmp_path / "new").begin({"seed": 1}, overwrite=True)
    assert (tmp_path / "new" / "data").is_dir()


def test_a_broken_identity_file_is_a_resume_error(folder):
    (folder.state / "run.json").write_text('{"seed"')
    with pytest.raises(ResumeError, match=r"run\.json cannot be read.*--overwrite"):
        folder.begin({"seed": 1})
    folder.begin({"seed": 1}, overwrite=True)
    folder.begin({"seed": 1})


def test_shards_in_order_or_a_reason(folder):
    with pytest.raises(
        DatasetFolderError, match=r"holds no data/\*\.parquet; is it the output folder of taskpaint build"
    ):
        folder.shards()
    for name in ("train-00001-of-00002", "train-00000-of-00002"):
        _shard(folder, name)
    (folder.data / ".train-00001-of-00002.parquet.99.part").write_bytes(b"half")
    assert [file.stem for file in folder.shards()] == ["train-00000-of-00002", "train-00001-of-00002"]


def test_the_manifest_or_a_reason(folder):
    with pytest.raises(DatasetFolderError, match=r"manifest\.json is missing; the build is unfinished, run the same"):
        folder.manifest()
    folder.manifest_file.write_text("{")
    with pytest.raises(DatasetFolderError, match=r"manifest\.json cannot be read"):
        folder.manifest()
    folder.manifest_file.write_text("[]")
    with pytest.raises(DatasetFolderError, match=r"manifest\.json is no JSON object"):
        folder.manifest()
    folder.manifest_file.write_bytes(b'{"name": "\xff"}')
    with pytest.raises(DatasetFolderError, match=r"manifest\.json cannot be read"):
        folder.manifest()
    write_json(folder.manifest_file, {"name": "Wölfe"})
    assert folder.manifest() == {"name": "Wölfe"}


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "lone surrogate \ud800")
    assert file.read_text() == "old"
    write_text(file, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_finished_dataset_without_its_bookkeeping_may_be_overwritten(tmp_path):
    write_json(tmp_path / "manifest.json", {"format": 1, "shards": []})
    with pytest.raises(ResumeError, match="is not empty"):
        DatasetFolder(tmp_path).begin({"seed": 1})
    DatasetFolder(tmp_path).begin({"seed": 1}, overwrite=True)
    assert not (tmp_path / "manifest.json").exists()
