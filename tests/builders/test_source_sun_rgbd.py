"""SUN RGB-D, written in the documented layout; there is no sample of it."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image
from scipy.io import savemat
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature, Intrinsics
from taskpaint.builders.sources.sun_rgbd import SunRgbd, SunRgbdOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_MILLIMETRES = np.array([[0, 1, 7, 8, 1000, 4321, 10000, 10001]] * 2, np.uint16)
_FRAMES = {
    "kv1/NYUdata/NYU0046": "office",
    "kv2/kinect2data/000002_2014-05-26_rgbf000103-resize": "idk",
    "realsense/lg/2014_10_21-18_20_21-1311000073": "",
    "xtion/sun3ddata/brown_bm_1/brown_bm_1/0000103": "furniture_store",
    "xtion/sun3ddata/brown_bm_1/brown_bm_1/0000203": "furniture_store",
}


def _stored(millimetres: np.ndarray) -> np.ndarray:
    """Rotated left by three bits, the inverse of the official reading: (v >> 3) | (v << 13)."""
    wide = millimetres.astype(np.uint32)
    return ((wide << 3 | wide >> 13) & 0xFFFF).astype(np.uint16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, scene in _FRAMES.items():
        folder = tmp_path / "SUNRGBD" / name
        for kind, values in (("depth_bfx", _MILLIMETRES), ("depth", _MILLIMETRES // 2)):
            (folder / kind).mkdir(parents=True)
            Image.fromarray(_stored(values)).save(folder / kind / "0001.png")
        (folder / "image").mkdir()
        Image.new("RGB", (8, 2)).save(folder / "image/0001.jpg")
        (folder / "intrinsics.txt").write_text("529.5 0 366 0 528.5 265 0 0 1")
        (folder / "annotation2Dfinal").mkdir()
        if scene:
            (folder / "scene.txt").write_text(f"{scene}\n")
    return tmp_path


def _write_list(root: Path, **lists: list[str]) -> Path:
    file = root / "SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat"
    file.parent.mkdir(parents=True, exist_ok=True)
    cells = {
        name: np.array([f"/n/fs/sun3d/data/SUNRGBD/{path}" for path in paths], object) for name, paths in lists.items()
    }
    savemat(file, cells, do_compression=True)
    return file


def test_all_frames(root: Path):
    """Written in the documented layout."""
    index = open_index(SunRgbd(root))
    assert list(index.ids()) == sorted(_FRAMES) and index.rejects() == []
    assert list(index.image_keys()) == [
        "nyu/labeled/00045",
        "sun_rgbd/kv2/kinect2data/000002_2014-05-26_rgbf000103-resize",
        "sun_rgbd/realsense/lg/2014_10_21-18_20_21-1311000073",
        *["sun_rgbd/xtion/sun3ddata/brown_bm_1/brown_bm_1"] * 2,
    ]
    both = Feature.DEPTH | Feature.INTRINSICS
    told = both | Feature.LABELS
    assert index.features().tolist() == [told, both, both, told, told]
    sample = pickle.loads(pickle.dumps(index.sample(3)))
    assert sample.labels[0].present == ("furniture_store",)
    assert sample.labels[0].vocabulary == ("furniture_store", "office") and sample.labels[0].facet == "scene"
    # the official tools look at pixel (1, 1) first
    assert sample.depth.intrinsics == Intrinsics(529.5, 528.5, 365, 264)
    metres = sample.depth.load()
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres[0], [0, 0.001, 0.007, 0.008, 1, 4.321, 10, 0], rtol=1e-6)
    assert index.sample(1).labels == ()


def test_raw_depth_by_option(root: Path):
    depth = open_index(SunRgbd(root, "all", SunRgbdOptions(depth="raw"))).sample(0).depth
    assert depth is not None
    np.testing.assert_allclose(depth.load()[0], [0, 0, 0.003, 0.004, 0.5, 2.16, 5, 5], rtol=1e-6)


def test_the_path_may_be_the_inner_folder(root: Path):
    assert list(open_index(SunRgbd(root / "SUNRGBD")).ids()) == sorted(_FRAMES)


def test_the_official_lists(root: Path):
    train, test = ["kv1/NYUdata/NYU0046", "xtion/sun3ddata/gone"], ["realsense/lg/2014_10_21-18_20_21-1311000073/"]
    _write_list(root, alltrain=train, alltest=test)
    index = open_index(SunRgbd(root, "train"))
    assert list(index.ids()) == ["kv1/NYUdata/NYU0046"]
    assert [reject.id for reject in index.rejects()] == ["xtion/sun3ddata/gone"]
    assert index.sample(0).labels[0].vocabulary == ("office",)
    assert list(open_index(SunRgbd(root, "test")).ids()) == [test[0].rstrip("/")]  # a list of one is no list to SciPy


def test_without_lists_the_splits_are_missing(root: Path):
    with pytest.raises(SourceLayoutError, match=r"file SUNRGBDtoolbox/traintestSUNRGBD/allsplit\.mat .* is missing"):
        open_index(SunRgbd(root, "train"))
    _write_list(root, alltrain=["kv1/NYUdata/NYU0046"])
    with pytest.raises(SourceLayoutError, match="holds no list alltest"):
        open_index(SunRgbd(root, "test"))


def test_a_changed_scene_is_seen(root: Path):
    assert open_index(SunRgbd(root)).sample(0).labels[0].present == ("office",)
    (root / "SUNRGBD/kv1/NYUdata/NYU0046/scene.txt").write_text("lab")
    assert open_index(SunRgbd(root)).sample(0).labels[0].present == ("lab",)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"a/b", b"x" * 500, b"<script>"])
def test_scenes_that_are_none(root: Path, text: bytes):
    (root / "SUNRGBD/kv1/NYUdata/NYU0046/scene.txt").write_bytes(text)
    assert open_index(SunRgbd(root)).sample(0).labels == ()


def test_frames_that_are_not_whole(root: Path):
    first, second, third, *_ = (root / "SUNRGBD" / name for name in sorted(_FRAMES))
    (first / "image/0001.jpg").unlink()
    Image.new("RGB", (8, 2)).save(second / "image/0002.jpg")
    for kind in ("depth_bfx", "depth"):
        (third / kind / "0001.png").unlink()
    index = open_index(SunRgbd(root))
    assert len(index) == 2
    assert [reject.reason for reject in index.rejects()] == [
        "the folder has no photograph in image/; one is needed",
        "the folder has 2 photograph in image/; one is needed",
        "the folder has no depth map; one is needed",
    ]


def test_broken_cameras_and_depth_are_bad_items(root: Path):
    index = open_index(SunRgbd(root))
    place = root / "SUNRGBD" / sorted(_FRAMES)[0]
    depth = index.sample(0).depth
    assert depth is not None
    Image.new("RGB", (8, 2)).save(place / "depth_bfx/0001.png")
    with pytest.raises(BadItem, match="is a colour image"):
        depth.load()
    for text, says in (("", "has 0 numbers"), ("1 2 x", "no numbers"), ("0 " * 9, "focal lengths of 0 and 0")):
        (place / "intrinsics.txt").write_text(text)
        with pytest.raises(BadItem, match=says):
            index.sample(0)


def _a_list() -> bytes:
    out = io.BytesIO()
    paths = np.array([f"/n/fs/sun3d/data/SUNRGBD/{name}" for name in _FRAMES], object)
    savemat(out, {"alltrain": paths, "alltest": paths[:1]})
    return out.getvalue()


_LIST = _a_list()


@given(some.lists(some.tuples(some.integers(0, len(_LIST) - 1), some.integers(0, 255)), max_size=6), some.integers(0))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_lists_give_entries_or_say_so(root: Path, changes: list[tuple[int, int]], length: int):
    data = bytearray(_LIST)
    for place, value in changes:
        data[place] = value
    file = root / "allsplit.mat"
    file.write_bytes(data[: length % (2 * len(data))])
    source = SunRgbd(root, "train")
    try:
        for entry in source.scan(lambda item, reason: None):
            source.sample(entry.id, entry.record)
    except SourceLayoutError as fault:
        assert "allsplit.mat" in str(fault)
