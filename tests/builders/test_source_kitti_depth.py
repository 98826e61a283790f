"""KITTI depth: the excerpt against NumPy, both official layouts written as documented, and what is broken."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature, Intrinsics
from taskpaint.builders.sources.kitti_depth import KittiDepth
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_DRIVE = "2011_09_26_drive_0001_sync"
_P2 = "7.215377e+02 0.000000e+00 6.095593e+02 4.485728e+01 0 7.215377e+02 1.728540e+02 2.163791e-01 0 0 1 2.745884e-03"
_P3 = "7.2e+02 0 6.1e+02 -3.4e+02 0 7.3e+02 1.7e+02 2.2e+00 0 0 1 2.7e-03"
_CALIBRATION = f"calib_time: 09-Jan-2012 13:57:47\nS_rect_02: 1.242e+03 3.75e+02\nP_rect_02: {_P2}\nP_rect_03: {_P3}\n"
_UNITS = np.array([[0, 1, 256, 2560, 20480, 65535]] * 4, np.uint16)


def _write(root: Path, frames: tuple[str, ...] = ("0000000005",), drive: str = _DRIVE, split: str = "train") -> Path:
    for camera in ("image_02", "image_03"):
        truth = root / f"data_depth_annotated/{split}/{drive}/proj_depth/groundtruth" / camera
        photographs = root / f"raw/{drive[:10]}/{drive}/{camera}/data"
        for folder in (truth, photographs):
            folder.mkdir(parents=True, exist_ok=True)
        for frame in frames:
            Image.fromarray(_UNITS).save(truth / f"{frame}.png")
            Image.new("RGB", (6, 4)).save(photographs / f"{frame}.png")
    (root / f"raw/{drive[:10]}/calib_cam_to_cam.txt").write_text(_CALIBRATION)
    return root


def test_the_excerpt_in_metres(shared_data: Path):
    folder, drive = shared_data / "kitti_depth", "2011_09_26_drive_0000_sync"
    index = open_index(KittiDepth(folder, "val"))
    assert list(index.ids()) == [f"{drive}/image_02/00000000{frame}" for frame in ("05", "50")]
    assert set(index.image_keys()) == {f"kitti/{drive}"} and index.rejects() == []
    assert set(index.features().tolist()) == {Feature.DEPTH}  # the excerpt has no calibration
    for row, frame in enumerate(("0000000005", "0000000050")):
        sample = index.sample(row)
        assert sample.depth is not None and sample.depth.intrinsics is None
        file = folder / f"data_depth_annotated/val/{drive}/proj_depth/groundtruth/image_02/{frame}.png"
        with Image.open(file) as image:
            stored = np.array(image)
        depth = sample.depth.load()
        assert depth.dtype == np.float32 and depth.shape == (375, 1242)
        np.testing.assert_array_equal(depth, stored / 256)
        assert 0.75 < (depth == 0).mean() < 0.85 and depth[depth > 0].min() > 1 and depth.max() < 90
        with Image.open(sample.image.path) as image:
            assert image.size == (1242, 375)


def test_frames_of_both_cameras(tmp_path: Path):
    """Written in the documented layout."""
    index = open_index(KittiDepth(_write(tmp_path, ("0000000005", "0000000006"))))
    ids = [f"{_DRIVE}/{camera}/000000000{n}" for camera in ("image_02", "image_03") for n in (5, 6)]
    assert list(index.ids()) == ids and set(index.image_keys()) == {f"kitti/{_DRIVE}"}
    assert set(index.features().tolist()) == {Feature.DEPTH | Feature.INTRINSICS}
    left, right = (pickle.loads(pickle.dumps(index.sample(row))).depth for row in (0, 2))
    assert left.load()[0].tolist() == [0, 1 / 256, 1, 10, 80, 65535 / 256]
    assert left.intrinsics == Intrinsics(721.5377, 721.5377, 609.5593, 172.854)
    assert right.intrinsics == Intrinsics(720, 730, 610, 170)


def test_converted_photographs_and_folders_without_their_wrapper(tmp_path: Path):
    """Written as the archives unpack, without `raw` and data_depth_annotated, photographs converted to JPEG."""
    _write(tmp_path)
    (tmp_path / "data_depth_annotated/train").rename(tmp_path / "train")
    (tmp_path / "raw/2011_09_26").rename(tmp_path / "2011_09_26")
    for file in tmp_path.glob("2011_09_26/*/*/data/*.png"):
        file.rename(file.with_suffix(".jpg"))
    index = open_index(KittiDepth(tmp_path))
    assert len(index) == 2 and all(index.sample(row).image.path.suffix == ".jpg" for row in range(2))


def test_depth_without_a_photograph(tmp_path: Path):
    _write(tmp_path, ("0000000005", "0000000006"))
    place = f"raw/2011_09_26/{_DRIVE}/image_03/data"
    (tmp_path / place / "0000000006.png").unlink()
    (tmp_path / f"raw/2011_09_26/{_DRIVE}/image_02/data/0000000000.png").write_bytes(b"")  # has no depth: left out
    index = open_index(KittiDepth(tmp_path))
    assert len(index) == 3
    (reject,) = index.rejects()
    assert reject.id == f"{_DRIVE}/image_03/0000000006"
    assert reject.reason == f"photograph {place}/0000000006.png is missing"


def test_the_selection(tmp_path: Path):
    """Written in the documented layout."""
    root = tmp_path / "depth_selection/val_selection_cropped"
    stem = "2011_09_26_drive_0002_sync_{}_0000000005_image_02"
    for folder in ("image", "groundtruth_depth", "intrinsics"):
        (root / folder).mkdir(parents=True)
    for camera in ("image_02", "image_03"):
        name = stem.replace("image_02", camera)
        Image.new("RGB", (6, 4)).save(root / f"image/{name.format('image')}.png")
        Image.fromarray(_UNITS).save(root / f"groundtruth_depth/{name.format('groundtruth_depth')}.png")
    (root / f"intrinsics/{stem.format('image')}.txt").write_text("721.5 0 596.5 0 721.5 149.8 0 0 1")
    Image.new("RGB", (6, 4)).save(root / f"image/{stem.format('image').replace('05', '08')}.png")
    source = KittiDepth(tmp_path, "val_selection")
    index = open_index(source)
    assert list(index.ids()) == [f"2011_09_26_drive_0002_sync/image_0{n}/0000000005" for n in (2, 3)]
    assert index.features().tolist() == [Feature.DEPTH | Feature.INTRINSICS, Feature.DEPTH]
    assert set(index.image_keys()) == {"kitti/2011_09_26_drive_0002_sync"} and source.held_out_as() == "validation"
    depth = index.sample(0).depth
    assert depth is not None and depth.intrinsics == Intrinsics(721.5, 721.5, 596.5, 149.8)
    assert depth.load()[0].tolist() == [0, 1 / 256, 1, 10, 80, 65535 / 256]
    (reject,) = index.rejects()
    assert reject.reason == f"{stem.format('image').replace('05', '08')}.png has no depth map"
    (root / f"intrinsics/{stem.format('image')}.txt").write_text("721.5 0 596.5")
    with pytest.raises(BadItem, match=r"has 3 numbers; 9 finite ones are needed"):
        index.sample(0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("P_rect_03", "P_rect_09", "P_rect_03 has 0 numbers; 12 finite"),
        ("7.3e+02", "seven", "P_rect_03 holds words that are no numbers"),
        ("7.3e+02", "nan", "12 finite ones are needed"),
        ("7.3e+02", "-1", "focal lengths of 720 and -1"),
    ],
)
def test_a_broken_calibration_stops_the_run(tmp_path: Path, old: str, new: str, says: str):
    _write(tmp_path)
    (tmp_path / "raw/2011_09_26/calib_cam_to_cam.txt").write_text(_CALIBRATION.replace(old, new))
    with pytest.raises(SourceLayoutError, match=says):
        open_index(KittiDepth(tmp_path))


@given(some.binary(max_size=8), some.integers(0, len(_CALIBRATION)), some.integers(0, 60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_calibrations_give_entries_or_say_so(tmp_path: Path, junk: bytes, start: int, cut: int):
    _write(tmp_path)
    data = _CALIBRATION.encode()
    (tmp_path / "raw/2011_09_26/calib_cam_to_cam.txt").write_bytes(data[:start] + junk + data[start + cut :])
    source = KittiDepth(tmp_path)
    try:
        entries = list(source.scan(lambda item, reason: None))
    except SourceLayoutError as fault:
        assert "calib_cam_to_cam.txt" in str(fault)
    else:
        assert len(entries) == 2 and source.sample(entries[0].id, entries[0].record).depth is not None


def test_missing_folders(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="folder data_depth_annotated/train"):
        open_index(KittiDepth(tmp_path / "nowhere"))
    (tmp_path / "data_depth_annotated/train").mkdir(parents=True)
    with pytest.raises(SourceLayoutError, match="folder raw"):
        open_index(KittiDepth(tmp_path))
    with pytest.raises(SourceLayoutError, match="folder depth_selection/val_selection_cropped"):
        open_index(KittiDepth(tmp_path, "val_selection"))


def test_depth_of_8_bits_is_a_bad_item(tmp_path: Path):
    index = open_index(KittiDepth(_write(tmp_path)))
    depth = index.sample(0).depth
    assert depth is not None
    file = next(tmp_path.glob("data_depth_annotated/train/*/proj_depth/groundtruth/image_02/*.png"))
    Image.fromarray(_UNITS.astype(np.uint8)).save(file)
    with pytest.raises(BadItem, match="is a 8-bit image; 16-bit grey is needed"):
        depth.load()
    file.unlink()
    with pytest.raises(BadItem, match="is missing"):
        depth.load()
