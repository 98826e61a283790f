"""What every dataset reader inherits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from taskpaint.builders.sample import FileBytes, Sample
from taskpaint.builders.source import Entry, Reject, Source
from taskpaint.manifests.errors import SourceLayoutError


class Plain(Source):
    """Photographs in a folder."""

    name = "plain"
    splits = ("all",)
    tree = "photos/"

    def inputs(self) -> list[Path]:
        return [self.require("photos", "images", folder=True)]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        yield from ()

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        return Sample(entry_id, FileBytes(self.require("photos", "images", folder=True) / record["file"]))


def test_a_folder_is_looked_for_once_however_many_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    looks: list[Path] = []
    true = Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: looks.append(path) or true(path))
    source = Plain(tmp_path)
    for number in range(5):
        assert source.sample("a", {"file": f"{number}.jpg"}).image.path == tmp_path / "images" / f"{number}.jpg"
    assert looks == [tmp_path / "photos", tmp_path / "images"]


def test_what_was_missing_is_looked_for_again(tmp_path: Path) -> None:
    source = Plain(tmp_path)
    with pytest.raises(SourceLayoutError, match="folder photos \\(nor images\\) is missing"):
        source.inputs()
    (tmp_path / "photos").mkdir()
    assert source.inputs() == [tmp_path / "photos"]


def test_a_folder_is_not_taken_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    source = Plain(tmp_path)
    assert source.require("photos", folder=True).is_dir()
    with pytest.raises(SourceLayoutError, match="file photos is missing"):
        source.require("photos")
