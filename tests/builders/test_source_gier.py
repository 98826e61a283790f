"""GIER: the excerpt's real records over pictures written here, and what is missing or broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.gier import Gier, GierOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb


def _picture(file: Path, width: int = 12, height: int = 8, grey: int = 90) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), grey, np.uint8)).save(file, "PNG")


_RECORD: dict[str, Any] = {
    "input": "one_a.jpg",
    "output": "one_b.jpg",
    "request": "[Specific] Could somebody make it   brighter?",
    "detailed_request": float("nan"),
    "expert_summary": ["Brighten the photo", "brighten the photo"],
    "amateur_summary": [" Could somebody make it brighter?", "more light &amp; colour", ""],
    "operator": {"brightness": {"local": False, "ids": []}},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "GIER_editing_data"
    for name in ("one_a.jpg", "one_b.jpg", "two_a.jpg", "two_b.jpg"):
        _picture(folder / "images" / name)
    _picture(folder / "warped/two_b.jpg", grey=200)
    _write(folder, _RECORD, {**_RECORD, "input": "two_a.jpg", "output": "two_b.jpg"})
    return folder


def _write(folder: Path, *records: Any) -> None:
    (folder / "GIER.json").write_text(json.dumps(records))


def _instructions(index: Any, row: int) -> tuple[str, ...]:
    pair = index.sample(row).pair
    assert pair is not None and pair.kind == "edit"
    return pair.instructions


def test_the_excerpts_records(shared_data: Path, tmp_path: Path):
    folder = tmp_path / "GIER_editing_data"
    folder.mkdir()
    listing = folder / "GIER.json"
    shutil.copy(shared_data / "gier/GIER_editing_data/GIER.json", listing)
    records = json.loads(listing.read_text())  # Python's own reader takes the bare NaN
    assert "NaN" in listing.read_text() and len(records) == 40
    for record in records[:30]:
        for key in ("input", "output"):
            _picture(folder / "images" / record[key])
    index = open_index(Gier(tmp_path))
    assert list(index.ids()) == [Path(record["output"]).stem for record in records[:30]]
    assert next(iter(index.image_keys())) == "gier/2vdko4_2vdko4" and set(index.features().tolist()) == {Feature.EDIT}
    assert [reject.id for reject in index.rejects()] == [record["output"] for record in records[30:]]
    assert all("is missing" in reject.reason for reject in index.rejects())
    # record 0: two summaries differ only in case; the forum post is among the amateurs' and is left out
    assert _instructions(index, 0) == (
        "Please, remove the background",
        "Please remove the background",
        "remove background",
        "Remove the pink background and make it white",
        "change the background to white",
    )
    # record 7 ("Can someone add a greasy …&lt;3") has the post among the amateurs' as well
    assert _instructions(index, 7) == (
        "crop the person",
        "crop to see only the face and neck",
        "crop the image to only show the man",
        "Crop the photo to be a headshot.",
    )
    for row in range(30):
        texts = _instructions(index, row)
        assert texts and len({text.casefold() for text in texts}) == len(texts)
        assert not any("&amp;" in text or text != text.strip() for text in texts)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        (("expert",), ("Brighten the photo",)),
        (("amateur",), ("more light & colour",)),
        (("request",), ("Could somebody make it brighter?",)),
        (("amateur", "expert"), ("more light & colour", "Brighten the photo")),
    ],
)
def test_whose_words(root: Path, requests: Any, expected: tuple[str, ...]):
    assert _instructions(open_index(Gier(root, "", GierOptions(requests=requests))), 0) == expected


def test_options_that_do_not_hold():
    for wrong in ({"requests": ()}, {"requests": ("experts",)}, {"other_size": "crop"}):
        with pytest.raises(ValidationError):
            GierOptions(**wrong)  # type: ignore[arg-type]


def test_reworked_lists(root: Path):
    """Written in the layout that InstructDiffusion's GIER_new.json has."""
    (root / "GIER_new.json").write_text(
        '[{"input": "one_a.jpg", "output": "one_b.jpg", "prompts": ["Light.", "More"]}]'
    )
    assert _instructions(open_index(Gier(root, "", GierOptions(file="GIER_new.json"))), 0) == ("Light.", "More")


def test_aligned_pictures_come_first(root: Path):
    index = open_index(Gier(root))
    pair = index.sample(1).pair
    assert pair is not None and decode_rgb(pair.image.read()).mean() == 200
    assert index.sample(1).image.path == root / "images/two_a.jpg"


def test_edits_of_another_size(root: Path):
    _picture(root / "images/one_b.jpg", 24, 16, grey=77)
    pair = open_index(Gier(root)).sample(0).pair
    assert pair is not None
    resampled = decode_rgb(pair.image.read())
    assert resampled.shape == (8, 12, 3) and (resampled == 77).all()
    pair = open_index(Gier(root, "", GierOptions(other_size="refuse"))).sample(0).pair
    assert pair is not None and decode_rgb(pair.image.read()).shape == (16, 24, 3)
    _picture(root / "images/one_b.jpg", 24, 24)
    pair = open_index(Gier(root)).sample(0).pair
    assert pair is not None
    with pytest.raises(BadItem, match="edited image is 24x24, the source 12x8: another shape"):
        pair.image.read()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"input": "nowhere.jpg"}, "input images/nowhere.jpg is missing"),
        ({"output": "../../secret.jpg"}, "leads out of the dataset's folder"),
        ({"output": None}, "the record has no output"),
        ({"expert_summary": float("nan"), "amateur_summary": []}, "the record has no sentence of expert or amateur"),
        ({"expert_summary": [3, None, "  "], "amateur_summary": 5}, "the record has no sentence"),
    ],
)
def test_records_that_do_not_hold(root: Path, change: dict[str, Any], says: str):
    _write(root, {**_RECORD, **change}, "text", {**_RECORD, "input": "two_a.jpg", "output": "two_b.jpg"})
    index = open_index(Gier(root))
    assert list(index.ids()) == ["two_b"]
    assert says in index.rejects()[0].reason and index.rejects()[1].id == "GIER.json item 2"


def test_wrong_folders(tmp_path: Path, root: Path):
    with pytest.raises(SourceLayoutError, match=r"file GIER\.json is missing"):
        open_index(Gier(tmp_path / "nowhere"))
    _write(root)
    with pytest.raises(SourceLayoutError, match="lists no pairs"):
        open_index(Gier(root))
    (root / "GIER.json").write_text("[{")
    with pytest.raises(SourceLayoutError, match="is no complete JSON file"):
        open_index(Gier(root))


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
    (root / "GIER.json").write_bytes(bytes(content))
    try:
        entries = list(Gier(root).scan(lambda name, reason: None))
    except SourceLayoutError:
        return
    assert all(entry.record["image"] == "images/one_a.jpg" and entry.record["edit"] for entry in entries)


def test_a_picture_that_is_none(root: Path):
    (root / "images/one_b.jpg").write_bytes(b"no picture")
    pair = open_index(Gier(root)).sample(0).pair
    assert pair is not None
    with pytest.raises(BadItem, match="not an image"):
        pair.image.read()
