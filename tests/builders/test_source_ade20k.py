"""ADE20K: the real excerpt against Pillow, then missing, broken and foreign files."""

from __future__ import annotations

import io
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.geometry import Geometry
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.ade20k import Ade20k
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb, read_header

_NAMES = "Idx\tRatio\tTrain\tVal\tName\n" + "".join(f"{n}\t0.1\t9\t9\tclass {n}, thing\n" for n in range(1, 151))


def _png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


def _add(root: Path, stem: str, photograph: bytes | None, label_map: bytes | None, split: str = "training") -> None:
    for folder, suffix, data in (("images", "jpg", photograph), ("annotations", "png", label_map)):
        (root / folder / split).mkdir(parents=True, exist_ok=True)
        if data is not None:
            (root / folder / split / f"{stem}.{suffix}").write_bytes(data)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One 6x4 photograph, its map: the left half class 1, the right half class 150, one pixel other."""
    folder = tmp_path / "ADEChallengeData2016"
    folder.mkdir()
    (folder / "objectInfo150.txt").write_text(_NAMES)
    values = np.repeat(np.array([[1, 1, 1, 150, 150, 150]], np.uint8), 4, axis=0)
    values[0, 0] = 0
    _add(folder, "ADE_train_00000001", _png(np.zeros((4, 6, 3), np.uint8)), _png(values))
    return folder


def test_the_excerpt(shared_data: Path):
    folder = shared_data / "ade20k/ADEChallengeData2016"
    index = open_index(Ade20k(folder, "validation"))
    assert list(index.ids()) == ["ADE_val_00000001", "ADE_val_00000002"] and index.rejects() == []
    assert list(index.image_keys()) == ["ade20k/ADE_val_00000001", "ade20k/ADE_val_00000002"]
    assert set(index.features().tolist()) == {Feature.SEMANTIC}
    for row, stem in enumerate(index.ids()):
        sample = index.sample(row)
        assert sample.label_map is not None and sample.labels == ()
        with Image.open(folder / f"annotations/validation/{stem}.png") as image:
            np.testing.assert_array_equal(sample.label_map.load(), np.array(image))
        assert decode_rgb(sample.image.read()).shape[:2] == sample.label_map.load().shape


def test_names_of_the_excerpt_stay_raw(shared_data: Path):
    label_map = open_index(Ade20k(shared_data / "ade20k", "validation")).sample(0).label_map
    assert label_map is not None and len(label_map.names) == 150 and 0 not in label_map.names
    assert (label_map.names[1], label_map.names[2], label_map.names[150]) == ("wall", "building, edifice", "flag")
    # ADE_val_00000001 is an abbey: by eye a building, sky, trees, grass beside a road
    present = {label_map.names[value] for value in np.unique(label_map.load()).tolist() if value}
    assert {"building, edifice", "sky", "tree", "road, route", "grass"} <= present


def test_the_folder_or_its_parent(root: Path):
    assert open_index(Ade20k(root)).file == open_index(Ade20k(root.parent)).file


def test_a_map_by_hand(root: Path):
    sample = open_index(Ade20k(root)).sample(0)
    assert sample.label_map is not None
    values = sample.label_map.load()
    assert values.shape == (4, 6) and values[0].tolist() == [0, 1, 1, 150, 150, 150]
    assert sample.label_map.names[150] == "class 150, thing"
    assert pickle.loads(pickle.dumps(sample)).label_map.load().tolist() == values.tolist()


def test_a_map_may_be_a_palette_image(root: Path):
    palette = Image.fromarray(np.full((4, 6), 7, np.uint8), "L").convert("P")
    palette.putpalette([255 - value // 3 for value in range(768)])
    palette.putdata([7] * 24)
    palette.save(root / "annotations/training/ADE_train_00000001.png")
    label_map = open_index(Ade20k(root)).sample(0).label_map
    assert label_map is not None and np.unique(label_map.load()).tolist() == [7]


def test_photographs_and_maps_are_matched_by_name(root: Path):
    _add(root, "ADE_train_00000002", b"jpg", None)
    _add(root, "ADE_train_00000003", None, b"png")
    (root / "images/training/Thumbs.db").write_bytes(b"")
    index = open_index(Ade20k(root))
    assert list(index.ids()) == ["ADE_train_00000001"]
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [
        ("ADE_train_00000002", "label map annotations/training/ADE_train_00000002.png is missing"),
        ("ADE_train_00000003", "photograph images/training/ADE_train_00000003.jpg is missing"),
    ]


@pytest.mark.parametrize("missing", ["objectInfo150.txt", "images/training", "annotations/training"])
def test_what_is_missing_is_named_with_the_tree(root: Path, missing: str):
    path = root / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(SourceLayoutError) as caught:
        open_index(Ade20k(root))
    assert f"{missing} is missing in {root}" in str(caught.value)
    assert "annotations/training/ADE_train_00000001.png" in str(caught.value)


def test_a_wrong_folder_and_an_empty_split(root: Path):
    with pytest.raises(SourceLayoutError, match="source ade20k: file objectInfo150"):
        open_index(Ade20k(root.parent / "nowhere"))
    (root / "images/validation").mkdir()
    (root / "annotations/validation").mkdir()
    with pytest.raises(SourceLayoutError, match=r"split validation in .* holds no images"):
        open_index(Ade20k(root, "validation"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lists 0 classes"),
        (_NAMES.replace("\n150\t", "\n151\t"), "expected are those from 1 to 150"),
        (_NAMES[:300], "lists"),
        ("Idx\tName\none wall", "'one wall' is no class number and name"),
        ("Idx\tName\n1", "'1' is no class number and name"),
    ],
)
def test_broken_names(root: Path, text: str, says: str):
    (root / "objectInfo150.txt").write_text(text)
    with pytest.raises(SourceLayoutError, match=r"objectInfo150\.txt") as caught:
        open_index(Ade20k(root))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"no image at all", "not an image"),
        (_png(np.ones((40, 60), np.uint8))[:60], "truncated"),
        (_png(np.ones((4, 6, 3), np.uint8)), "is a colour image"),
        (_png(np.full((4, 6), 151, np.uint8)), "holds 151; classes go from 0 to 150"),
    ],
)
def test_broken_maps_are_bad_items(root: Path, data: bytes, says: str):
    (root / "annotations/training/ADE_train_00000001.png").write_bytes(data)
    label_map = open_index(Ade20k(root)).sample(0).label_map
    assert label_map is not None
    with pytest.raises(BadItem, match=says):
        label_map.load()


def test_a_map_that_vanishes(root: Path):
    sample = open_index(Ade20k(root)).sample(0)
    (root / "annotations/training/ADE_train_00000001.png").unlink()
    assert sample.label_map is not None
    with pytest.raises(BadItem, match=r"ADE_train_00000001\.png is missing"):
        sample.label_map.load()


def test_a_map_of_another_size(root: Path):
    (root / "annotations/training/ADE_train_00000001.png").write_bytes(_png(np.ones((6, 4), np.uint8)))
    sample = open_index(Ade20k(root)).sample(0)
    data = sample.image.read()
    view = View(sample, data, read_header(data), Geometry.native((6, 4)))
    with pytest.raises(BadItem, match="label map is 4x6, the image is 6x4"):
        view.label_map()


@given(text=st.text(st.characters(codec="utf-8"), max_size=60), at=st.integers(0, len(_NAMES)))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_names_give_entries_or_a_layout_error(root: Path, text: str, at: int):
    (root / "objectInfo150.txt").write_bytes((_NAMES[:at] + text + _NAMES[at:]).encode())
    try:
        assert len(open_index(Ade20k(root))) == 1
    except SourceLayoutError as fault:
        assert "objectInfo150.txt" in str(fault)
