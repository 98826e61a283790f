"""DOTA: files written in the documented layout of v1.0, v1.5 and v2.0, then broken ones."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.dota import Dota, DotaOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_HEAD = "imagesource:GoogleEarth\ngsd:0.146343590398\n"
_SHIP = "10.0 20.0 50.0 10.0 55.0 30.0 15.0 40.0 ship 0"
_VEHICLE = "60 60 80 60 80 70 60 70 large-vehicle 1"


def _write(root: Path, labels: str = "labelTxt", split: str = "train", **texts: str) -> Path:
    images = root / split / "images"
    images.mkdir(parents=True, exist_ok=True)
    (root / split / labels).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        Image.new("RGB", (100, 80)).save(images / f"{name}.png")
        (root / split / labels / f"{name}.txt").write_text(text)
    return root


def test_a_file_as_documented(tmp_path: Path):
    index = open_index(Dota(_write(tmp_path, P0000=f"{_HEAD}{_SHIP}\n{_VEHICLE}\n", P0001=_HEAD)))
    assert list(index.ids()) == ["P0000", "P0001"] and index.rejects() == []
    assert index.features().tolist() == [Feature.INSTANCES | Feature.BOXES | Feature.LABELS, Feature.LABELS]
    sample = index.sample(0)
    assert (sample.width, sample.height) == (100, 80)
    ship, vehicle = sample.instances
    assert (ship.category, vehicle.category) == ((7, "ship"), (6, "large vehicle"))
    assert ship.segmentation == [[10, 20, 50, 10, 55, 30, 15, 40]] and ship.box_xyxy == (10, 10, 55, 40)
    assert vehicle.box_xyxy == (60, 60, 80, 70) and not vehicle.crowd
    (labels,) = sample.labels
    assert labels.present == ("ship", "large vehicle") and len(labels.vocabulary) == 15
    assert "storage tank" in labels.vocabulary and "airport" not in labels.vocabulary


@pytest.mark.parametrize(("difficult", "left", "crowds"), [("object", 2, 0), ("crowd", 2, 1), ("skip", 1, 0)])
def test_difficult_objects(tmp_path: Path, difficult: str, left: int, crowds: int):
    root = _write(tmp_path, P0000=f"{_SHIP}\n{_VEHICLE}")
    sample = open_index(Dota(root, options=DotaOptions(difficult=difficult))).sample(0)
    assert len(sample.instances) == left and sum(one.crowd for one in sample.instances) == crowds
    assert sample.labels[0].present == ("ship", "large vehicle")  # a class that is left out is no absent one


@pytest.mark.parametrize(
    ("folder", "classes"),
    [
        ("labelTxt-v1.0/labelTxt", 15),
        ("labelTxt-v1.0", 15),
        ("labelTxt-v1.5/DOTA-v1.5_train", 16),
        ("labelTxt-v1.5", 16),
        ("labelTxt-v2.0/DOTA-v2.0_train", 18),
        ("labelTxt-v2.0", 18),
    ],
)
def test_every_release(tmp_path: Path, folder: str, classes: int):
    index = open_index(Dota(_write(tmp_path, folder, P0000=_SHIP)))
    assert len(index.sample(0).labels[0].vocabulary) == classes


def test_the_newest_labels_or_those_asked_for(tmp_path: Path):
    _write(tmp_path, "labelTxt-v1.0", P0000=_SHIP)
    _write(tmp_path, "labelTxt-v2.0", P0000=f"{_SHIP}\n{_SHIP}")
    assert len(open_index(Dota(tmp_path)).sample(0).instances) == 2
    assert len(open_index(Dota(tmp_path, options=DotaOptions(labels="v1.0"))).sample(0).instances) == 1
    with pytest.raises(SourceLayoutError, match=r"train/labelTxt \(nor train/labelTxt-v1\.5\) is missing"):
        open_index(Dota(tmp_path, options=DotaOptions(labels="v1.5")))


def test_plain_labels_with_a_class_of_a_later_version(tmp_path: Path):
    crane = _SHIP.replace("ship", "container-crane")
    labels = open_index(Dota(_write(tmp_path, P0000=crane))).sample(0).labels[0]
    assert len(labels.vocabulary) == 16 and labels.present == ("container crane",)


def test_classes_of_other_datasets_in_the_form(tmp_path: Path):
    other = _SHIP.replace("ship", "wind_mill").removesuffix(" 0")
    labels = open_index(Dota(_write(tmp_path, P0000=other))).sample(0).labels[0]
    assert labels.vocabulary == labels.present == ("wind mill",)


def test_pieces_of_a_picture_share_its_key(tmp_path: Path):
    index = open_index(Dota(_write(tmp_path, P0000__1__0___0=_SHIP, P0000__1__824___0=_SHIP, P0001__1__0___0=_SHIP)))
    assert list(index.image_keys()) == ["dota/P0000", "dota/P0000", "dota/P0001"]


def test_objects_that_the_picture_cuts_or_leaves_out(tmp_path: Path):
    text = "-10 20 30 20 30 40 -10 40 ship 0\n200 20 230 20 230 40 200 40 ship 0"
    (ship,) = open_index(Dota(_write(tmp_path, P0000=text))).sample(0).instances
    assert ship.box_xyxy == (0, 20, 30, 40) and ship.segmentation == [[-10, 20, 30, 20, 30, 40, -10, 40]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 2 3 4 ship 0", "6 columns; eight numbers"),
        (_SHIP.replace("50.0", "x"), "no number"),
        (_SHIP.replace("50.0", "nan"), "no finite number"),
        (_SHIP.replace("50.0", "1e300"), "no finite number"),
        (_SHIP.replace("ship 0", "ship yes"), "difficult is 'yes'"),
        (f"{_SHIP} 7 8", "12 columns"),
        ("gsd:", "1 columns"),
    ],
)
def test_a_broken_line_leaves_the_picture_out(tmp_path: Path, line: str, reason: str):
    # with one object missing, a question about all ships would have a wrong answer
    index = open_index(Dota(_write(tmp_path, P0000=f"{_HEAD}{_SHIP}\n{line}", P0001=_SHIP)))
    (reject,) = index.rejects()
    assert reject.id == "P0000" and "P0000.txt: line 4" in reject.reason and reason in reject.reason
    assert list(index.ids()) == ["P0001"]


def test_what_is_missing(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="folder train/images is missing"):
        open_index(Dota(tmp_path))
    (tmp_path / "train/images").mkdir(parents=True)
    with pytest.raises(SourceLayoutError, match="folder train/labelTxt is missing"):
        open_index(Dota(tmp_path))
    (tmp_path / "train/labelTxt").mkdir()
    with pytest.raises(SourceLayoutError, match=r"holds no \.txt file"):
        open_index(Dota(tmp_path))
    _write(tmp_path, P0000=_SHIP, P0001=_SHIP, P0002=_SHIP)
    (tmp_path / "train/images/P0000.png").unlink()
    (tmp_path / "train/labelTxt/P0001.txt").unlink()
    reasons = {reject.id: reject.reason for reject in open_index(Dota(tmp_path)).rejects()}
    assert "picture train/images/P0000.png is missing" in reasons["P0000"]
    assert "labels labelTxt/P0001.txt are missing" in reasons["P0001"]


def test_a_picture_over_the_limit_says_so(tmp_path: Path):
    index = open_index(Dota(_write(tmp_path, P0000=_SHIP)))
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (20000).to_bytes(4) * 2 + b"\x08\x02\x00\x00\x00"
    whole = (tmp_path / "train/images/P0000.png").read_bytes()
    (tmp_path / "train/images/P0000.png").write_bytes(header + zlib.crc32(header[12:]).to_bytes(4) + whole[33:])
    with pytest.raises(BadItem, match="over the limit of 120000000 pixels"):
        index.sample(0)


@given(st.data())
@_FUZZ
def test_changed_files_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    whole = bytearray(f"{_HEAD}{_SHIP}\n{_VEHICLE}".encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _write(tmp_path, P0000=_SHIP)
    (tmp_path / "train/labelTxt/P0000.txt").write_bytes(bytes(whole))
    try:
        index = open_index(Dota(tmp_path))
    except SourceLayoutError:
        return
    for row in range(len(index)):
        for one in index.sample(row).instances:
            assert len(one.segmentation[0]) == 8 and one.category.name
