"""NYU Depth V2: sync frames and h5 files, values against NumPy and Pillow, and what is broken."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from taskpaint.builders.geometry import Geometry
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.nyu_depth_v2 import NyuDepthV2, NyuDepthV2Options
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb, read_header

_LIST = "nyudepthv2_train_files_with_gt.txt"


def _png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


_RGB = np.arange(3 * 4 * 6, dtype=np.uint8).reshape(4, 6, 3)
_DEPTH_MM = np.array([[0, 1, 500, 1000, 9999, 65535]] * 4, np.uint16)


def _pair(folder: Path, frame: str, rgb: bytes | None = None, depth: bytes | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"rgb_{frame}.jpg").write_bytes(_png(_RGB) if rgb is None else rgb)
    (folder / f"sync_depth_{frame}.png").write_bytes(_png(_DEPTH_MM) if depth is None else depth)


def _pack(file: Path, **arrays: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(file, "w") as packed:
        for key, values in arrays.items():
            packed[key] = values


@pytest.fixture
def root(tmp_path: Path) -> Path:
    _pair(tmp_path / "nyu/sync/kitchen_0001", "00000")
    _pair(tmp_path / "nyu/sync/kitchen_0001", "00007")
    _pair(tmp_path / "nyu/sync/attic_0002b", "00000")
    return tmp_path / "nyu"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    depth = np.array([[0.5, 2.0, np.nan, -1.0, np.inf, 0.0]] * 4, np.float32)
    _pack(tmp_path / "nyu/train/kitchen_0001/00001.h5", rgb=_RGB.transpose(2, 0, 1), depth=depth)
    return tmp_path / "nyu"


def test_the_excerpt_in_metres(shared_data: Path):
    folder = shared_data / "nyu_depth_v2"
    index = open_index(NyuDepthV2(folder))
    assert list(index.ids()) == ["basement_0001a/00000", "basement_0001a/00050"] and index.rejects() == []
    assert list(index.image_keys()) == ["nyu/basement_0001a/00000", "nyu/basement_0001a/00050"]
    assert set(index.features().tolist()) == {Feature.DEPTH | Feature.INTRINSICS}
    for row, frame in enumerate(("00000", "00050")):
        sample = index.sample(row)
        assert sample.depth is not None
        depth = sample.depth.load()
        with Image.open(folder / f"sync/basement_0001a/sync_depth_{frame}.png") as image:
            stored = np.array(image)
        assert depth.dtype == np.float32 and depth.shape == (480, 640)
        np.testing.assert_allclose(depth, stored / 1000.0, atol=1e-6)
        assert ((depth == 0) == (stored == 0)).all() and 0.2 < (depth == 0).mean() < 0.4
        assert decode_rgb(sample.image.read()).shape == (480, 640, 3)


def test_the_excerpt_listed_and_walked_are_the_same(shared_data: Path, tmp_path: Path):
    (tmp_path / "nyu").mkdir()
    (tmp_path / "nyu/sync").symlink_to(shared_data / "nyu_depth_v2/sync")
    listed, walked = (open_index(NyuDepthV2(path)) for path in (shared_data / "nyu_depth_v2", tmp_path / "nyu"))
    assert list(listed.ids()) == list(walked.ids()) and len(walked) == 2


def test_the_packed_excerpt(shared_data: Path):
    index = open_index(NyuDepthV2(shared_data / "nyu_depth_v2_h5_placeholder"))
    sample = index.sample(0)
    assert list(index.image_keys()) == ["nyu/train/1"] and sample.depth is not None
    assert decode_rgb(sample.image.read()).tolist() == np.ones((6, 4, 3)).tolist()
    assert sample.depth.load().tolist() == np.ones((6, 4)).tolist()


def test_frames_are_found_by_walking(root: Path):
    index = open_index(NyuDepthV2(root))
    assert list(index.ids()) == ["attic_0002b/00000", "kitchen_0001/00000", "kitchen_0001/00007"]
    sample = index.sample(2)
    assert sample.image.path == root / "sync/kitchen_0001/rgb_00007.jpg" and sample.depth is not None
    depth = sample.depth.load()
    np.testing.assert_allclose(depth[0], [0, 0.001, 0.5, 1, 9.999, 65.535], rtol=1e-6)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sample)).depth.load(), depth)


def test_frames_without_their_other_half(root: Path):
    (root / "sync/kitchen_0001/rgb_00000.jpg").unlink()
    (root / "sync/kitchen_0001/sync_depth_00007.png").unlink()
    (root / "sync/kitchen_0001/notes.txt").write_text("")
    index = open_index(NyuDepthV2(root))
    assert list(index.ids()) == ["attic_0002b/00000"]
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [
        ("kitchen_0001/00000", "the depth map has no photograph"),
        ("kitchen_0001/00007", "the photograph has no depth map"),
    ]


def test_the_usual_list_decides(root: Path):
    line = "/kitchen_0001/rgb_00007.jpg /kitchen_0001/sync_depth_00007.png 518.8579"
    (root / _LIST).write_text(f"{line}\n\n")
    index = open_index(NyuDepthV2(root))
    assert list(index.ids()) == ["kitchen_0001/00007"] and index.rejects() == []
    assert index.sample(0).image.path.is_file()


def test_a_list_by_option(root: Path, tmp_path: Path):
    line = "attic_0002b/rgb_00000.jpg attic_0002b/sync_depth_00000.png"
    (root / "mine.txt").write_text(line)
    (tmp_path / "elsewhere.txt").write_text(line)
    for name in ("mine.txt", str(tmp_path / "elsewhere.txt")):
        index = open_index(NyuDepthV2(root, "train", NyuDepthV2Options(list=name)))
        assert list(index.ids()) == ["attic_0002b/00000"]
    with pytest.raises(SourceLayoutError, match=r"other\.txt is missing; correct the option `list`"):
        open_index(NyuDepthV2(root, "train", NyuDepthV2Options(list="other.txt")))
    with pytest.raises(ValidationError):
        NyuDepthV2Options(lists="mine.txt")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a/rgb_1.jpg", "the line names no depth map"),
        ("a/rgb_1.jpg None 721.5377", "the line names no depth map"),
        ("../../rgb_1.jpg a/sync_depth_1.png 1", "leads out of the dataset's folder"),
        ("a/rgb_1.jpg ../sync_depth_1.png 1", "leads out of the dataset's folder"),
    ],
)
def test_broken_lines(root: Path, line: str, reason: str):
    good = "attic_0002b/rgb_00000.jpg attic_0002b/sync_depth_00000.png"
    (root / _LIST).write_text(f"{good}\n{line}\n{good}\n")
    index = open_index(NyuDepthV2(root))
    assert list(index.ids()) == ["attic_0002b/00000"]
    first, second = index.rejects()
    assert _LIST in first.reason and reason in first.reason and "same id" in second.reason


def test_a_list_that_is_no_text(root: Path):
    (root / _LIST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceLayoutError, match="is no text file"):
        open_index(NyuDepthV2(root))


def test_the_test_split_has_its_own_folder_and_list(root: Path):
    with pytest.raises(SourceLayoutError, match=r"folder official_splits/test .* is missing") as caught:
        open_index(NyuDepthV2(root, "test"))
    assert "sync/basement_0001a/rgb_00000.jpg" in str(caught.value)
    _pair(root / "official_splits/test/bathroom", "00045")
    (root / _LIST).write_text("kitchen_0001/rgb_00007.jpg kitchen_0001/sync_depth_00007.png")
    source = NyuDepthV2(root, "test")
    assert list(open_index(source).ids()) == ["bathroom/00045"] and source.held_out_as() == "test"
    assert NyuDepthV2(root).held_out_as() == "train"


def test_a_wrong_and_an_empty_folder(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="source nyu_depth_v2: folder sync"):
        open_index(NyuDepthV2(tmp_path / "nowhere"))
    (tmp_path / "nyu/sync/kitchen").mkdir(parents=True)
    with pytest.raises(SourceLayoutError, match="holds no images"):
        open_index(NyuDepthV2(tmp_path / "nyu"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"not a picture", "not an image"),
        (_png(_DEPTH_MM)[:-20], "truncated|cannot be decoded"),
        (_png(_DEPTH_MM.astype(np.uint8)), "is a 8-bit image; 16-bit grey in millimetres"),
        (_png(_RGB), "is a colour image"),
    ],
)
def test_broken_depth_is_a_bad_item(root: Path, data: bytes, says: str):
    _pair(root / "sync/kitchen_0001", "00000", depth=data)
    depth = open_index(NyuDepthV2(root)).sample(1).depth
    assert depth is not None
    with pytest.raises(BadItem, match=says):
        depth.load()


def test_depth_of_another_size(root: Path):
    _pair(root / "sync/kitchen_0001", "00000", depth=_png(_DEPTH_MM[:2]))
    sample = open_index(NyuDepthV2(root)).sample(1)
    data = sample.image.read()
    view = View(sample, data, read_header(data), Geometry.native((6, 4)))
    with pytest.raises(BadItem, match="depth map is 6x2, the image is 6x4"):
        view.depth_m()


def test_a_listed_file_that_is_missing(root: Path):
    (root / _LIST).write_text("kitchen_0001/rgb_99999.jpg kitchen_0001/sync_depth_99999.png")
    sample = open_index(NyuDepthV2(root)).sample(0)
    assert sample.depth is not None
    for load in (sample.image.read, sample.depth.load):
        with pytest.raises(BadItem, match=r"99999\.\w+ is missing"):
            load()


def test_packed_frames(packed: Path):
    index = open_index(NyuDepthV2(packed))
    sample = index.sample(0)
    assert index.key_and_id(0) == ("nyu/kitchen_0001/00001", "kitchen_0001/00001") and sample.depth is not None
    data = sample.image.read()
    assert read_header(data).passable
    np.testing.assert_array_equal(decode_rgb(data), _RGB)
    assert sample.depth.load().tolist() == [[0.5, 2, 0, 0, 0, 0]] * 4
    assert sample.depth.load().dtype == np.float32
    assert pickle.loads(pickle.dumps(sample)).image.read() == data


def test_packed_frames_of_the_test_split(packed: Path):
    _pack(packed / "val/official/00003.h5", rgb=_RGB.transpose(2, 0, 1), depth=np.ones((4, 6)))
    assert list(open_index(NyuDepthV2(packed, "test")).ids()) == ["official/00003"]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"depth": np.ones((4, 6))}, "holds no array of numbers called 'rgb'"),
        ({"rgb": np.array(b"text"), "depth": np.ones((4, 6))}, "holds no array of numbers called 'rgb'"),
        ({"rgb": _RGB, "depth": np.ones((4, 6))}, r"shape \(4, 6, 3\); \(3, height, width\) is needed"),
        ({"rgb": np.zeros((3, 0, 6), np.uint8), "depth": np.ones((0, 6))}, "is needed"),
        ({"rgb": np.full((3, 4, 6), 0.5), "depth": np.ones((4, 6))}, "not whole numbers from 0 to 255"),
        ({"rgb": np.full((3, 4, 6), 256), "depth": np.ones((4, 6))}, "not whole numbers from 0 to 255"),
        ({"rgb": np.full((3, 4, 6), np.nan), "depth": np.ones((4, 6))}, "not whole numbers from 0 to 255"),
        ({"rgb": _RGB.transpose(2, 0, 1)}, "holds no array of numbers called 'depth'"),
        ({"rgb": _RGB.transpose(2, 0, 1), "depth": np.ones((4, 6, 1))}, r"\(height, width\) is needed"),
    ],
)
def test_broken_packed_frames_are_bad_items(packed: Path, arrays: dict[str, np.ndarray], says: str):
    _pack(packed / "train/kitchen_0001/00001.h5", **arrays)
    index = open_index(NyuDepthV2(packed))
    with pytest.raises(BadItem, match=says):
        sample = index.sample(0)
        assert sample.depth is not None
        sample.depth.load()


def test_text_and_cut_off_files_named_h5(packed: Path):
    index = open_index(NyuDepthV2(packed))
    file = packed / "train/kitchen_0001/00001.h5"
    whole = file.read_bytes()
    for data in (b"", b"plain text", whole[: len(whole) // 2]):
        file.write_bytes(data)
        with pytest.raises(BadItem, match=r"00001\.h5 is no readable HDF5 file"):
            index.sample(0)
    file.unlink()
    with pytest.raises(BadItem, match=r"00001\.h5 is missing"):
        index.sample(0)


def test_mangled_packed_files_give_samples_or_bad_items(packed: Path):
    index = open_index(NyuDepthV2(packed))
    file = packed / "train/kitchen_0001/00001.h5"
    whole = file.read_bytes()
    draw = np.random.default_rng(5)
    bad = 0
    for _ in range(60):
        data = bytearray(whole)
        for at in draw.integers(0, len(data), 12):
            data[at] = draw.integers(0, 256)
        file.write_bytes(bytes(data))
        try:
            sample = index.sample(0)
            assert sample.depth is not None and sample.depth.load().ndim == 2
        except BadItem:
            bad += 1
    assert bad > 0
