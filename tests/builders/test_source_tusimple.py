"""TuSimple: files written in the documented layout, then broken lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.tusimple import TuSimple
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_PHOTO = "clips/0313-1/6040/20.jpg"


def _line(photo: str = _PHOTO, **changes: object) -> str:
    content = {
        "lanes": [[-2, 632, 625, 617], [-2, -2, 719, -2], [734, -2, 762, 777]],
        "h_samples": [240, 250, 260, 270],
        "raw_file": photo,
    }
    return json.dumps({**content, **changes})


def _write(root: Path, *lines: str, name: str = "train_set/label_data_0313.json") -> Path:
    file = root / name
    photo = file.parent / _PHOTO
    photo.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (1280, 720)).save(photo)
    file.write_text("\n".join(lines) + "\n")
    return root


def test_a_file_as_documented(tmp_path: Path):
    index = open_index(TuSimple(_write(tmp_path, _line())))
    assert list(index.ids()) == ["clips/0313-1/6040/20"] and index.rejects() == []
    assert index.features().tolist() == [Feature.LANES]
    sample = index.sample(0)
    # the second lane has one point and is none; the third has a gap
    assert sample.lanes == (((632, 250), (625, 260), (617, 270)), ((734, 240), (762, 260), (777, 270)))
    assert sample.image.read().startswith(b"\xff\xd8")


def test_all_days_are_read_and_the_test_split(tmp_path: Path):
    for day in ("0313", "0531", "0601"):
        _write(tmp_path, _line(f"clips/{day}/1/20.jpg"), name=f"train_set/label_data_{day}.json")
    _write(tmp_path, _line("clips/0530/1/20.jpg"), name="test_set/test_label.json")
    assert list(open_index(TuSimple(tmp_path)).ids()) == [f"clips/{day}/1/20" for day in ("0313", "0531", "0601")]
    test = TuSimple(tmp_path, "test")
    assert list(open_index(test).ids()) == ["clips/0530/1/20"] and test.held_out_as() == "test"


@pytest.mark.parametrize("name", ["label_data_0601.json", "train_set/label_data_0531.json"])
def test_one_folder_or_one_for_each_split(tmp_path: Path, name: str):
    index = open_index(TuSimple(_write(tmp_path, _line(), name=name)))
    assert index.sample(0).image.read().startswith(b"\xff\xd8")


def test_labels_beside_the_folders_of_splits(tmp_path: Path):
    _write(tmp_path, _line())
    (tmp_path / "train_set/label_data_0313.json").unlink()
    (tmp_path / "test_label.json").write_text(_line("clips/0530/1/20.jpg"))
    photo = tmp_path / "test_set/clips/0530/1/20.jpg"
    photo.parent.mkdir(parents=True)
    Image.new("RGB", (1280, 720)).save(photo)
    assert open_index(TuSimple(tmp_path, "test")).sample(0).image.path == photo


def test_a_photograph_without_lanes_feeds_no_task(tmp_path: Path):
    index = open_index(TuSimple(_write(tmp_path, _line(lanes=[]), _line("clips/b/20.jpg"))))
    assert index.features().tolist() == [0, Feature.LANES]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no json"),
        ("[" * 5000, "no json"),
        ("[]", "names its photograph"),
        (_line(raw_file=""), "names its photograph"),
        (_line("../x.jpg"), "leads out of the dataset's folder"),
        (_line("/etc/x.jpg"), "leads out of the dataset's folder"),
        (_line(h_samples="240"), "h_samples is no list"),
        (_line(h_samples=[240, None]), "h_samples is no list"),
        (_line(h_samples=[270, 240, 250, 260]), "from top to bottom"),
        (_line(lanes={}), "lanes is no list"),
        (_line(lanes=[[1]] * 41), "at most 40"),
        (_line(lanes=[[1, 2, 3]]), "not 4 finite numbers"),
        (_line(lanes=[[1, 2, 3, "4"]]), "not 4 finite numbers"),
        (_line(lanes=[[1, 2, 3, 1e9]]), "no finite number of pixels"),
    ],
)
def test_broken_lines(tmp_path: Path, line: str, reason: str):
    index = open_index(TuSimple(_write(tmp_path, line, _line())))
    (reject,) = index.rejects()
    assert reject.id == "label_data_0313.json line 1" and reason in reject.reason and len(index) == 1


def test_what_is_missing(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"folder train_set/clips .*is missing"):
        open_index(TuSimple(tmp_path))
    (tmp_path / "train_set/clips").mkdir(parents=True)
    with pytest.raises(SourceLayoutError, match=r"label_data_0313\.json .*is missing"):
        open_index(TuSimple(tmp_path))
    with pytest.raises(SourceLayoutError, match="no split val; they are train, test"):
        open_index(TuSimple(tmp_path, "val"))
    index = open_index(TuSimple(_write(tmp_path, _line("clips/none/20.jpg"))))
    with pytest.raises(BadItem, match=r"20\.jpg is missing"):
        index.sample(0).image.read()


@given(st.data())
@_FUZZ
def test_changed_files_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    whole = bytearray(f"{_line()}\n{_line()}".encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (_write(tmp_path) / "train_set/label_data_0313.json").write_bytes(bytes(whole))
    try:
        index = open_index(TuSimple(tmp_path))
    except SourceLayoutError:
        return
    for row in range(len(index)):
        for lane in index.sample(row).lanes:
            assert len(lane) >= 2 and [y for _, y in lane] == sorted({y for _, y in lane})
