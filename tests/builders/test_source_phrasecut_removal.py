"""PhraseCut removal, written in the documented layout; what is missing or broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.phrasecut_removal import PhraseCutRemoval
from taskpaint.manifests.errors import SourceLayoutError
from taskpaint.manifests.images import decode_rgb

_RECORD: dict[str, Any] = {
    "image": "images/7.jpg",
    "removed": "removed/7__2.jpg",
    "phrase": "black  shirt",
    "task_id": "7__2",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, grey in (("images/7.jpg", 10), ("removed/7__2.jpg", 20), ("removed/7__3.jpg", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 12, 3), grey, np.uint8)).save(tmp_path / name, "PNG")
    return tmp_path


def _write(root: Path, *records: Any, name: str = "removal.json") -> None:
    (root / name).write_text(json.dumps(records))


def test_pairs_and_their_words(root: Path):
    other = {"image": "images/7.jpg", "removed": "removed/7__3.jpg", "phrase": "The tall tree"}
    _write(root, _RECORD, other)
    index = open_index(PhraseCutRemoval(root))
    assert list(index.ids()) == ["7__2", "removed/7__3"] and set(index.image_keys()) == {"visual_genome/7"}
    assert set(index.features().tolist()) == {Feature.EDIT} and index.rejects() == []
    first, second = index.sample(0).pair, index.sample(1).pair
    assert first is not None and second is not None
    assert first.instructions[:2] == ("Remove the black shirt.", "Erase the black shirt from the picture.")
    assert second.instructions[0] == "Remove the tall tree." and len(set(second.instructions)) == 4
    assert decode_rgb(index.sample(0).image.read()).mean() == 10 and decode_rgb(first.image.read()).mean() == 20


def test_splits_have_lists_of_their_own(root: Path):
    _write(root, _RECORD, name="removal_val.json")
    source = PhraseCutRemoval(root, "val")
    assert list(open_index(source).ids()) == ["7__2"] and source.held_out_as() == "validation"
    with pytest.raises(SourceLayoutError, match=r"removal_train\.json \(nor removal\.json\) is missing"):
        open_index(PhraseCutRemoval(root))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"image": "images/8.jpg"}, "image images/8.jpg is missing"),
        ({"removed": "/etc/passwd"}, "leads out of the dataset's folder"),
        ({"removed": ["removed/7__2.jpg"]}, "the record has no removed"),
        ({"phrase": " "}, "the record has no phrase"),
        ({"phrase": ["a", "b"]}, "the record has no phrase"),
    ],
)
def test_records_that_do_not_hold(root: Path, change: dict[str, Any], says: str):
    _write(root, {**_RECORD, **change}, None, {**_RECORD, "task_id": "good"})
    index = open_index(PhraseCutRemoval(root))
    assert list(index.ids()) == ["good"] and says in index.rejects()[0].reason
    assert index.rejects()[1].id == "removal.json item 2"


def test_lists_that_do_not_hold(root: Path):
    for text, says in (("[]", "lists no pairs"), ("[{]", "is no complete JSON file")):
        (root / "removal.json").write_text(text)
        with pytest.raises(SourceLayoutError, match=says):
            open_index(PhraseCutRemoval(root))
