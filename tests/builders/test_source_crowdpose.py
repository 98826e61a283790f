"""CrowdPose: the real excerpt against pycocotools, then files in the documented layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.crowdpose import Crowdpose
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_JOINTS = [value for at in range(14) for value in (2 + at, 3 + at, 1 + at % 2)]
_PERSON = {"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 2, 20, 30], "keypoints": _JOINTS, "num_keypoints": 12}
_IMAGES = [{"id": 5, "file_name": "5.jpg", "width": 64, "height": 48, "crowdIndex": 0.4}]


def _write(root: Path, *people: Any, images: Any = _IMAGES, name: str = "json/crowdpose_train.json") -> Path:
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps({"images": images, "annotations": people}))
    return root


def test_the_excerpt_equals_pycocotools(shared_data: Path, capsys: pytest.CaptureFixture[str]):
    folder = shared_data / "crowdpose"
    reference = COCO(str(folder / "json/crowdpose_train.json"))
    index = open_index(Crowdpose(folder))
    assert index.rejects() == [] and list(index.image_keys()) == ["crowdpose/103319"]
    assert index.features().tolist() == [Feature.KEYPOINTS]
    sample = index.sample(0)
    assert (sample.width, sample.height) == (640, 480) and sample.image.read().startswith(b"\xff\xd8")
    annotations = reference.loadAnns(reference.getAnnIds(imgIds=[103319]))
    names = [name.replace("_", " ") for name in reference.cats[1]["keypoints"]]
    for annotation, person in zip(annotations, sample.instances, strict=True):
        numbers = [value for joint in person.joints for value in (joint.x, joint.y, joint.visibility)]
        assert numbers == annotation["keypoints"]
        x, y, width, height = annotation["bbox"]
        assert person.box_xyxy == pytest.approx((x, y, x + width, y + height))
        assert person.skeleton is not None
        assert [name.replace("top of the ", "") for name in person.skeleton.joints] == names


def test_bones_join_neighbours():
    from taskpaint.builders.sources._people import AIC_SKELETON, CROWDPOSE_SKELETON, MPII_SKELETON

    for skeleton in (CROWDPOSE_SKELETON, AIC_SKELETON, MPII_SKELETON):
        named = {frozenset(skeleton.joints[end] for end in bone) for bone in skeleton.bones}
        for side in ("left", "right"):
            for pair in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
                assert frozenset(f"{side} {part}" for part in pair) in named
        joined = {0}
        for _ in skeleton.joints:
            joined |= {end for bone in skeleton.bones if joined & set(bone) for end in bone}
        assert joined == set(range(len(skeleton.joints))), f"{skeleton.name} falls into pieces"


def test_a_small_world_by_hand(tmp_path: Path):
    crowd = {**_PERSON, "id": 2, "iscrowd": 1}
    unlabelled = {**_PERSON, "id": 3, "keypoints": [0] * 42, "bbox": [50, 40, 30, 30]}
    boxless = {key: value for key, value in {**_PERSON, "id": 4}.items() if key != "bbox"}
    images = [*_IMAGES, {"id": 6, "file_name": "6.jpg", "width": 8, "height": 8}]
    index = open_index(Crowdpose(_write(tmp_path, _PERSON, crowd, unlabelled, boxless, images=images)))
    assert index.rejects() == [] and index.features().tolist() == [Feature.KEYPOINTS, 0]
    first, second, third, fourth = index.sample(0).instances
    assert first.box_xyxy == (1, 2, 21, 32) and [joint.visibility for joint in first.joints] == [1, 2] * 7
    assert second.crowd and second.joints == () and third.joints == () and third.skeleton is None
    assert third.box_xyxy == (50, 40, 64, 48) and fourth.box_xyxy is None and len(fourth.joints) == 14


@pytest.mark.parametrize(
    ("split", "name"),
    [
        ("val", "json/crowdpose_val.json"),
        ("trainval", "annotations/mmpose_crowdpose_trainval.json"),
        ("test", "annotations/crowdpose_test.json"),
    ],
)
def test_where_the_files_may_stand(tmp_path: Path, split: str, name: str):
    assert len(open_index(Crowdpose(_write(tmp_path, _PERSON, name=name), split))) == 1


def test_splits_mean_what_they_say():
    outputs = [Crowdpose(Path(), split).held_out_as() for split in Crowdpose.splits]
    assert outputs == ["train", "validation", "test", "train"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keypoints": _JOINTS[:-3]}, "keypoints are not 14 times three finite numbers"),
        ({"keypoints": [1, 1, 3] * 14}, "visibility other than"),
        ({"bbox": [1, 2, 3]}, "is not four finite numbers"),
        ({"bbox": [99, 2, 3, 4]}, "lies outside the image"),
        ({"bbox": None, "keypoints": None}, "neither a box nor labelled joints"),
        ({"image_id": 99}, "annotations point to it"),
        ({"image_id": "5"}, "annotation names no image id"),
    ],
)
def test_a_broken_person_is_rejected_and_the_others_stay(tmp_path: Path, changes: dict[str, Any], reason: str):
    index = open_index(Crowdpose(_write(tmp_path, {**_PERSON, **changes}, _PERSON)))
    assert len(index.rejects()) == 1 and reason in index.rejects()[0].reason
    assert len(index.sample(0).instances) == 1


@pytest.mark.parametrize("image", [{"file_name": "../5.jpg"}, {"file_name": 5}, {"width": 0}, {"id": None}, {"id": 5}])
def test_broken_image_records(tmp_path: Path, image: dict[str, Any]):
    broken = {**_IMAGES[0], "id": 6, "file_name": "6.jpg", **image}
    index = open_index(Crowdpose(_write(tmp_path, _PERSON, images=[*_IMAGES, broken])))
    assert len(index.rejects()) == 1 and list(index.ids()) == ["5"]


def test_another_number_of_joints_stops_the_run(tmp_path: Path):
    root = _write(tmp_path, _PERSON)
    document = {"images": _IMAGES, "annotations": [], "categories": [{"id": 1, "keypoints": ["nose"] * 17}]}
    (root / "json/crowdpose_train.json").write_text(json.dumps(document))
    with pytest.raises(SourceLayoutError, match="people have 17 joints; 14 are expected"):
        open_index(Crowdpose(root))


def test_what_is_missing_is_named_with_the_tree(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="folder images is missing"):
        open_index(Crowdpose(tmp_path))
    (tmp_path / "images").mkdir()
    with pytest.raises(SourceLayoutError, match=r"file json/crowdpose_train\.json (.|\n)*images/100000\.jpg"):
        open_index(Crowdpose(tmp_path))


@given(st.data())
@_FUZZ
def test_changed_files_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    file = _write(tmp_path, _PERSON, {**_PERSON, "id": 2}) / "json/crowdpose_train.json"
    whole = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    file.write_bytes(bytes(whole))
    try:
        index = open_index(Crowdpose(tmp_path))
        for row in range(len(index)):
            index.sample(row)
    except (SourceLayoutError, BadItem):
        pass
