"""AI Challenger: the real excerpt in its original form, the same people in COCO's, then broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.aic import Aic
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_FOLDER = "ai_challenger_keypoint_train_20170902"
_FILE = f"{_FOLDER}/keypoint_train_annotations_20170902.json"
_IMAGES = f"{_FOLDER}/keypoint_train_images_20170902"
_JOINTS = [value for at in range(14) for value in (2 + at, 3 + at, 1 + at % 3)]
_RECORD = {
    "url": "http://example.org/a.jpg",
    "image_id": "abc",
    "keypoint_annotations": {"human1": _JOINTS},
    "human_annotations": {"human1": [1, 2, 20, 30]},
}


def _write(root: Path, *records: Any) -> Path:
    (root / _IMAGES).mkdir(parents=True)
    Image.new("RGB", (64, 48)).save(root / _IMAGES / "abc.jpg")
    (root / _FILE).write_text(json.dumps(records))
    return root


def _numbers(sample: Sample) -> list[list[float]]:
    return [[value for j in one.joints for value in (j.x, j.y, j.visibility)] for one in sample.instances]


def test_the_excerpt_equals_reading_it_by_hand(shared_data: Path):
    folder = shared_data / "aic"
    records = {record["image_id"]: record for record in json.loads((folder / _FILE).read_text())}
    index = open_index(Aic(folder))
    assert index.rejects() == [] and sorted(index.ids()) == sorted(records)
    for row in range(len(index)):
        sample = index.sample(row)
        assert index.key_and_id(row)[0] == f"aic/{sample.id}"
        with Image.open(sample.image.path) as photograph:
            assert (sample.width, sample.height) == photograph.size
        record = records[sample.id]
        people = sorted(record["human_annotations"])
        assert len(people) == len(sample.instances) == 3
        for human, person in zip(people, sample.instances, strict=True):
            assert list(person.box_xyxy or ()) == record["human_annotations"][human]
            theirs = record["keypoint_annotations"][human]
            for at, joint in enumerate(person.joints):
                x, y, mark = theirs[3 * at : 3 * at + 3]
                expected = {1: (x, y, 2), 2: (x, y, 1), 3: (0, 0, 0)}[mark]
                assert (joint.x, joint.y, joint.visibility) == expected


def test_the_excerpt_in_the_form_of_coco(shared_data: Path, tmp_path: Path):
    """Written as converters write it: visibility, boxes and sizes as COCO has them."""
    folder = tmp_path / "aic"
    (folder / _FOLDER).mkdir(parents=True)
    (folder / _IMAGES).symlink_to(shared_data / "aic" / _IMAGES)
    images, people = [], []
    for number, record in enumerate(json.loads((shared_data / "aic" / _FILE).read_text()), 1):
        with Image.open(folder / _IMAGES / f"{record['image_id']}.jpg") as photograph:
            width, height = photograph.size
        name = f"{record['image_id']}.jpg"
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for human in sorted(record["human_annotations"]):
            left, top, right, bottom = record["human_annotations"][human]
            numbers = list(record["keypoint_annotations"][human])
            numbers[2::3] = [3 - mark for mark in numbers[2::3]]
            box = [left, top, right - left, bottom - top]
            people.append({"id": len(people), "image_id": number, "category_id": 1, "bbox": box, "keypoints": numbers})
    (folder / "annotations").mkdir()
    (folder / "annotations/aic_train.json").write_text(json.dumps({"images": images, "annotations": people}))
    original, converted = open_index(Aic(shared_data / "aic")), open_index(Aic(folder))
    assert converted.rejects() == [] and list(converted.image_keys()) == list(original.image_keys())
    for row in range(len(original)):
        first, second = original.sample(row), converted.sample(row)
        assert (first.width, first.height, first.instances) == (second.width, second.height, second.instances)


def test_sides_are_the_persons(shared_data: Path):
    # In fa436c91…jpg a man at a table faces the camera: human2.
    index = open_index(Aic(shared_data / "aic"))
    row = list(index.ids()).index("fa436c914fe4a8ec1ec5474af4d3820b84d17561")
    man = index.sample(row).instances[1]
    assert man.skeleton is not None
    place = man.skeleton.joints.index
    assert man.joints[place("left shoulder")].x > man.joints[place("right shoulder")].x
    assert man.joints[place("top of the head")].y < man.joints[place("neck")].y < man.joints[place("left elbow")].y


def test_a_small_world_by_hand(tmp_path: Path):
    record = {
        **_RECORD,
        "keypoint_annotations": {"human10": _JOINTS, "human2": [0, 0, 3] * 14, "human3": _JOINTS},
        "human_annotations": {"human10": [1, 2, 20, 30], "human2": [50, 40, 90, 90]},
    }
    index = open_index(Aic(_write(tmp_path, record)))
    assert index.rejects() == [] and index.features().tolist() == [Feature.KEYPOINTS]
    sample = index.sample(0)
    assert [one.box_xyxy for one in sample.instances] == [(50, 40, 64, 48), None, (1, 2, 20, 30)]  # 2, 3, 10
    assert _numbers(sample)[0] == [] and _numbers(sample)[2][:9] == [2, 3, 2, 3, 4, 1, 0, 0, 0]


def test_the_inner_folder_will_do(tmp_path: Path):
    assert len(open_index(Aic(_write(tmp_path, _RECORD) / _FOLDER))) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image_id": None}, "record lacks image_id"),
        ({"human_annotations": None}, "record lacks"),
        ({"keypoint_annotations": []}, "record lacks"),
        ({"image_id": "../abc"}, "leads out of the dataset's folder"),
        ({"human_annotations": {"human1": [1, 2, 3]}}, "human1: box [1, 2, 3] is not four finite numbers"),
        ({"human_annotations": {"human1": [9, 2, 3, 4]}}, "has no area"),
        ({"keypoint_annotations": {"human1": [1, 1, 1]}}, "keypoints are not 14 times"),
        ({"keypoint_annotations": {"human1": [1, 1, 0] * 14}}, "visibility other than 1, 2 and 3"),
        ({"keypoint_annotations": {"human1": [1, 1, 4] * 14}}, "visibility other than 1, 2 and 3"),
        ({"keypoint_annotations": {}, "human_annotations": {"human1": None}}, "neither a box nor"),
    ],
)
def test_broken_records(tmp_path: Path, changes: dict[str, Any], reason: str):
    index = open_index(Aic(_write(tmp_path, {**_RECORD, "image_id": "broken", **changes}, 7, _RECORD)))
    first, second = index.rejects()
    assert reason in first.reason and "record lacks" in second.reason
    assert len(index.sample(len(index) - 1).instances) == 1


def test_what_is_missing_is_named_with_the_tree(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=f"folder {_IMAGES} .*is missing"):
        open_index(Aic(tmp_path))
    (tmp_path / _IMAGES).mkdir(parents=True)
    with pytest.raises(SourceLayoutError, match=f"file {_FILE} "):
        open_index(Aic(tmp_path))
    with pytest.raises(SourceLayoutError, match="ai_challenger_keypoint_validation_20170911"):
        open_index(Aic(tmp_path, "validation"))


@given(st.data())
@_FUZZ
def test_changed_files_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    if not (tmp_path / _FILE).exists():
        _write(tmp_path)
    whole = bytearray(json.dumps([_RECORD, {**_RECORD, "image_id": "other"}]).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (tmp_path / _FILE).write_bytes(bytes(whole))
    try:
        index = open_index(Aic(tmp_path))
    except SourceLayoutError:
        return
    for row in range(len(index)):
        try:
            index.sample(row)
        except BadItem:
            continue
