"""COCO-Stuff: the real excerpt against Pillow, then missing, broken and foreign files."""

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
from taskpaint.builders.masks.classes import absent_names
from taskpaint.builders.sample import Feature, LabelMap, Sample
from taskpaint.builders.sources.coco_stuff import CocoStuff
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb

_LABELS = "0: unlabeled\n" + "".join(f"{number}: class-{number}\n" for number in range(1, 183))
_MAPS = "stuffthingmaps_trainval2017/train2017"
# Under "Label Names & Indices" in the official README.
_NEVER = {"blender", "desk", "door", "eye glasses", "hair brush", "hat", "mirror", "plate", "shoe", "street sign"}


def _png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


def _map(sample: Sample) -> LabelMap:
    assert sample.label_map is not None
    return sample.label_map


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One 3x2 photograph whose map holds the classes 1 and 182, and an unlabelled pixel."""
    for folder in ("train2017", _MAPS):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "labels.txt").write_text(_LABELS)
    (tmp_path / "train2017/000000000009.jpg").write_bytes(_png(np.zeros((2, 3, 3), np.uint8)))
    (tmp_path / _MAPS / "000000000009.png").write_bytes(_png(np.array([[0, 0, 181], [0, 255, 181]], np.uint8)))
    return tmp_path


@pytest.mark.parametrize(("split", "count"), [("train2017", 7), ("val2017", 3)])
def test_the_excerpt(shared_data: Path, split: str, count: int):
    folder = shared_data / "coco_stuff"
    index = open_index(CocoStuff(folder, split))
    assert len(index) == count and index.rejects() == [] and set(index.features().tolist()) == {Feature.SEMANTIC}
    for row, (stem, key) in enumerate(zip(index.ids(), index.image_keys(), strict=True)):
        sample = index.sample(row)
        with Image.open(folder / f"stuffthingmaps_trainval2017/{split}/{stem}.png") as image:
            stored = np.array(image)
        np.testing.assert_array_equal(_map(sample).load(), stored)
        assert decode_rgb(sample.image.read()).shape[:2] == stored.shape
        assert key == f"coco/{stem}" and set(np.unique(stored).tolist()) - {255} <= set(_map(sample).names)


def test_names_of_the_excerpt(shared_data: Path):
    names = _map(open_index(CocoStuff(shared_data / "coco_stuff", "val2017")).sample(0)).names
    assert len(names) == 171 and (names[0], names[89], names[181]) == ("person", "toothbrush", "wood")
    assert not (_NEVER | {"window"}) & set(names.values()) and {"window-other", "door-stuff"} <= set(names.values())


def test_classes_of_the_excerpt_by_eye(shared_data: Path):
    # 000000017914 shows a cat and a person's hand over a laptop on a bed, under cloth
    index = open_index(CocoStuff(shared_data / "coco_stuff"))
    label_map = _map(index.sample(list(index.ids()).index("000000017914")))
    present = {label_map.names[value] for value in np.unique(label_map.load()).tolist() if value != 255}
    assert present == {"person", "cat", "laptop", "bed", "textile-other"}


def test_a_map_by_hand(root: Path):
    sample = open_index(CocoStuff(root)).sample(0)
    assert _map(sample).load().tolist() == [[0, 0, 181], [0, 255, 181]]
    assert (_map(sample).names[0], _map(sample).names[181]) == ("class-1", "class-182")
    assert 255 not in _map(sample).names and sample.width == 0
    assert pickle.loads(pickle.dumps(sample)).label_map.load().tolist() == [[0, 0, 181], [0, 255, 181]]


def test_any_annotated_class_may_be_absent_and_no_other(root: Path):
    maps = root / _MAPS / "000000000009.png"
    maps.write_bytes(_png(np.full((2, 3), 5, np.uint8)))
    absent = absent_names(open_index(CocoStuff(root)).sample(0), lambda name: True)
    never = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91}  # the eleven, in labels.txt
    assert set(absent) == {f"class-{number}" for number in range(1, 183) if number not in never | {6}}
    assert "class-182" in absent


def test_the_layout_of_the_official_instructions(root: Path):
    (root / "images").mkdir()
    (root / "annotations").mkdir()
    (root / "train2017").rename(root / "images/train2017")
    (root / _MAPS).rename(root / "annotations/train2017")
    (root / "labels.txt").rename(root / "annotations/labels.txt")
    sample = open_index(CocoStuff(root)).sample(0)
    assert sample.image.path == root / "images/train2017/000000000009.jpg" and _map(sample).load().shape == (2, 3)


def test_photographs_and_maps_are_matched_by_name(root: Path):
    (root / "train2017/000000000010.jpg").write_bytes(b"")
    (root / _MAPS / "000000000011.png").write_bytes(b"")
    (root / _MAPS / "cover.png").write_bytes(b"")
    (root / "train2017/cover.jpg").write_bytes(b"")
    index = open_index(CocoStuff(root))
    assert list(index.ids()) == ["000000000009"]
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [
        ("000000000010", f"label map 000000000010.png is missing in {_MAPS}"),
        ("000000000011", "photograph 000000000011.jpg is missing in train2017"),
        ("cover", "the file is not named by the number of a COCO image"),
    ]


@pytest.mark.parametrize("missing", ["labels.txt", "train2017", _MAPS])
def test_what_is_missing_is_named_with_the_tree(root: Path, missing: str):
    path = root / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(SourceLayoutError) as caught:
        open_index(CocoStuff(root))
    assert missing in str(caught.value) and "is missing in" in str(caught.value)
    assert "stuffthingmaps_trainval2017/train2017/000000000009.png" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lists 0 classes"),
        (_LABELS.replace("182: ", "183: "), "expected are those from 1 to 182"),
        (_LABELS.replace("7: class-7\n", "7 class-7\n"), "is no class number and name"),
        (_LABELS.replace("7: class-7\n", "7:\n"), "is no class number and name"),
        (_LABELS.replace("7: class-7\n", "²: two\n"), "is no class number and name"),
    ],
)
def test_broken_labels(root: Path, text: str, says: str):
    (root / "labels.txt").write_text(text)
    with pytest.raises(SourceLayoutError, match=says):
        open_index(CocoStuff(root))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"text", "not an image"),
        (_png(np.zeros((2, 3, 3), np.uint8)), "is a colour image"),
        (_png(np.full((2, 3), 182, np.uint8)), "holds 182; classes go from 0 to 181"),
        (_png(np.full((2, 3), 500, np.uint16)), "holds 500"),
    ],
)
def test_broken_maps_are_bad_items(root: Path, data: bytes, says: str):
    (root / _MAPS / "000000000009.png").write_bytes(data)
    with pytest.raises(BadItem, match=says):
        _map(open_index(CocoStuff(root)).sample(0)).load()


@given(
    which=st.sampled_from(["labels.txt", f"{_MAPS}/000000000009.png"]),
    where=st.floats(0, 1),
    cut=st.integers(0, 40),
    extra=st.binary(max_size=8) | st.sampled_from([b":", b"\n9: x", b"-1", b"\xff"]),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_files_raise_nothing_else(root: Path, which: str, where: float, cut: int, extra: bytes):
    original = (root / which).read_bytes()
    at = int(where * len(original))
    (root / which).write_bytes(original[:at] + extra + original[at + cut :])
    try:
        with contextlib.suppress(SourceLayoutError, BadItem):
            values = _map(open_index(CocoStuff(root)).sample(0)).load()
            assert values.ndim == 2 and set(np.unique(values).tolist()) <= {*range(182), 255}
    finally:
        (root / which).write_bytes(original)
