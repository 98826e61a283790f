"""MPII: the real excerpt in both forms against an independent reading, then files in the documented layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature, Instance
from taskpaint.builders.sources.mpii import Mpii, MpiiOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_MAT = "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"
_EMPTY = np.zeros((0, 0))


def _persons(instances: tuple[Instance, ...]) -> list[Instance]:
    return [one for one in instances if one.category.name == "person"]


def _photograph(root: Path, name: str = "a.jpg") -> None:
    (root / "images").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (640, 480), "gray").save(root / "images" / name)


def _structs(*items: dict[str, Any]) -> np.ndarray:
    """A MATLAB struct array; every field of any item is a field of all, empty where it is missing."""
    fields = sorted({key for item in items for key in item})
    array = np.zeros((1, len(items)), [(field, object) for field in fields])
    for place, item in enumerate(items):
        for field in fields:
            array[0, place][field] = item.get(field, _EMPTY)
    return array


def _person(*points: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"annopoints": _structs({"point": _structs(*points)}), **more}


def _image(annorect: Any, name: str = "a.jpg") -> dict[str, Any]:
    return {"image": _structs({"name": name}), "annorect": annorect}


def _mat(root: Path, *images: dict[str, Any], trains: list[int] | None = None) -> Path:
    (root / _MAT).parent.mkdir(parents=True, exist_ok=True)
    _photograph(root)
    release = {"annolist": _structs(*images), "img_train": np.array(trains or [1] * len(images)), "version": "12"}
    scipy.io.savemat(root / _MAT, {"RELEASE": release})
    return root


def _open(root: Path, **options: Any) -> SourceIndex:
    return open_index(Mpii(root, options=MpiiOptions(**options)))


# The real excerpt


def test_the_mat_excerpt_equals_reading_it_by_hand(shared_data: Path):
    raw = scipy.io.loadmat(shared_data / "mpii" / _MAT)["RELEASE"][0, 0]["annolist"][0]
    index = _open(shared_data / "mpii", annotations="mat")
    assert index.rejects() == [] and len(index) == len(raw) == 3
    for row, image in enumerate(raw):
        sample = index.sample(row)
        assert sample.image.path.name == image["image"][0, 0]["name"][0]
        with Image.open(sample.image.path) as photograph:
            assert (sample.width, sample.height) == photograph.size
        person, head = sample.instances
        rect = image["annorect"][0, 0]
        annotated = {}
        for point in rect["annopoints"][0, 0]["point"][0]:
            hidden = point["is_visible"].size and point["is_visible"].item() == 0
            annotated[point["id"].item()] = (point["x"].item() - 1, point["y"].item() - 1, 1 if hidden else 2)
        found = {at: (j.x, j.y, j.visibility) for at, j in enumerate(person.joints) if j.visibility}
        assert found == annotated
        edges = [rect[key].item() for key in ("x1", "y1", "x2", "y2")]
        assert head.box_xyxy == (edges[0] - 1, edges[1] - 1, edges[2], edges[3]) and head.category.name == "head"


def test_both_forms_agree_but_for_hidden_joints(shared_data: Path):
    mat = _open(shared_data / "mpii", annotations="mat")
    hrnet = open_index(Mpii(shared_data / "mpii", "valid"))
    assert list(mat.ids()) == list(hrnet.ids()) and list(mat.image_keys()) == list(hrnet.image_keys())
    for row in range(3):
        (first,), (second,) = _persons(mat.sample(row).instances), _persons(hrnet.sample(row).instances)
        for a, b in zip(first.joints, second.joints, strict=True):
            assert (bool(a.visibility), a.x, a.y) == (bool(b.visibility), b.x, b.y)
    hidden = [joint for joint in _persons(mat.sample(1).instances)[0].joints if joint.visibility == 1]
    assert [(joint.x, joint.y) for joint in hidden] == [(987, 293), (1017, 316)]  # right wrist and elbow


def test_sides_are_the_persons(shared_data: Path):
    # 060754485.jpg shows a man who faces the camera: his left hand is on the photograph's right.
    (man,) = _persons(_open(shared_data / "mpii").sample(2).instances)
    assert man.skeleton is not None
    place = man.skeleton.joints.index
    assert man.joints[place("left wrist")].x > man.joints[place("right wrist")].x
    assert man.joints[place("top of the head")].y < man.joints[place("base of the head")].y
    assert man.joints[place("base of the head")].y < man.joints[place("pelvis")].y


# The MATLAB file, written in the documented layout


def test_any_level_may_be_missing(tmp_path: Path):
    point = {"id": 9, "x": 11.0, "y": 21.0}
    images = [
        _image(_structs(_person(point))),
        _image(_EMPTY, "b.jpg"),
        _image(_structs({"x1": 5, "y1": 6, "x2": 9, "y2": 12}), "c.jpg"),
        _image(_structs({"annopoints": _EMPTY, "scale": 0.5, "objpos": _structs({"x": 101, "y": 201})}), "d.jpg"),
        _image(_structs(_person(point, scale=_EMPTY, objpos=_EMPTY), {}), "e.jpg"),
        {"image": _structs({"name": _EMPTY}), "annorect": _EMPTY},
        {"annorect": _EMPTY},
    ]
    index = _open(_mat(tmp_path, *images))
    for name in "bcde":
        _photograph(tmp_path, f"{name}.jpg")
    assert list(index.ids()) == list("abcde")
    assert index.features().tolist() == [Feature.KEYPOINTS, 0, 0, 0, Feature.KEYPOINTS]
    reasons = [f"{reject.id}: {reject.reason}" for reject in index.rejects()]
    assert reasons == ["e.jpg: a person has neither joints nor a place", *["an image: image record names no file"] * 2]
    (person,) = index.sample(0).instances
    assert [(at, j.x, j.y, j.visibility) for at, j in enumerate(person.joints) if j.visibility] == [(9, 10, 20, 2)]
    assert index.sample(1).instances == ()
    assert [one.box_xyxy for one in index.sample(2).instances] == [None, (4, 5, 9, 12)]
    assert [one.box_xyxy for one in index.sample(3).instances] == [(50.5, 150.5, 150.5, 250.5)]


@pytest.mark.parametrize(
    ("mark", "visibility"), [(1, 2), (0, 1), ("1", 2), ("0", 1), (_EMPTY, 2), (np.uint8(0), 1), ("x", 2)]
)
def test_forms_of_visibility(tmp_path: Path, mark: Any, visibility: int):
    person = _person({"id": 0, "x": 3, "y": 4, "is_visible": mark}, {"id": 1, "x": 5, "y": 6, "is_visible": 1})
    (found,) = _open(_mat(tmp_path, _image(_structs(person)))).sample(0).instances
    assert [joint.visibility for joint in found.joints[:3]] == [visibility, 2, 0]


def test_points_that_cannot_be_used_are_not_labelled(tmp_path: Path):
    points = [
        {"id": number, "x": x, "y": 4.0} for number, x in ((16, 1.0), (-1, 1.0), (2, np.nan), (3, _EMPTY), (4, 9.0))
    ]
    (person,) = _open(_mat(tmp_path, _image(_structs(_person(*points))))).sample(0).instances
    assert [at for at, joint in enumerate(person.joints) if joint.visibility] == [4]


def test_test_images_are_left_out_and_there_is_no_valid_split(tmp_path: Path):
    point = {"id": 0, "x": 3, "y": 4}
    images = [_image(_structs(_person(point)), name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    root = _mat(tmp_path, *images, trains=[0, 1, 0])
    assert list(_open(root).ids()) == ["b"]
    with pytest.raises(SourceLayoutError, match=r"file annot/valid\.json .* is missing"):
        open_index(Mpii(root, "valid"))
    with pytest.raises(SourceLayoutError, match="the MATLAB file has no split valid"):
        open_index(Mpii(root, "valid", MpiiOptions(annotations="mat")))


def test_boxes_by_hand(tmp_path: Path):
    points = [{"id": 0, "x": 101, "y": 201}, {"id": 9, "x": 141, "y": 101}]
    place = _structs({"x": 121, "y": 151})
    person = _person(*points, scale=0.8, objpos=place, x1=130, y1=91, x2=150, y2=110)
    root = _mat(tmp_path, _image(_structs(person)))
    # Joints span pixels 100 to 140 and 100 to 200, the head reaches up to 90 and right to 150: 50 x 111, 11.1 to spare.
    box = _persons(_open(root).sample(0).instances)[0].box_xyxy
    assert box == pytest.approx((100 - 11.1, 90 - 11.1, 150 + 11.1, 201 + 11.1))
    box = _persons(_open(root, box="scale").sample(0).instances)[0].box_xyxy
    assert box == pytest.approx((120.5 - 80, 150.5 - 80, 120.5 + 80, 150.5 + 80))
    far = _person(*points, scale=9.0, objpos=place)
    box = _persons(_open(_mat(tmp_path, _image(_structs(far))), box="scale").sample(0).instances)[0].box_xyxy
    assert box == (0, 0, 640, 480)


@pytest.mark.parametrize(
    "content",
    [{"RELEASE": 3}, {"OTHER": 1}, {"RELEASE": {"annolist": _EMPTY, "img_train": _EMPTY}}, {"RELEASE": {"x": 1}}],
)
def test_other_matlab_files(tmp_path: Path, content: dict[str, Any]):
    _mat(tmp_path, _image(_EMPTY))
    scipy.io.savemat(tmp_path / _MAT, content)
    with pytest.raises(SourceLayoutError, match=r"holds no struct RELEASE|lists 0 images"):
        _open(tmp_path)


@pytest.mark.parametrize("data", [b"", b"plain text", b"\0" * 400, b"MATLAB 5.0 MAT-file" + b" " * 200])
def test_files_that_are_no_matlab_files(tmp_path: Path, data: bytes):
    (_mat(tmp_path, _image(_EMPTY)) / _MAT).write_bytes(data)
    with pytest.raises(SourceLayoutError, match=r"\.mat is no whole MATLAB file .*download it again"):
        _open(tmp_path)


@given(st.data())
@_FUZZ
def test_changed_matlab_files_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    person = _person({"id": 0, "x": 3, "y": 4, "is_visible": 1}, {"id": 1, "x": 5, "y": 6}, scale=1.5)
    file = _mat(tmp_path, _image(_structs(person)), _image(_EMPTY, "b.jpg")) / _MAT
    whole = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    file.write_bytes(bytes(whole))
    try:
        index = _open(tmp_path)
        for row in range(len(index)):
            index.sample(row)
    except (SourceLayoutError, BadItem):
        pass


# HRNet's json, written in the documented layout


def _hrnet(root: Path, *records: Any) -> Path:
    (root / "annot").mkdir(parents=True, exist_ok=True)
    _photograph(root)
    (root / "annot/train.json").write_text(json.dumps(records))
    return root


def _record(**changes: Any) -> dict[str, Any]:
    joints = [[10.0 + at, 20.0] for at in range(15)] + [[-1.0, -1.0]]
    plain = {"image": "a.jpg", "joints": joints, "joints_vis": [1] * 15 + [0], "center": [31.0, 41.0], "scale": 0.2}
    return {**plain, **changes}


def test_people_of_one_image_come_together(tmp_path: Path):
    alone = _record(joints_vis=[0] * 16)
    index = _open(_hrnet(tmp_path, _record(), _record(image="b.jpg"), alone))
    assert list(index.ids()) == ["a", "b"] and index.rejects() == []
    first, second = index.sample(0).instances
    assert [(joint.x, joint.y, joint.visibility) for joint in first.joints[::15]] == [(9, 19, 2), (0, 0, 0)]
    assert second.joints == () and second.box_xyxy == pytest.approx((10.5, 20.5, 50.5, 60.5))


def test_json_comes_first_and_mat_may_be_asked_for(tmp_path: Path):
    _mat(tmp_path, _image(_structs(_person({"id": 0, "x": 3, "y": 4})), "m.jpg"))
    _hrnet(tmp_path, _record())
    assert list(_open(tmp_path).ids()) == ["a"] and list(_open(tmp_path, annotations="mat").ids()) == ["m"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (3, "record names no image"),
        ({"joints": []}, "record names no image"),
        (_record(joints=[[1, 2]] * 15), "joints and joints_vis are not 16 points"),
        (_record(joints=[[1, None]] * 16), "are not 16 points"),
        (_record(joints=[[1, 2, 3]] * 16), "are not 16 points"),
        (_record(joints_vis=[2] * 16), "as many of 0 and 1"),
        (_record(joints_vis=[[1]] * 16), "as many of 0 and 1"),
        (_record(joints_vis=[0] * 16, center=[-1, -1]), "neither joints nor a place"),
        (_record(joints_vis=[0] * 16, scale=-1), "neither joints nor a place"),
        (_record(joints_vis=[0] * 16, scale="1", center="12"), "neither joints nor a place"),
        (_record(image="../a.jpg"), "leads out of the dataset's folder"),
    ],
)
def test_broken_records(tmp_path: Path, record: Any, reason: str):
    index = _open(_hrnet(tmp_path, record, _record()))
    assert len(index.rejects()) == 1 and reason in index.rejects()[0].reason
    assert len(index.sample(0).instances) == 1


def test_what_is_missing_is_named_with_the_tree(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="source mpii: folder images is missing"):
        _open(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(SourceLayoutError, match=r"annot/train\.json .*mpii_human_pose_v1_u12_1\.mat"):
        _open(tmp_path)


def test_missing_and_broken_photographs_are_bad_items(tmp_path: Path):
    index = _open(_hrnet(tmp_path, _record()))
    (tmp_path / "images/a.jpg").write_bytes(b"no picture")
    with pytest.raises(BadItem, match="not an image"):
        index.sample(0)
    (tmp_path / "images/a.jpg").unlink()
    with pytest.raises(BadItem, match=r"a\.jpg is missing"):
        index.sample(0)
