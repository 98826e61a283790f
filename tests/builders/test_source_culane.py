"""CULane: files written in the documented layout, then broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.culane import CuLane
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_PHOTO = "driver_23_30frame/05151649_0422.MP4/00000.jpg"
_LINES = "-41.2 590 12.5 580 66.1 570 \n800.5 590 790 580 \n700 590\n"


def _write(root: Path, lines: str = _LINES, listing: str = f"/{_PHOTO}\n", name: str = "train.txt") -> Path:
    photo = root / _PHOTO
    photo.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (1640, 590)).save(photo)
    photo.with_suffix(".lines.txt").write_text(lines)
    (root / "list").mkdir(exist_ok=True)
    (root / "list" / name).write_text(listing)
    return root


def test_files_as_documented(tmp_path: Path):
    index = open_index(CuLane(_write(tmp_path)))
    assert list(index.ids()) == [_PHOTO.removesuffix(".jpg")] and index.features().tolist() == [Feature.LANES]
    sample = index.sample(0)
    # from top to bottom; the line of one point is none; lines may leave the photograph
    assert sample.lanes == (((66.1, 570), (12.5, 580), (-41.2, 590)), ((790, 580), (800.5, 590)))
    assert sample.image.read().startswith(b"\xff\xd8")


def test_lists_with_masks_and_other_splits(tmp_path: Path):
    ground = f"/{_PHOTO} /laneseg_label_w16/driver_23_30frame/05151649_0422.MP4/00000.png 1 1 1 1\n"
    assert len(open_index(CuLane(_write(tmp_path, listing=ground, name="train_gt.txt")))) == 1
    _write(tmp_path, name="val.txt")
    assert CuLane(tmp_path, "val").held_out_as() == "validation" and len(open_index(CuLane(tmp_path, "val"))) == 1
    with pytest.raises(SourceLayoutError, match=r"file list/test\.txt .*is missing"):
        open_index(CuLane(tmp_path, "test"))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("1 590 2", "line 1: not an x and a y"),
        ("\n1 590 2 x", "line 2: not an x and a y"),
        ("1 590 nan 580", "no finite number"),
        ("1 590 2 580 3 585", "steadily from top to bottom"),
        ("1 590 2 590", "steadily from top to bottom"),
    ],
)
def test_broken_lanes_are_bad_items(tmp_path: Path, lines: str, reason: str):
    index = open_index(CuLane(_write(tmp_path, lines)))
    with pytest.raises(BadItem, match=reason):
        index.sample(0)


def test_no_lanes_and_no_file_of_lanes(tmp_path: Path):
    index = open_index(CuLane(_write(tmp_path, "")))
    assert index.sample(0).lanes == ()
    (tmp_path / _PHOTO).with_suffix(".lines.txt").unlink()
    with pytest.raises(BadItem, match=r"00000\.lines\.txt is missing"):
        index.sample(0)


@pytest.mark.parametrize(
    ("line", "reason"), [("/../x.jpg", "leads out"), ("/driver/0.png", "no path of a photograph"), ("/", "no path")]
)
def test_broken_lists(tmp_path: Path, line: str, reason: str):
    index = open_index(CuLane(_write(tmp_path, listing=f"{line}\n\n/{_PHOTO}\n")))
    (reject,) = index.rejects()
    assert reject.id == "line 1" and reason in reject.reason and len(index) == 1


def test_a_list_that_is_no_text(tmp_path: Path):
    (_write(tmp_path) / "list/train.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceLayoutError, match="is no text file"):
        open_index(CuLane(tmp_path))


@given(st.data())
@_FUZZ
def test_changed_files_give_lanes_or_a_bad_item(tmp_path: Path, data: st.DataObject):
    whole = bytearray(_LINES.encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (_write(tmp_path) / _PHOTO).with_suffix(".lines.txt").write_bytes(bytes(whole))
    try:
        lanes = open_index(CuLane(tmp_path)).sample(0).lanes
    except BadItem:
        return
    assert all(len(lane) >= 2 and [y for _, y in lane] == sorted({y for _, y in lane}) for lane in lanes)
