"""The index and the spool: what goes in comes out, caches follow the content, and odd entries do no harm."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from taskpaint.builders.index import open_index
from taskpaint.builders.reading.spool import Spool
from taskpaint.builders.sample import Feature, FileBytes, Sample
from taskpaint.builders.source import Entry, Reject, Source
from taskpaint.manifests.cache import cache_folder
from taskpaint.manifests.errors import BadItem, OutputError, SourceLayoutError


class _Letters(Source):
    """A source of one text file: a letter a line; "?" is no letter."""

    name = "letters"
    title = homepage = license = ""
    splits = ("train", "val")
    features = Feature.LABELS | Feature.DEPTH
    tree = "  letters/\n    letters.txt"
    scans: ClassVar[list[str]] = []

    def inputs(self) -> list[Path]:
        return [self.require("letters.txt"), *([self.path / "images"] if (self.path / "images").is_dir() else [])]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        self.scans.append(self.split)
        self.header["alphabet"] = "latin"
        for position, letter in enumerate((self.path / "letters.txt").read_text().split()):
            if letter == "?":
                reject(str(position), "no letter")
                continue
            features = Feature.LABELS if letter < "m" else Feature.DEPTH
            yield Entry(letter, f"letters/{letter}", features, {"letter": letter, "at": position})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        if record["letter"] == "x":
            raise BadItem("x marks nothing")
        return Sample(entry_id, FileBytes(self.path / f"{record['letter']}.jpg"), width=record["at"])


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_Letters, "scans", [])
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "letters.txt").write_text("a b ? m z")
    return folder


def _with_entries(*entries: Entry) -> type[_Letters]:
    class Given(_Letters):
        def scan(self, reject: Reject) -> Iterator[Entry]:
            yield from entries

    return Given


def test_entries_come_back(letters: Path):
    seen: list[int] = []
    index = open_index(_Letters(letters), seen.append)
    assert len(index) == 4 and seen == [4]
    assert list(index.ids()) == ["a", "b", "m", "z"]
    assert list(index.image_keys()) == ["letters/a", "letters/b", "letters/m", "letters/z"]
    assert index.key_and_id(2) == ("letters/m", "m")
    assert index.features().tolist() == [Feature.LABELS, Feature.LABELS, Feature.DEPTH, Feature.DEPTH]
    assert index.sample(3) == Sample("z", FileBytes(letters / "z.jpg"), width=4)
    assert index.source.header == {"alphabet": "latin"}
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [("2", "no letter")]


def test_more_than_one_batch(letters: Path):
    names = [f"l{number}" for number in range(2500)]
    (letters / "letters.txt").write_text(" ".join(names))
    seen: list[int] = []
    index = open_index(_Letters(letters), seen.append)
    assert seen == [1024, 2048, 2500] and list(index.ids()) == names
    for row in (0, 1023, 1024, 2047, 2048, 2499):
        assert index.key_and_id(row) == (f"letters/l{row}", f"l{row}")
        assert index.sample(row).width == row
    assert len(index.features()) == 2500


def test_a_bad_record_is_a_bad_item(letters: Path):
    (letters / "letters.txt").write_text("x")
    with pytest.raises(BadItem, match="x marks nothing"):
        open_index(_Letters(letters)).sample(0)


def test_scans_once_and_again_when_the_content_changes(letters: Path):
    first = open_index(_Letters(letters))
    again = open_index(_Letters(letters))
    assert _Letters.scans == ["train"] and again.digest == first.digest
    assert again.source.header == {"alphabet": "latin"} and len(again.rejects()) == 1
    assert open_index(_Letters(letters, "val")).digest != first.digest
    (letters / "letters.txt").write_text("a b c")
    assert list(open_index(_Letters(letters)).ids()) == ["a", "b", "c"]
    assert _Letters.scans == ["train", "val", "train"]


def test_a_folder_counts_by_its_listing(letters: Path):
    (letters / "images/deep").mkdir(parents=True)
    empty = open_index(_Letters(letters)).digest
    (letters / "images/deep/a.jpg").write_bytes(b"1")
    listed = open_index(_Letters(letters)).digest
    (letters / "images/deep/a.jpg").write_bytes(b"other pixels")
    assert empty != listed == open_index(_Letters(letters)).digest


def test_the_same_content_elsewhere_is_the_same_index(letters: Path, tmp_path: Path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/letters.txt").write_text((letters / "letters.txt").read_text())
    assert open_index(_Letters(letters)).file == open_index(_Letters(tmp_path / "copy")).file


@pytest.mark.parametrize("what", [".header.json", ".rejects.json", ".arrow"])
def test_a_lost_part_of_the_index_is_made_again(letters: Path, what: str):
    file = open_index(_Letters(letters)).file
    file.with_suffix(what).unlink()
    index = open_index(_Letters(letters))
    assert len(index) == 4 and index.source.header == {"alphabet": "latin"} and len(index.rejects()) == 1


def test_no_partial_files_stay_behind(letters: Path):
    file = open_index(_Letters(letters)).file
    assert sorted(path.suffix for path in file.parent.iterdir()) == [".arrow", ".json", ".json"]

    class Failing(_Letters):
        name = "failing"

        def scan(self, reject: Reject) -> Iterator[Entry]:
            yield Entry("a", "a", Feature.LABELS, {})
            raise SourceLayoutError("the file ends early")

    with pytest.raises(SourceLayoutError, match="ends early"):
        open_index(Failing(letters))
    assert len(list(file.parent.iterdir())) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no images; expected is\n  letters/"),
        ("? ?", r"can be used \(2 rejects, the first is 0: no letter\)"),
    ],
)
def test_nothing_to_read(letters: Path, text: str, says: str):
    (letters / "letters.txt").write_text(text)
    with pytest.raises(SourceLayoutError, match=says):
        open_index(_Letters(letters))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("good", "k", Feature.LABELS, {}), "same id"),
        (Entry("lone \udcff", "k", Feature.LABELS, {}), "cannot be stored"),
        (Entry("b", "key \ud800", Feature.LABELS, {}), "cannot be stored"),
        (Entry("b", "k", Feature.LABELS, {"file": "\udcff.jpg"}), "cannot be stored"),
        (Entry("b", "k", Feature.LABELS, {"number": 1 << 70}), "cannot be stored"),
    ],
)
def test_entries_that_cannot_be_stored_are_rejects(letters: Path, entry: Entry, reason: str):
    index = open_index(_with_entries(Entry("good", "key", Feature.LABELS, {}), entry)(letters))
    assert list(index.ids()) == ["good"]
    (reject,) = index.rejects()
    assert reason in reject.reason
    (reject.id + reject.reason).encode()  # nothing that could not be written later


def test_a_cache_folder_that_cannot_be_written(letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="set TASKPAINT_CACHE to a writable folder"):
        open_index(_Letters(letters))


def test_an_input_that_vanishes_is_named(letters: Path):
    class Vanishing(_Letters):
        def inputs(self) -> list[Path]:
            return [self.path / "gone.txt"]

    with pytest.raises(SourceLayoutError, match=r"gone\.txt cannot be read: No such file"):
        open_index(Vanishing(letters))

    class VanishingLater(_Letters):
        def scan(self, reject: Reject) -> Iterator[Entry]:
            (self.path / "gone.txt").read_text()
            yield from ()

    with pytest.raises(SourceLayoutError, match=r"gone\.txt cannot be read: No such file"):
        open_index(VanishingLater(letters))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_listed(letters: Path):
    (letters / "images").mkdir(mode=0)
    with pytest.raises(SourceLayoutError, match="images cannot be read: Permission denied"):
        open_index(_Letters(letters))


def test_an_input_outside_the_folder_counts_too(letters: Path, tmp_path: Path):
    outside = tmp_path / "list.txt"

    class WithList(_Letters):
        def inputs(self) -> list[Path]:
            return [self.path / "letters.txt", outside]

    outside.write_text("1")
    first = open_index(WithList(letters)).digest
    outside.write_text("2")
    assert open_index(WithList(letters)).digest != first


def test_where_indexes_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TASKPAINT_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("TASKPAINT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/taskpaint")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache/taskpaint"


def test_spool_groups_by_key_in_order():
    largest = (1 << 63) - 1
    with Spool() as spool:
        for key, data in [(7, b"one"), (-3, b""), (7, b"two"), (largest, b"far"), (7, b"one")]:
            spool.add(key, data)
        spool.seal()
        assert spool.keys() == [-3, 7, largest]
        assert spool.get(7) == [b"one", b"two", b"one"]
        assert spool.get(-3) == [b""] and spool.get(largest) == [b"far"] and spool.get(0) == []


def test_an_empty_spool():
    with Spool() as spool:
        spool.seal()
        assert spool.keys() == [] and spool.get(1) == []


def test_spool_against_a_dictionary():
    draw = np.random.default_rng(3)
    expected: dict[int, list[bytes]] = {}
    with Spool() as spool:
        for key in draw.integers(-50, 50, 2000).tolist():
            data = draw.bytes(int(draw.integers(0, 9)))
            expected.setdefault(key, []).append(data)
            spool.add(key, data)
        spool.seal()
        assert spool.keys() == sorted(expected)
        assert {key: spool.get(key) for key in spool.keys()} == expected  # noqa: SIM118 - no mapping
