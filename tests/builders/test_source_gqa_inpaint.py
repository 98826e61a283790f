"""GQA-Inpaint, written in the documented layout; what is missing or broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.gqa_inpaint import GqaInpaint
from taskpaint.manifests.errors import SourceLayoutError
from taskpaint.manifests.images import decode_rgb


def _picture(file: Path, grey: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 12, 3), grey, np.uint8)).save(file, "PNG")


_RECORD = {
    "source_image_path": "../datasets/images/2370799.jpg",
    "target_image_path": "../datasets/gqa-inpaint/images_inpainted/2370799/1058498.jpg",
    "instruction": "remove the brown chair at the left",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    _picture(tmp_path / "images/2370799.jpg", 10)
    _picture(tmp_path / "images_inpainted/2370799/1058498.jpg", 20)
    _picture(tmp_path / "images_inpainted/2370799/1058499.jpg", 30)
    _write(tmp_path, _RECORD)
    return tmp_path


def _write(root: Path, *records: Any) -> None:
    (root / "meta_info.json").write_text(json.dumps(records))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("../datasets/images/2370799.jpg", "../datasets/gqa-inpaint/images_inpainted/2370799/1058498.jpg"),
        ("images/2370799.jpg", "images_inpainted/2370799/1058498.jpg"),
        ("/data/gqa/images/2370799.jpg", "/data/gqa/images_inpainted/2370799/1058498.jpg"),
        ("/images/images/2370799.jpg", "./images_inpainted/2370799/1058498.jpg"),
    ],
)
def test_paths_begin_anywhere(root: Path, source: str, target: str):
    _write(root, {**_RECORD, "source_image_path": source, "target_image_path": target})
    index = open_index(GqaInpaint(root))
    assert index.key_and_id(0) == ("visual_genome/2370799", "2370799-1058498")
    assert index.features().tolist() == [Feature.EDIT]
    sample = index.sample(0)
    assert sample.pair is not None and sample.pair.instructions == ("remove the brown chair at the left",)
    assert decode_rgb(sample.image.read()).mean() == 10 and decode_rgb(sample.pair.image.read()).mean() == 20


def test_one_photograph_with_many_objects(root: Path):
    other = _RECORD["target_image_path"].replace("498", "499")
    _write(root, _RECORD, {**_RECORD, "target_image_path": other})
    index = open_index(GqaInpaint(root))
    assert set(index.image_keys()) == {"visual_genome/2370799"}
    assert list(index.ids()) == ["2370799-1058498", "2370799-1058499"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source_image_path": "images/1.jpg"}, "source_image_path images/1.jpg is missing"),
        ({"source_image_path": "images/../../secret.jpg"}, "is missing"),
        ({"target_image_path": "/etc/passwd"}, "target_image_path /etc/passwd is missing"),
        ({"target_image_path": 7}, "the record has no target_image_path"),
        ({"target_image_path": "images/" + "a" * 5000}, "is missing"),
        ({"instruction": ""}, "the record has no instruction"),
        ({"instruction": None}, "the record has no instruction"),
    ],
)
def test_records_that_do_not_hold(root: Path, change: dict[str, Any], says: str):
    _write(root, {**_RECORD, **change}, 5, _RECORD)
    index = open_index(GqaInpaint(root))
    assert len(index) == 1 and says in index.rejects()[0].reason
    assert index.rejects()[1].id == "meta_info.json item 2"


def test_wrong_folders(root: Path, tmp_path_factory: pytest.TempPathFactory):
    with pytest.raises(SourceLayoutError, match=r"meta_info\.json is missing"):
        open_index(GqaInpaint(tmp_path_factory.mktemp("empty")))
    _write(root)
    with pytest.raises(SourceLayoutError, match="lists no pairs"):
        open_index(GqaInpaint(root))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mangled_lists(root: Path, data: st.DataObject):
    content = bytearray(json.dumps([_RECORD] * 2).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "insert", "cut"])):
            case "flip":
                content[at] = data.draw(st.integers(0, 255))
            case "insert":
                content[at:at] = data.draw(st.binary(max_size=3))
            case "cut":
                del content[at : at + 4]
    (root / "meta_info.json").write_bytes(bytes(content))
    try:
        entries = list(GqaInpaint(root).scan(lambda name, reason: None))
    except SourceLayoutError:
        return
    assert all(entry.record["image"] == "images/2370799.jpg" for entry in entries)
