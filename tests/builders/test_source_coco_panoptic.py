"""COCO panoptic: the real excerpt against Pillow and the json in detection form, then every kind of broken file."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from taskpaint.builders.index import open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.coco_panoptic import CocoPanoptic, CocoPanopticOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb

_MASKS = CocoPanopticOptions(masks=True)
_WITHOUT = Feature.SEGMENTS | Feature.SEMANTIC | Feature.BOXES
_SEGMENTS = [
    {"id": 70_000, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 2, 1], "area": 2},
    {"id": 300, "category_id": 1, "iscrowd": 1, "bbox": [0, 1, 2, 1], "area": 2},
    {"id": 7, "category_id": 199, "iscrowd": 0, "bbox": [2, 0, 1, 2], "area": 2},
]
_DOCUMENT: dict[str, Any] = {
    "images": [{"id": 9, "file_name": "000000000009.jpg", "width": 4, "height": 2}],
    "annotations": [{"image_id": 9, "file_name": "000000000009.png", "segments_info": _SEGMENTS}],
    "categories": [
        {"id": 1, "name": "person", "isthing": 1},
        {"id": 18, "name": "dog", "isthing": 1},
        {"id": 199, "name": "wall-other-merged", "isthing": 0},
    ],
}
_JSON, _PNG = "annotations/panoptic_train2017.json", "annotations/panoptic_train2017/000000000009.png"


def _png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


def _numbers(ids: list[list[int]]) -> bytes:
    values = np.array(ids)
    return _png(np.stack([values % 256, values // 256 % 256, values // 65536], axis=2).astype(np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One 4x2 photograph: a person, a crowd of them, a wall, and a void column at the right."""
    for folder in ("train2017", "annotations/panoptic_train2017"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "train2017/000000000009.jpg").write_bytes(_png(np.zeros((2, 4, 3), np.uint8)))
    (tmp_path / _PNG).write_bytes(_numbers([[70_000, 70_000, 7, 0], [300, 300, 7, 0]]))
    (tmp_path / _JSON).write_text(json.dumps(_DOCUMENT))
    return tmp_path


def _changed(root: Path, change: Any) -> Path:
    document = copy.deepcopy(_DOCUMENT)
    change(document)
    (root / _JSON).write_text(json.dumps(document))
    return root


