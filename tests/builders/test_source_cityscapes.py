"""Cityscapes: the real excerpt against Pillow, then maps written by hand in the documented layout, broken ones too."""

from __future__ import annotations

import contextlib
import io
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.cityscapes import Cityscapes, CityscapesOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import read_header

_MASKS = CityscapesOptions(masks=True)
_WITHOUT = Feature.SEMANTIC | Feature.SEGMENTS | Feature.BOXES
_STEM = "aachen_000000_000019"
_PHOTOGRAPH = f"leftImg8bit/train/aachen/{_STEM}_leftImg8bit.png"
_LABELS = f"gtFine/train/aachen/{_STEM}_gtFine_labelIds.png"
_INSTANCES = f"gtFine/train/aachen/{_STEM}_gtFine_instanceIds.png"


def _png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One 4x2 photograph: road, two cars, a group of persons, the own bonnet."""
    for name in (_PHOTOGRAPH, _LABELS):
        (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / _PHOTOGRAPH).write_bytes(_png(np.zeros((2, 4, 3), np.uint8)))
    (tmp_path / _LABELS).write_bytes(_png(np.array([[7, 26, 26, 24], [7, 26, 1, 24]], np.uint8)))
    (tmp_path / _INSTANCES).write_bytes(_png(np.array([[7, 26_000, 26_001, 24], [7, 26_000, 1, 24]], np.uint16)))
    return tmp_path


def _maps(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    assert sample.segments is not None and sample.label_map is not None
    return sample.segments.load(), sample.label_map.load()


def test_the_excerpt_equals_pillow(shared_data: Path):
    folder = shared_data / "cityscapes"
    index = open_index(Cityscapes(folder, "train", _MASKS))
    assert list(index.ids()) == ["aachen_000000_000019", "aachen_000003_000019"] and index.rejects() == []
    assert next(iter(index.image_keys())) == "cityscapes/aachen_000000_000019"
    assert set(index.features().tolist()) == {_WITHOUT | Feature.INSTANCES}
    for row, stem in enumerate(index.ids()):
        sample = index.sample(row)
        numbers, labels = (
            np.array(Image.open(folder / f"gtFine/train/aachen/{stem}_gtFine_{kind}.png")).astype(int)
            for kind in ("instanceIds", "labelIds")
        )
        segments, label_map = _maps(sample)
        np.testing.assert_array_equal(segments, numbers)
        np.testing.assert_array_equal(label_map, labels)
        things = [number for number in np.unique(numbers).tolist() if number >= 24]
        assert len(sample.instances) == len(things)
        for number, one in zip(things, sample.instances, strict=True):
            mask = numbers == number
            found = regions.to_rle(one.segmentation, sample.height, sample.width)
            np.testing.assert_array_equal(regions.decode(found), mask)
            rows, columns = np.nonzero(mask)
            assert one.box_xyxy == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert one.category.id == number // 1000
        header = read_header(sample.image.read())
        assert (header.width, header.height) == (sample.width, sample.height)


def test_names_of_the_excerpt(shared_data: Path):
    sample = open_index(Cityscapes(shared_data / "cityscapes")).sample(0)
    assert sample.label_map is not None and sample.segments is not None
    names = sample.label_map.names
    assert (names[7], names[11], names[20], names[33]) == ("road", "building", "traffic sign", "bicycle")
    assert sorted(names) == list(range(7, 34)) and len(set(names.values())) == 27
    # a street with cars, persons, a rider and bicycles, by eye
    assert {one.category.name for one in sample.instances} == {"person", "rider", "car", "bicycle"}
    assert all(segment.thing == (segment.id >= 1000) for segment in sample.segments.segments)


def test_a_small_world_by_hand(root: Path):
    index = open_index(Cityscapes(root))
    sample = index.sample(0)
    assert index.features().tolist() == [_WITHOUT] and sample.id == _STEM
    segments, labels = _maps(sample)
    assert segments.tolist() == [[7, 26_000, 26_001, 24], [7, 26_000, 1, 24]]
    assert labels.tolist() == [[7, 26, 26, 24], [7, 26, 1, 24]]
    assert sample.segments is not None
    assert [(one.id, one.category.name, one.thing, one.crowd) for one in sample.segments.segments] == [
        (7, "road", False, False),
        (24, "person", True, True),
        (26_000, "car", True, False),
        (26_001, "car", True, False),
    ]
    assert [(one.category.name, one.box_xyxy, one.crowd, one.segmentation) for one in sample.instances] == [
        ("person", (3, 0, 4, 2), True, None),
        ("car", (1, 0, 2, 2), False, None),
        ("car", (2, 0, 3, 1), False, None),
    ]
    assert pickle.loads(pickle.dumps(sample)).segments.load().tolist() == segments.tolist()


def test_without_instance_maps(root: Path):
    (root / _INSTANCES).unlink()
    index = open_index(Cityscapes(root, "train", _MASKS))
    sample = index.sample(0)
    assert index.features().tolist() == [Feature.SEMANTIC]
    assert sample.segments is None and sample.instances == () and (sample.width, sample.height) == (0, 0)


def test_labels_without_photographs_and_the_other_way_round(root: Path):
    (root / _LABELS.replace("000019", "000020")).write_bytes(b"")
    (root / "leftImg8bit/train/bremen").mkdir()
    (root / "leftImg8bit/train/bremen/bremen_000000_000019_leftImg8bit.png").write_bytes(b"")
    (root / "leftImg8bit/train/bremen/Thumbs.db").write_bytes(b"")
    index = open_index(Cityscapes(root))
    assert list(index.ids()) == [_STEM]
    assert [(one.id, one.reason) for one in index.rejects()] == [
        (
            "aachen/aachen_000000_000020",
            "photograph leftImg8bit/train/aachen/aachen_000000_000020_leftImg8bit.png is missing",
        ),
        (
            "bremen/bremen_000000_000019",
            "label map gtFine/train/bremen/bremen_000000_000019_gtFine_labelIds.png is missing",
        ),
    ]


@pytest.mark.parametrize("missing", ["leftImg8bit/train", "gtFine/train"])
def test_what_is_missing_is_named_with_the_tree(root: Path, missing: str):
    shutil.rmtree(root / missing)
    with pytest.raises(SourceLayoutError, match=f"folder {missing} is missing") as caught:
        open_index(Cityscapes(root))
    assert "aachen_000000_000019_gtFine_labelIds.png" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (_png(np.zeros((2, 4, 3), np.uint8)), "is a colour image"),
        (_png(np.full((2, 4), 34, np.uint8)), "holds 34; raw label numbers go from 0 to 33"),
        (_png(np.full((2, 4), 26_000, np.uint16)), "holds 26000"),
    ],
)
def test_broken_label_maps_are_bad_items(root: Path, data: bytes, says: str):
    (root / _LABELS).write_bytes(data)
    with pytest.raises(BadItem, match=says):
        _maps(open_index(Cityscapes(root)).sample(0))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"text", "not an image"),
        (_png(np.zeros((2, 4, 3), np.uint8)), "is a colour image"),
        (_png(np.full((2, 4), 34_000, np.uint16)), "holds 34000, which stands for no class"),
    ],
)
def test_broken_instance_maps_are_bad_items(root: Path, data: bytes, says: str):
    (root / _INSTANCES).write_bytes(data)
    with pytest.raises(BadItem, match=says):
        len(open_index(Cityscapes(root)).sample(0).instances)


def test_the_instance_map_is_not_read_for_classes(root: Path):
    whole = (root / _INSTANCES).read_bytes()
    (root / _INSTANCES).write_bytes(whole.replace(b"IDAT", b"IDOT"))
    sample = open_index(Cityscapes(root)).sample(0)
    assert sample.label_map is not None and sample.label_map.load().shape == (2, 4) and not sample.has_masks
    with pytest.raises(BadItem, match="IDOT"):
        len(sample.instances)


@given(
    which=st.sampled_from([_LABELS, _INSTANCES]),
    where=st.floats(0, 1),
    cut=st.integers(0, 40),
    extra=st.binary(max_size=8),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_maps_raise_nothing_else(root: Path, which: str, where: float, cut: int, extra: bytes):
    original = (root / which).read_bytes()
    at = int(where * len(original))
    (root / which).write_bytes(original[:at] + extra + original[at + cut :])
    try:
        with contextlib.suppress(BadItem):
            sample = open_index(Cityscapes(root, "train", _MASKS)).sample(0)
            assert len(sample.instances) <= 8
            for values in _maps(sample):
                assert values.ndim == 2
    finally:
        (root / which).write_bytes(original)
