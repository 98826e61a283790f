"""300-W: the real excerpt against a reading by hand, the names of its points, then broken files."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature, Joint
from taskpaint.builders.sources._faces import FACE_68
from taskpaint.builders.sources.face_300w import Face300w
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_POINTS = "version: 1\nn_points:  68\n{\n" + "".join(f"{10 + at}.5 {20 + at}\n" for at in range(68)) + "}\n"


def _face(root: Path, stem: str, points: str = _POINTS, suffix: str = ".png") -> Path:
    file = root / stem
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (70, 120)).save(f"{file}{suffix}")
    Path(f"{file}.pts").write_text(points)
    return root


def _ids(root: Path, split: str) -> list[str]:
    return list(open_index(Face300w(root, split)).ids())


@pytest.mark.parametrize(("split", "stem"), [("test", "01_Indoor/indoor_020"), ("train", "lfpw/trainset/image_0010")])
def test_the_excerpt_equals_reading_it_by_hand(shared_data: Path, split: str, stem: str):
    folder = shared_data / "300w"
    index = open_index(Face300w(folder, split))
    assert list(index.ids()) == [stem] and index.rejects() == [] and index.features().tolist() == [Feature.KEYPOINTS]
    sample = index.sample(0)
    with Image.open(folder / f"{stem}.png") as photograph:
        assert (sample.width, sample.height) == photograph.size
    lines = (folder / f"{stem}.pts").read_text().splitlines()[3:71]
    expected = [tuple(float(number) - 1 for number in line.split()) for line in lines]
    (face,) = sample.instances
    assert face.category.name == "face"
    assert [(joint.x, joint.y) for joint in face.joints] == expected
    across, down = [x for x, _ in expected], [y for _, y in expected]
    box = (min(across), min(down), min(max(across) + 1, sample.width), min(max(down) + 1, sample.height))
    assert face.box_xyxy == pytest.approx(box)


def test_names_are_where_they_say(shared_data: Path):
    # The woman in lfpw/trainset/image_0010 looks into the camera, her head nearly upright.
    (face,) = open_index(Face300w(shared_data / "300w")).sample(0).instances
    joint = dict(zip(FACE_68.joints, face.joints, strict=True))

    def is_right_of(first: str, second: str) -> bool:
        """On the photograph."""
        return joint[first].x > joint[second].x

    def is_above(first: str, second: str) -> bool:
        return joint[first].y < joint[second].y

    for part in ("outer corner of the {} eye", "{} nostril", "{} corner of the mouth", "middle of the {} eyebrow"):
        assert is_right_of(part.format("left"), part.format("right")), part
    assert is_right_of("outer corner of the left eye", "inner corner of the left eye")
    assert is_right_of("inner corner of the right eye", "outer corner of the right eye")
    for side in ("left", "right"):
        assert is_above(f"middle of the {side} eyebrow", f"upper lid of the {side} eye near its outer corner")
        for corner in ("inner", "outer"):
            upper, lower = (f"{lid} lid of the {side} eye near its {corner} corner" for lid in ("upper", "lower"))
            assert is_above(upper, lower)
        start = f"jaw line an eighth of the way from the {side} ear to the chin"
        assert is_above(start, f"jaw line seven eighths of the way from the {side} ear to the chin")
        assert is_above(f"{side} end of the jaw line", start)
    order = [
        "top of the nose bridge",
        "upper part of the nose bridge",
        "lower part of the nose bridge",
        "tip of the nose",
        "base of the nose",
        "middle of the upper edge of the upper lip",
        "middle of the lower edge of the upper lip",
        "middle of the lower edge of the lower lip",
        "tip of the chin",
    ]
    assert all(is_above(first, second) for first, second in pairwise(order))
    lips = "lower edge of the lower lip just {} of its middle"
    assert is_right_of(lips.format("left"), lips.format("right"))


def test_names_are_words_that_occur_once():
    assert len(FACE_68.joints) == len(set(FACE_68.joints)) == 68
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz ") for name in FACE_68.joints)
    assert FACE_68.joints[8] == "tip of the chin" and FACE_68.joints[4].startswith("jaw line halfway from the right")
    assert all(0 <= end < 68 for bone in FACE_68.bones for end in bone)


def test_every_face_has_its_split(tmp_path: Path):
    """Written in the documented layout."""
    stems = ["afw/1_1", "afw/1_2", "helen/trainset/2", "helen/testset/3", "ibug/4", "02_Outdoor/outdoor_001", "mine/6"]
    for stem in stems:
        _face(tmp_path, stem)
    assert _ids(tmp_path, "train") == ["afw/1_1", "afw/1_2", "helen/trainset/2"]
    assert _ids(tmp_path, "val") == ["helen/testset/3", "ibug/4"]
    assert _ids(tmp_path, "test") == ["02_Outdoor/outdoor_001"]
    assert _ids(tmp_path, "all") == sorted(stems)


def test_copies_of_a_photograph_count_as_one(tmp_path: Path):
    for stem in ("afw/1_1", "afw/1_2", "afw/1_1_mirror", "helen/trainset/2", "helen/trainset/2_mirror"):
        _face(tmp_path, stem, suffix=".jpg")
    assert sorted(set(open_index(Face300w(tmp_path)).image_keys())) == ["face_300w/afw/1", "face_300w/helen/trainset/2"]


def test_faces_of_the_challenge_are_not_copies(tmp_path: Path):
    for stem in ("01_Indoor/indoor_001", "01_Indoor/indoor_02"):
        _face(tmp_path, stem)
    keys = list(open_index(Face300w(tmp_path, "test")).image_keys())
    assert keys == ["face_300w/01_Indoor/indoor_001", "face_300w/01_Indoor/indoor_02"]


def test_points_by_hand(tmp_path: Path):
    (face,) = open_index(Face300w(_face(tmp_path, "ibug/1"), "val")).sample(0).instances
    assert face.joints[0] == Joint(9.5, 19, 2) and face.joints[67] == Joint(76.5, 86, 2)
    assert face.box_xyxy == (9.5, 19, 70, 87)  # clipped: the photograph is 70 pixels wide


def test_points_without_a_photograph(tmp_path: Path):
    _face(tmp_path, "afw/1")
    (tmp_path / "afw/2.pts").write_text(_POINTS)
    (tmp_path / "afw/3.jpg").write_bytes(b"a photograph without points is no face")
    index = open_index(Face300w(tmp_path))
    assert [reject.id for reject in index.rejects()] == ["afw/2.pts"] and list(index.ids()) == ["afw/1"]


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ("", "holds 0 numbers between braces; 68 points are expected"),
        (_POINTS.replace("}", ""), "68 points are expected"),
        (_POINTS.replace("{", ""), "68 points are expected"),
        (_POINTS.replace("10.5 20\n", ""), "holds 134 numbers"),
        (_POINTS.replace("10.5 20\n", "10.5 x\n"), "no number"),
        (_POINTS.replace("10.5 20\n", "nan 20\n"), "not finite"),
        (_POINTS.replace("10.5 20\n", "1e300 20\n"), "not finite"),
        (_POINTS + " " * 70_000, "too many"),
    ],
)
def test_broken_points_are_bad_items(tmp_path: Path, points: str, says: str):
    index = open_index(Face300w(_face(tmp_path, "afw/1", points)))
    with pytest.raises(BadItem, match=says):
        index.sample(0)


def test_wrong_and_empty_folders(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"nowhere is missing; expected is\n(.|\n)*01_Indoor/"):
        open_index(Face300w(tmp_path / "nowhere"))
    _face(tmp_path / "300w", "afw/1")
    with pytest.raises(SourceLayoutError, match=r"split test in .* holds no images"):
        open_index(Face300w(tmp_path / "300w", "test"))


@given(st.data())
@_FUZZ
def test_changed_points_are_faces_or_bad_items(tmp_path: Path, data: st.DataObject):
    if not (tmp_path / "afw").exists():
        _face(tmp_path, "afw/1")
    whole = bytearray(_POINTS.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (tmp_path / "afw/1.pts").write_bytes(bytes(whole))
    try:
        (face,) = open_index(Face300w(tmp_path)).sample(0).instances
        assert len(face.joints) == 68
    except BadItem:
        pass
