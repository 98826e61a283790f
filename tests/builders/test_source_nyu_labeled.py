"""The labelled part of NYU Depth V2, written in the documented layout with h5py; there is no sample of it."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from scipy.io import savemat
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.nyu_depth_v2 import NyuDepthV2
from taskpaint.builders.sources.nyu_labeled import CAMERA, NyuLabeled, NyuLabeledOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb, read_header

_COUNT, _HEIGHT, _WIDTH = 3, 4, 6
_DRAW = np.random.default_rng(7)
_IMAGES = _DRAW.integers(0, 256, (_COUNT, _HEIGHT, _WIDTH, 3)).astype(np.uint8)
_DEPTHS = _DRAW.uniform(0.7, 9.9, (_COUNT, _HEIGHT, _WIDTH)).astype(np.float32)
_RAW = np.where(_DEPTHS > 5, 0, _DEPTHS).astype(np.float32)
_LABELS = _DRAW.integers(0, 4, (_COUNT, _HEIGHT, _WIDTH)).astype(np.uint16)
_NAMES = ["book", "bottle", "air conditioner"]
_SCENES = ["kitchen", "office", "kitchen"]


def _write(folder: Path, **changed: np.ndarray | None) -> Path:
    """As MATLAB writes it: every array with its axes reversed, strings behind references."""
    arrays = {
        "images": _IMAGES.transpose(0, 3, 2, 1),
        "depths": _DEPTHS.transpose(0, 2, 1),
        "rawDepths": _RAW.transpose(0, 2, 1),
        "labels": _LABELS.transpose(0, 2, 1),
    }
    file = folder / "nyu_depth_v2_labeled.mat"
    with h5py.File(file, "w", userblock_size=512) as packed:
        for key, values in {**arrays, **changed}.items():
            if values is not None:
                packed[key] = values
        for key, texts in (("names", _NAMES), ("sceneTypes", _SCENES)):
            if key in changed:
                continue
            cells = packed.create_dataset(key, (1, len(texts)), h5py.ref_dtype)
            for number, text in enumerate(texts):
                letters = packed.create_dataset(
                    f"#refs#/{key}{number}", data=np.array([[ord(c)] for c in text], np.uint16)
                )
                cells[0, number] = letters.ref
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    _write(tmp_path)
    savemat(tmp_path / "splits.mat", {"trainNdxs": np.array([[3], [1]]), "testNdxs": np.array([[2]])})
    return tmp_path


def test_every_array_the_right_way_round(root: Path):
    """Written in the documented layout."""
    index = open_index(NyuLabeled(root))
    assert list(index.ids()) == ["00000", "00001", "00002"] and index.rejects() == []
    assert list(index.image_keys()) == ["nyu/labeled/00000", "nyu/labeled/00001", "nyu/labeled/00002"]
    assert set(index.features().tolist()) == {NyuLabeled.features}
    for row in range(_COUNT):
        sample = pickle.loads(pickle.dumps(index.sample(row)))
        data = sample.image.read()
        assert read_header(data).passable and read_header(data).format == "PNG"
        np.testing.assert_array_equal(decode_rgb(data), _IMAGES[row])
        np.testing.assert_array_equal(sample.depth.load(), _DEPTHS[row])
        np.testing.assert_array_equal(sample.label_map.load(), _LABELS[row])
        assert sample.depth.load().dtype == np.float32 and sample.depth.intrinsics == CAMERA
        assert sample.label_map.names == {1: "book", 2: "bottle", 3: "air conditioner"}
        assert sample.labels[0].present == (_SCENES[row],) and sample.labels[0].vocabulary == ("kitchen", "office")


def test_raw_depth_has_holes(root: Path):
    sample = open_index(NyuLabeled(root, "all", NyuLabeledOptions(depth="raw"))).sample(1)
    assert sample.depth is not None
    np.testing.assert_array_equal(sample.depth.load(), _RAW[1])
    assert (sample.depth.load() == 0).any()


def test_the_official_splits(root: Path):
    assert list(open_index(NyuLabeled(root, "train")).ids()) == ["00002", "00000"]
    assert list(open_index(NyuLabeled(root, "test")).ids()) == ["00001"]
    savemat(root / "splits.mat", {"testNdxs": np.array([[2], [4]])})
    index = open_index(NyuLabeled(root, "test"))
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [
        ("00003", "splits.mat lists frame 4; nyu_depth_v2_labeled.mat holds 3")
    ]
    with pytest.raises(SourceLayoutError, match="holds no list of frame numbers called trainNdxs"):
        open_index(NyuLabeled(root, "train"))
    (root / "splits.mat").unlink()
    with pytest.raises(SourceLayoutError, match=r"file splits\.mat is missing"):
        open_index(NyuLabeled(root, "train"))


def test_the_test_frames_of_the_other_packings_are_the_same_photographs(root: Path):
    folder = root / "official_splits/test/kitchen"
    folder.mkdir(parents=True)
    for name in ("rgb_00001.jpg", "sync_depth_00001.png"):  # counted from 0
        (folder / name).write_bytes(b"")
    assert list(open_index(NyuDepthV2(root, "test")).image_keys()) == ["nyu/labeled/00001"]
    packed = root / "packed"
    (packed / "val/official").mkdir(parents=True)
    (packed / "val/official/00002.h5").write_bytes(b"")  # counted from 1
    assert list(open_index(NyuDepthV2(packed, "test")).image_keys()) == ["nyu/labeled/00001"]


def test_without_scenes(tmp_path: Path):
    _write(tmp_path, sceneTypes=None)
    index = open_index(NyuLabeled(tmp_path))
    assert Feature.LABELS not in Feature(int(index.features()[0])) and index.sample(0).labels == ()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"images": None}, r"have the shapes \(\)"),
        ({"depths": np.zeros((3, 4, 6))}, r"\(N, W, H\) are needed"),
        ({"labels": np.zeros((2, 6, 4))}, r"\(N, W, H\) are needed"),
        ({"images": np.zeros((3, 4, 6, 3))}, r"\(N, 3, W, H\)"),
        ({"names": np.zeros(3)}, "names is no list of up to"),
        ({"sceneTypes": np.zeros(3)}, "sceneTypes is no list of up to"),
    ],
)
def test_a_file_that_is_not_the_official_one(tmp_path: Path, changed: dict[str, np.ndarray | None], says: str):
    _write(tmp_path, **changed)
    with pytest.raises(SourceLayoutError, match=says):
        open_index(NyuLabeled(tmp_path))


def test_values_of_another_kind_are_bad_items(tmp_path: Path):
    kinds = {"images": np.zeros((3, 3, 6, 4)), "labels": np.zeros((3, 6, 4))}
    depths = np.array([np.nan, np.inf, -1, 0, 2, 3] * 12, np.float64).reshape(3, 4, 6).transpose(0, 2, 1)
    _write(tmp_path, **kinds, depths=depths)
    sample = open_index(NyuLabeled(tmp_path)).sample(0)
    assert sample.depth is not None and sample.label_map is not None
    assert sample.depth.load()[0].tolist() == [0, 0, 0, 0, 2, 3]
    with pytest.raises(BadItem, match="8-bit values are needed"):
        sample.image.read()
    with pytest.raises(BadItem, match="whole numbers are needed"):
        sample.label_map.load()


def test_no_file_and_no_hdf5(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"file nyu_depth_v2_labeled\.mat is missing"):
        open_index(NyuLabeled(tmp_path))
    (tmp_path / "nyu_depth_v2_labeled.mat").write_bytes(b"MATLAB 7.3 MAT-file")
    with pytest.raises(SourceLayoutError, match="is no readable HDF5 file"):
        open_index(NyuLabeled(tmp_path))


def test_a_file_that_goes_away_is_a_bad_item(root: Path):
    sample = open_index(NyuLabeled(root)).sample(0)
    (root / "nyu_depth_v2_labeled.mat").unlink()
    with pytest.raises(BadItem, match="is no readable HDF5 file"):
        sample.image.read()


def test_mangled_files_give_samples_or_complaints(root: Path):
    file = root / "nyu_depth_v2_labeled.mat"
    whole = file.read_bytes()
    draw = np.random.default_rng(11)
    complaints = 0
    for _ in range(80):
        data = bytearray(whole)
        for place in draw.integers(512, len(data), 12):
            data[place] = draw.integers(0, 256)
        file.write_bytes(bytes(data[: draw.integers(len(data) // 2, 2 * len(data))]))
        source = NyuLabeled(root)
        try:
            for entry in list(source.scan(lambda item, reason: None))[:2]:
                sample = source.sample(entry.id, entry.record)
                assert sample.depth is not None and sample.label_map is not None
                assert sample.depth.load().ndim == 2 and sample.label_map.load().ndim == 2 and sample.image.read()
        except (SourceLayoutError, BadItem):
            complaints += 1
    assert complaints > 0


@given(some.binary(max_size=200), some.integers(0, 400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_splits_give_entries_or_say_so(root: Path, junk: bytes, start: int):
    savemat(root / "splits.mat", {"trainNdxs": np.array([[3], [1]]), "testNdxs": np.array([[2]])})
    data = (root / "splits.mat").read_bytes()
    (root / "splits.mat").write_bytes(data[:start] + junk + data[start + len(junk) :])
    rejects: list[str] = []
    try:
        entries = list(NyuLabeled(root, "train").scan(lambda item, reason: rejects.append(item)))
    except SourceLayoutError as fault:
        assert "splits.mat" in str(fault)
    else:
        assert len(entries) + len(rejects) > 0
