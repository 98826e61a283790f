"""WFLW: the real excerpt against a reading by hand, the names of its points, then broken lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources._faces import FACE_68, FACE_98
from taskpaint.builders.sources.wflw import Wflw
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_LIST = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt"


def _line(path: str = "0--Parade/a.jpg", rectangle: str = "5 6 40 50", x: float = 10) -> str:
    points = " ".join(f"{x + at / 10} {20 + at / 5}" for at in range(98))
    return f"{points} {rectangle} 0 1 0 0 1 0 {path}"


def _write(root: Path, *lines: str) -> Path:
    (root / _LIST).parent.mkdir(parents=True, exist_ok=True)
    (root / _LIST).write_text("\n".join(lines))
    (root / "WFLW_images/0--Parade").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 45)).save(root / "WFLW_images/0--Parade/a.jpg")
    return root


def test_the_excerpt_equals_reading_it_by_hand(shared_data: Path):
    folder = shared_data / "wflw"
    lines = [line.split() for line in (folder / _LIST).read_text().splitlines()]
    index = open_index(Wflw(folder))
    assert index.rejects() == [] and len(index) == 1 and index.features().tolist() == [Feature.KEYPOINTS]
    sample = index.sample(0)
    assert sample.id == "7--Cheering/7_Cheering_Cheering_7_16" and len(sample.instances) == len(lines) == 3
    with Image.open(folder / "WFLW_images" / lines[0][-1]) as photograph:
        assert (sample.width, sample.height) == photograph.size
    for columns, face in zip(lines, sample.instances, strict=True):
        numbers = [number for joint in face.joints for number in (joint.x, joint.y)]
        assert numbers == [float(column) for column in columns[:196]]
        assert face.box_xyxy == tuple(float(column) for column in columns[196:200])


def test_names_are_where_they_say(shared_data: Path):
    # All three people of the photograph look into the camera, their heads tilted by less than 30 degrees.
    for face in open_index(Wflw(shared_data / "wflw")).sample(0).instances:
        joint = dict(zip(FACE_98.joints, face.joints, strict=True))
        for part in ("pupil of the {} eye", "outer end of the {} eyebrow", "{} corner of the mouth", "{} nostril"):
            assert joint[part.format("left")].x > joint[part.format("right")].x
        for side, sign in (("left", 1), ("right", -1)):
            outer, inner = joint[f"outer corner of the {side} eye"], joint[f"inner corner of the {side} eye"]
            assert sign * (outer.x - inner.x) > 0
            pupil = joint[f"pupil of the {side} eye"]
            assert min(outer.x, inner.x) < pupil.x < max(outer.x, inner.x)
            end, corner = joint[f"outer end of the {side} eyebrow"], joint[f"upper inner corner of the {side} eyebrow"]
            assert sign * (end.x - corner.x) > 0
            assert corner.y < joint[f"lower inner corner of the {side} eyebrow"].y
            for place in ("middle of the {} edge", "{} edge"):
                where = "" if place.startswith("middle") else " near its outer end"
                upper, lower = (joint[f"{place.format(e)} of the {side} eyebrow{where}"] for e in ("upper", "lower"))
                assert upper.y < lower.y
            assert joint[f"middle of the upper lid of the {side} eye"].y < pupil.y
            assert pupil.y < joint[f"middle of the lower lid of the {side} eye"].y
        assert joint["tip of the nose"].y < joint["right corner of the mouth"].y < joint["tip of the chin"].y


def test_names_are_words_that_occur_once():
    assert len(FACE_98.joints) == len(set(FACE_98.joints)) == 98
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz ") for name in FACE_98.joints)
    assert FACE_98.joints[16] == "tip of the chin" and FACE_98.joints[96:] == (
        "pupil of the right eye",
        "pupil of the left eye",
    )
    assert set(FACE_68.joints[48:]) == set(FACE_98.joints[76:96])  # both go around the mouth in the same way
    assert all(0 <= end < 98 for bone in FACE_98.bones for end in bone)


def test_faces_of_one_photograph_come_together(tmp_path: Path):
    lines = [_line(), _line("1--Other/b c.jpg"), "", _line(rectangle="9 9 9 9", x=30), _line(rectangle="50 1 99 99")]
    index = open_index(Wflw(_write(tmp_path, *lines)))
    assert list(index.ids()) == ["0--Parade/a", "1--Other/b c"] and index.rejects() == []
    sample = index.sample(0)
    assert (sample.width, sample.height) == (60, 45)
    boxes = [face.box_xyxy for face in sample.instances]
    # The second has no rectangle: its points span 30 to 39.7 and 20 to 39.4.
    assert boxes == [(5, 6, 40, 45), pytest.approx((30, 20, 40.7, 40.4)), (50, 1, 60, 45)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 2 3 a.jpg", "the line has 4 columns; 206 numbers and a path are expected"),
        (_line("").strip(), "206 columns"),
        (_line().replace("10.0 20.0", "10.0 x"), "no number"),
        (_line().replace("10.0 20.0", "nan 20.0"), "not finite"),
        (_line("../a.jpg"), "leads out of the dataset's folder"),
        (_line("/etc/passwd"), "leads out of the dataset's folder"),
    ],
)
def test_broken_lines(tmp_path: Path, line: str, reason: str):
    index = open_index(Wflw(_write(tmp_path, line, _line())))
    (reject,) = index.rejects()
    assert reject.id == "line 1" and reason in reject.reason and len(index.sample(0).instances) == 1


def test_a_list_that_is_no_text_and_what_is_missing(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="folder WFLW_images is missing"):
        open_index(Wflw(tmp_path))
    _write(tmp_path, _line())
    with pytest.raises(SourceLayoutError, match=r"list_98pt_rect_attr_test\.txt .*is missing"):
        open_index(Wflw(tmp_path, "test"))
    (tmp_path / _LIST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceLayoutError, match="is no text file"):
        open_index(Wflw(tmp_path))


def test_a_missing_photograph_is_a_bad_item(tmp_path: Path):
    index = open_index(Wflw(_write(tmp_path, _line("0--Parade/z.jpg"))))
    with pytest.raises(BadItem, match=r"z\.jpg is missing"):
        index.sample(0)


@given(st.data())
@_FUZZ
def test_changed_lists_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    whole = bytearray("\n".join([_line(), _line()]).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (_write(tmp_path) / _LIST).write_bytes(bytes(whole))
    try:
        index = open_index(Wflw(tmp_path))
    except SourceLayoutError:
        return
    for row in range(len(index)):
        try:
            assert all(len(face.joints) == 98 for face in index.sample(row).instances)
        except BadItem:
            continue
