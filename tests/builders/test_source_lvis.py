"""LVIS: the real excerpt of v0.5 against pycocotools, then v1 written in the documented layout, broken ones too."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from taskpaint.builders.index import open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.lvis import Lvis, LvisOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import read_header

_ALL = Feature.INSTANCES | Feature.BOXES | Feature.LABELS
_OBJECT = {
    "id": 5,
    "image_id": 9,
    "category_id": 3,
    "bbox": [1, 1, 3, 2],
    "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]],
    "area": 6,
}
_DOCUMENT: dict[str, Any] = {
    "images": [
        {
            "id": 9,
            "width": 6,
            "height": 4,
            "coco_url": "http://images.cocodataset.org/train2017/000000000009.jpg",
            "neg_category_ids": [1, 4],
            "not_exhaustive_category_ids": [2],
        }
    ],
    "annotations": [_OBJECT, {**_OBJECT, "id": 6, "category_id": 2}],
    "categories": [
        {"id": 1, "name": "bow_(weapon)", "synonyms": ["bow_(weapon)"]},
        {"id": 2, "name": "book", "synonyms": ["book"]},
        {"id": 3, "name": "cup", "synonyms": ["cup"]},
        {"id": 4, "name": "aerosol_can", "synonyms": ["aerosol_can", "spray_can"]},
    ],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One 6x4 photograph with a cup and some of its books; neither bow nor aerosol can."""
    (tmp_path / "train2017").mkdir()
    (tmp_path / "lvis_v1_train.json").write_text(json.dumps(_DOCUMENT))
    return tmp_path


def _changed(root: Path, change: Any) -> Path:
    document = copy.deepcopy(_DOCUMENT)
    change(document)
    (root / "lvis_v1_train.json").write_text(json.dumps(document))
    return root


def _names(sample: Sample) -> list[str]:
    return [one.category.name for one in sample.instances]


def test_the_excerpt_equals_pycocotools(shared_data: Path):
    file = shared_data / "lvis/lvis_v0.5_val.json"
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(str(file))
    options = LvisOptions(not_exhaustive="include")
    index = open_index(Lvis(shared_data / "lvis", "v0.5_val", options))
    assert len(index) == 4 and index.rejects() == [] and index.source.held_out_as() == "validation"
    assert set(index.features().tolist()) == {_ALL}
    count = 0
    for row, key in enumerate(index.image_keys()):
        sample = index.sample(row)
        image = reference.imgs[int(sample.id)]
        assert key == f"coco/{image['id']:012d}" and sample.image.path.parent.name == "val2017"
        header = read_header(sample.image.read())
        assert (header.width, header.height) == (image["width"], image["height"]) == (sample.width, sample.height)
        annotations = reference.loadAnns(reference.getAnnIds(imgIds=[image["id"]]))
        for annotation, one in zip(annotations, sample.instances, strict=True):
            mask = regions.decode(regions.to_rle(one.segmentation, sample.height, sample.width))
            np.testing.assert_array_equal(mask, reference.annToMask(annotation))
            x, y, width, height = annotation["bbox"]
            np.testing.assert_allclose(one.box_xyxy, [x, y, x + width, y + height], atol=0.02)
            assert one.category.name == reference.cats[annotation["category_id"]]["name"]
            count += 1
        assert sorted(sample.absent) == sorted(reference.cats[one]["name"] for one in image["neg_category_ids"])
        assert not set(sample.absent) & set(_names(sample))
    assert count == 44


def test_not_exhaustive_classes_of_the_excerpt(shared_data: Path):
    document = json.loads((shared_data / "lvis/lvis_v0.5_val.json").read_text())
    partial = {one["id"]: set(one["not_exhaustive_category_ids"]) for one in document["images"]}
    kept = [one for one in document["annotations"] if one["category_id"] not in partial[one["image_id"]]]
    assert 0 < len(kept) < 44
    index = open_index(Lvis(shared_data / "lvis", "v0.5_val"))
    assert sum(len(index.sample(row).instances) for row in range(4)) == len(kept)


def test_a_small_world_by_hand(root: Path):
    index = open_index(Lvis(root))
    sample = index.sample(0)
    assert index.features().tolist() == [_ALL] and sample.id == "000000000009"
    assert _names(sample) == ["cup"] and sample.instances[0].box_xyxy == (1, 1, 4, 3)
    assert sample.absent == ("bow_(weapon)", "aerosol_can") and sample.labels == ()
    assert _names(open_index(Lvis(root, "v1_train", LvisOptions(not_exhaustive="include"))).sample(0)) == [
        "cup",
        "book",
    ]


@pytest.mark.parametrize(
    "place",
    [
        "train2017/000000000009.jpg",
        "val2017/000000000009.jpg",  # the validation split of v1 has photographs of both folders
        "images/train2017/000000000009.jpg",
        "images/val2017/000000000009.jpg",
        "val2014/COCO_val2014_000000000009.jpg",
    ],
)
def test_photographs_are_looked_for_in_every_folder(root: Path, place: str):
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_bytes(b"photograph")
    assert open_index(Lvis(root)).sample(0).image.read() == b"photograph"


def test_a_photograph_that_is_nowhere(root: Path):
    with pytest.raises(BadItem, match=r"file 000000000009\.jpg is missing"):
        open_index(Lvis(root)).sample(0).image.read()