def _maps(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    assert sample.segments is not None and sample.label_map is not None
    return sample.segments.load(), sample.label_map.load()


def test_segments_of_the_excerpt_equal_pillow(shared_data: Path):
    folder = shared_data / "coco_panoptic"
    index = open_index(CocoPanoptic(folder, "val2017"))
    assert index.rejects() == [] and index.features().tolist() == [_WITHOUT]
    assert list(index.image_keys()) == ["coco/000000142238"]
    sample = index.sample(0)
    with Image.open(folder / "annotations/panoptic_val2017/000000142238.png") as image:
        rgb = np.array(image.convert("RGB")).astype(int)
    stored = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
    ids, classes = _maps(sample)
    np.testing.assert_array_equal(ids, stored)
    (annotation,) = json.loads((folder / "annotations/panoptic_val2017.json").read_text())["annotations"]
    assert sample.segments is not None and sample.label_map is not None and len(sample.segments.segments) == 18
    for said, found in zip(annotation["segments_info"], sample.segments.segments, strict=True):
        assert (found.id, found.category.id, found.crowd) == (said["id"], said["category_id"], said["iscrowd"] == 1)
        assert (stored == found.id).sum() == said["area"]
        assert set(classes[stored == found.id].tolist()) == {said["category_id"]}
    assert set(classes[stored == 0].tolist()) <= {-1} and -1 not in sample.label_map.names
    assert decode_rgb(sample.image.read()).shape[:2] == ids.shape == (sample.height, sample.width)


def test_masks_of_the_excerpt_equal_the_detection_form(shared_data: Path):
    folder = shared_data / "coco_panoptic"
    index = open_index(CocoPanoptic(folder, "val2017", _MASKS))
    assert index.features().tolist() == [_WITHOUT | Feature.INSTANCES]
    sample = index.sample(0)
    detection = json.loads((folder / "annotations/panoptic_val2017_detection_format.json").read_text())
    things = {one["id"]: one["name"] for one in detection["categories"] if one["id"] <= 90}  # as in COCO's instances
    expected = [one for one in detection["annotations"] if one["category_id"] in things]
    assert len(expected) == len(sample.instances) == 15
    for said, found in zip(expected, sample.instances, strict=True):
        mask = regions.decode(regions.to_rle(found.segmentation, sample.height, sample.width))
        np.testing.assert_array_equal(mask, coco_mask.decode(said["segmentation"]))
        x, y, width, height = said["bbox"]
        assert found.box_xyxy == (x, y, x + width, y + height)
        assert (found.category.name, found.crowd) == (things[said["category_id"]], said["iscrowd"] == 1)


def test_absent_classes_of_the_excerpt(shared_data: Path):
    sample = open_index(CocoPanoptic(shared_data / "coco_panoptic", "val2017")).sample(0)
    # by the json: persons, a ball, trees, sky and grass
    present = {"person", "sports ball", "tree-merged", "sky-other-merged", "grass-merged"}
    assert len(sample.absent) == 133 - 5 and not present & set(sample.absent) and "toothbrush" in sample.absent


def test_a_small_world_by_hand(root: Path):
    sample = open_index(CocoPanoptic(root)).sample(0)
    ids, classes = _maps(sample)
    assert ids.tolist() == [[70_000, 70_000, 7, 0], [300, 300, 7, 0]] and ids.dtype == np.int32
    assert classes.tolist() == [[1, 1, 199, -1], [1, 1, 199, -1]]
    assert sample.label_map is not None and sample.segments is not None
    assert sample.label_map.names == {1: "person", 18: "dog", 199: "wall-other-merged"}
    assert [(one.id, one.thing, one.crowd) for one in sample.segments.segments] == [
        (70_000, True, False),
        (300, True, True),
        (7, False, False),
    ]
    person, crowd = sample.instances
    assert person.box_xyxy == (0, 0, 2, 1) and person.segmentation is None and crowd.crowd
    assert sample.absent == ("dog",) and (sample.width, sample.height) == (4, 2)
    assert pickle.loads(pickle.dumps(sample)).label_map.load().tolist() == classes.tolist()


def test_masks_by_hand(root: Path):
    person, crowd = open_index(CocoPanoptic(root, "train2017", _MASKS)).sample(0).instances
    # 0 1 1 1 5 and 1 1 1 1 4; from the fourth on each is the difference to the one two before
    assert person.segmentation == {"size": [2, 4], "counts": b"01104"}
    assert crowd.segmentation == {"size": [2, 4], "counts": b"11103"} and crowd.crowd


def test_an_image_of_stuff_has_no_boxes(root: Path):
    _changed(root, lambda document: document["annotations"][0].update(segments_info=_SEGMENTS[2:]))
    index = open_index(CocoPanoptic(root, "train2017", _MASKS))
    assert index.features().tolist() == [Feature.SEGMENTS | Feature.SEMANTIC]
    _, classes = _maps(index.sample(0))
    assert classes.tolist() == [[-1, -1, 199, -1]] * 2  # numbers that the json does not list are void


def test_other_places_of_the_folders(root: Path):
    (root / "images").mkdir()
    (root / "train2017").rename(root / "images/train2017")
    (root / "annotations/panoptic_train2017").rename(root / "panoptic_train2017")
    sample = open_index(CocoPanoptic(root)).sample(0)
    assert sample.image.path.is_file() and _maps(sample)[0].shape == (2, 4)


@pytest.mark.parametrize("missing", [_JSON, "annotations/panoptic_train2017", "train2017"])
def test_what_is_missing_is_named_with_the_tree(root: Path, missing: str):
    path = root / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(SourceLayoutError, match="is missing in") as caught:
        open_index(CocoPanoptic(root))
    assert missing in str(caught.value) and "annotations/panoptic_train2017.json" in str(caught.value)


def _segment(**changes: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        document["annotations"][0]["segments_info"][0].update(changes)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_segment(id=0), "segment id 0 is not from 1"),
        (_segment(id=1 << 24), "is not from 1 to 16777215"),
        (_segment(id="7"), "segment id '7'"),
        (_segment(id=300), "two segments have the same id"),
        (_segment(category_id=2), "category id 2 is not in the file's categories"),
        (_segment(category_id=None), "category id None"),
        (_segment(bbox=[0, 0, 0, 1]), "has no area"),
        (_segment(bbox=None), "is not four finite numbers"),
        (lambda d: d["annotations"][0].update(segments_info=[]), "no list of segments"),
        (lambda d: d["annotations"][0].update(segments_info=[7]), "segment id None"),
        (lambda d: d["annotations"][0].update(file_name=None), "names None as its PNG"),
        (lambda d: d["annotations"][0].update(file_name="../../secret.png"), "leads out of the dataset's folder"),
        (lambda d: d["annotations"].append(d["annotations"][0]), "2 annotations belong to the image"),
        (lambda d: d["annotations"].clear(), "0 annotations belong to the image"),
        (lambda d: d["images"][0].update(file_name="/etc/passwd"), "leads out of the dataset's folder"),
        (lambda d: d["images"][0].update(width=0), "lacks a usable id, file_name, width or height"),
        (lambda d: d["annotations"][0].update(image_id=8), "not in the file's list of images"),
        (lambda d: d["annotations"][0].update(image_id="9"), "annotation names no image id"),
    ],
)
def test_an_image_that_does_not_hold_is_rejected_whole(root: Path, change: Any, says: str):
    _changed(root, change)
    with pytest.raises(SourceLayoutError, match="holds no images"):
        open_index(CocoPanoptic(root))
    found: list[str] = []
    assert list(CocoPanoptic(root).scan(lambda item, reason: found.append(reason))) == []
    assert any(says in reason for reason in found)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["categories"].append({"id": 1, "name": "cat", "isthing": 1}), "two categories have the id 1"),
        (lambda d: d["categories"].append({"id": 2, "name": "cat"}), "isthing of 0 or 1"),
        (lambda d: d["categories"].append({"id": -1, "name": "cat", "isthing": 1}), "has no id, name and isthing"),
        (lambda d: d["categories"].append(None), "has no id, name and isthing"),
    ],
)
def test_categories_that_do_not_hold(root: Path, change: Any, says: str):
    with pytest.raises(SourceLayoutError, match=says):
        open_index(CocoPanoptic(_changed(root, change)))


def test_an_image_that_is_listed_twice(root: Path):
    _changed(root, lambda d: d["images"].append({**d["images"][0], "file_name": "other.jpg"}))
    index = open_index(CocoPanoptic(root))
    assert len(index) == 1 and index.sample(0).image.path.name == "000000000009.jpg"
    assert "listed twice" in index.rejects()[0].reason


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (_png(np.zeros((2, 4), np.uint8)), "is no RGB image"),
        (_numbers([[7, 300], [7, 300]]), r"000000000009\.png is 2x2, the image is 4x2"),
        (_numbers([[7, 7, 300, 300]] * 2), "segment 70000 has no pixel"),
    ],
)
def test_broken_maps_are_bad_items(root: Path, data: bytes, says: str):
    (root / _PNG).write_bytes(data)
    with pytest.raises(BadItem, match=says):
        open_index(CocoPanoptic(root, "train2017", _MASKS)).sample(0)


@given(
    which=st.sampled_from([_JSON, _PNG]),
    where=st.floats(0, 1),
    cut=st.integers(0, 40),
    extra=st.binary(max_size=8) | st.sampled_from([b"-", b"null", b"[]", b"9" * 30, b'"', b"{}", b"1e999"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_files_raise_nothing_else(root: Path, which: str, where: float, cut: int, extra: bytes):
    original = (root / which).read_bytes()
    at = int(where * len(original))
    (root / which).write_bytes(original[:at] + extra + original[at + cut :])
    try:
        with contextlib.suppress(SourceLayoutError, BadItem):
            _maps(open_index(CocoPanoptic(root, "train2017", _MASKS)).sample(0))
    finally:
        (root / which).write_bytes(original)