def test_the_2014_names_of_the_first_version(root: Path):
    """Written in the documented layout: no address, a file_name of 2014, the photograph in val2017."""
    image = {**_DOCUMENT["images"][0], "file_name": "COCO_val2014_000000000009.jpg"}
    del image["coco_url"]
    (root / "annotations").mkdir()
    (root / "annotations/lvis_v0.5_val.json").write_text(json.dumps({**_DOCUMENT, "images": [image]}))
    (root / "val2017").mkdir()
    (root / "val2017/000000000009.jpg").write_bytes(b"photograph")
    assert open_index(Lvis(root, "v0.5_val")).sample(0).image.read() == b"photograph"


@pytest.mark.parametrize("url", ["", "x", "../../etc/passwd", "http://x/../secret.jpg", 7, None])
def test_addresses_lead_nowhere_else(root: Path, url: Any):
    _changed(root, lambda document: document["images"][0].update(coco_url=url))
    assert open_index(Lvis(root)).sample(0).image.path == root / "train2017/000000000009.jpg"


def test_what_is_missing_is_named_with_the_tree(root: Path):
    with pytest.raises(SourceLayoutError, match=r"file lvis_v1_val\.json .* is missing") as caught:
        open_index(Lvis(root, "v1_val"))
    assert "lvis_v1_train.json" in str(caught.value)
    (root / "train2017").rmdir()
    with pytest.raises(SourceLayoutError, match=r"folder train2017 .* is missing"):
        open_index(Lvis(root))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"category_id": 9}, "category id 9 is not in the file's categories"),
        ({"category_id": "3"}, "category id '3'"),
        ({"category_id": 4}, "category id 4 is listed as absent too"),
        ({"bbox": [1, 1, 0, 2]}, "has no area"),
        ({"segmentation": [[1, 1, 2]]}, "polygon of 3 numbers"),
        ({"segmentation": [[1, 1, 4, 1, 4, 1e9]]}, "far outside the image"),
        ({"image_id": None}, "annotation names no image id"),
        ({"image_id": 8}, "objects point to an image that the file does not list"),
    ],
)
def test_broken_objects(root: Path, change: dict[str, Any], says: str):
    index = open_index(Lvis(_changed(root, lambda d: d["annotations"].append({**_OBJECT, "id": 7, **change}))))
    (reject,) = index.rejects()
    assert says in reject.reason and len(index) == 1


def test_a_broken_object_takes_its_class_along(root: Path):
    """With one cup left out, "all cups" would be wrong; and a class with an object is not absent."""
    broken = [{**_OBJECT, "id": 7, "bbox": None}, {**_OBJECT, "id": 8, "category_id": 4}]
    index = open_index(Lvis(_changed(root, lambda document: document["annotations"].extend(broken))))
    assert _names(index.sample(0)) == [] and index.sample(0).absent == ("bow_(weapon)",)
    assert index.features().tolist() == [Feature.LABELS] and len(index.rejects()) == 2


def test_a_class_is_not_absent_when_another_of_its_word_is_there(root: Path):
    """A photograph with a ribbon shows a bow, whether or not it shows a weapon."""

    def change(document: dict[str, Any]) -> None:
        document["categories"].append({"id": 5, "name": "bow_(decorative_ribbons)"})
        document["annotations"].append({**_OBJECT, "id": 7, "category_id": 5})

    assert open_index(Lvis(_changed(root, change))).sample(0).absent == ("aerosol_can",)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": 0}, "lacks a usable id, width or height"),
        ({"id": -9}, "lacks a usable id, width or height"),
        ({"neg_category_ids": 7}, "are no lists of numbers"),
        ({"not_exhaustive_category_ids": [None]}, "are no lists of numbers"),
    ],
)
def test_broken_images(root: Path, change: dict[str, Any], says: str):
    _changed(root, lambda document: document["images"][0].update(change))
    reasons: list[str] = []
    assert list(Lvis(root).scan(lambda item, reason: reasons.append(reason))) == []
    assert says in reasons[0]


def test_an_image_without_the_lists(root: Path):
    def strip(document: dict[str, Any]) -> None:
        for key in ("neg_category_ids", "not_exhaustive_category_ids"):
            del document["images"][0][key]

    sample = open_index(Lvis(_changed(root, strip))).sample(0)
    assert sample.absent == () and _names(sample) == ["cup", "book"]


@pytest.mark.parametrize("category", [{"id": 3, "name": "mug"}, {"id": 5}, {"name": "mug"}, None])
def test_broken_categories(root: Path, category: Any):
    with pytest.raises(SourceLayoutError, match=r"two categories have the id 3|has no id and name"):
        open_index(Lvis(_changed(root, lambda document: document["categories"].append(category))))


@given(
    where=st.floats(0, 1),
    cut=st.integers(0, 40),
    extra=st.binary(max_size=8) | st.sampled_from([b"-", b"null", b"[]", b"9" * 30, b'"', b"{}", b"1e999", b"NaN"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_files_raise_nothing_else(root: Path, where: float, cut: int, extra: bytes):
    file = root / "lvis_v1_train.json"
    original = file.read_bytes()
    at = int(where * len(original))
    file.write_bytes(original[:at] + extra + original[at + cut :])
    try:
        with contextlib.suppress(SourceLayoutError, BadItem):
            index = open_index(Lvis(root))
            for row in range(len(index)):
                for one in index.sample(row).instances:
                    left, top, right, bottom = one.box_xyxy or (0, 0, 0, 0)
                    assert 0 <= left < right and 0 <= top < bottom
    finally:
        file.write_bytes(original)
