"""KITTI depth prediction: photographs from a car with the depth of accumulated laser scans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.depth_files import camera_from, load_depth_png, read_camera
from ..sample import DepthMap, Feature, FileBytes, Intrinsics, Sample
from ..source import Entry, Reject, Source

_SELECTION = "val_selection"
_CAMERAS = ("image_02", "image_03")
_DRIVE = re.compile(r"(\d{4}_\d\d_\d\d)_drive_\d{4}_sync")
_SELECTED = re.compile(r"(\d{4}_\d\d_\d\d_drive_\d{4}_sync)_(?:image|groundtruth_depth)_(\d+)_(image_0[23])")
_PHOTOGRAPHS = (".png", ".jpg")
_UNITS_PER_METRE = 256


class KittiDepth(Source):
    """KITTI depth: 85,898 frames to train, 6,852 to validate, and a selection of 1,000 crops (split val_selection).

    About 80 % of the pixels have no depth. The first and last five frames of a drive have no depth map and are left
    out. The camera is the rectified one of calib_cam_to_cam.txt, or of the selection's own files. The image key is
    the drive, so that neither neighbouring frames nor the two cameras of one moment end up in different splits.
    """

    name = "kitti_depth"
    title = "KITTI depth prediction"
    homepage = "https://www.cvlibs.net/datasets/kitti/eval_depth.php?benchmark=depth_prediction"
    license = "CC BY-NC-SA 3.0"
    splits = ("train", "val", _SELECTION)
    features = Feature.DEPTH | Feature.INTRINSICS
    tree = """  kitti_depth/
    data_depth_annotated/train/2011_09_26_drive_0001_sync/proj_depth/groundtruth/image_02/0000000005.png …
    raw/2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005.png …    (or .jpg; also image_03/)
    raw/2011_09_26/calib_cam_to_cam.txt                                         (optional: the camera)
  or (split val_selection)
    depth_selection/val_selection_cropped/image/2011_09_26_drive_0002_sync_image_0000000005_image_02.png …
    depth_selection/val_selection_cropped/groundtruth_depth/…_sync_groundtruth_depth_0000000005_image_02.png …
    depth_selection/val_selection_cropped/intrinsics/…_sync_image_0000000005_image_02.txt …"""

    def inputs(self) -> list[Path]:
        if self.split == _SELECTION:
            return [self._selection()]
        truth, raw = self._truth(), self._raw()
        found = [truth]
        for drive in _drives(truth):
            folder = raw / drive[:10] / drive
            found += [place for camera in _CAMERAS if (place := folder / camera / "data").is_dir()]
        return found + [file for date in _dates(truth) if (file := _calibration(raw, date)).is_file()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        if self.split == _SELECTION:
            yield from self._scan_selection(reject)
            return
        truth, raw = self._truth(), self._raw()
        self.header["cameras"] = {
            date: _read_calibration(file) for date in _dates(truth) if (file := _calibration(raw, date)).is_file()
        }
        for drive in _drives(truth):
            for camera in _CAMERAS:
                folder = truth / drive / "proj_depth/groundtruth" / camera
                yield from self._frames(folder, raw / drive[:10] / drive / camera / "data", reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        camera: Intrinsics | None = None
        if "date" in record:
            camera = Intrinsics(*self.header["cameras"][record["date"]][record["camera"]])
        elif "intrinsics" in record:
            camera = read_camera(FileBytes(self.file(record["intrinsics"])))
        depth = partial(load_depth_png, FileBytes(self.file(record["depth"])), _UNITS_PER_METRE)
        return Sample(entry_id, FileBytes(self.file(record["image"])), depth=DepthMap(depth, camera))

    def _truth(self) -> Path:
        return self.require(f"data_depth_annotated/{self.split}", self.split, folder=True)

    def _raw(self) -> Path:
        """The folder of the dates: `raw`, or the dataset's own."""
        has_dates = any(re.fullmatch(r"\d{4}_\d\d_\d\d", place.name) for place in self.path.iterdir())
        return self.path if has_dates else self.require("raw", "raw_data", folder=True)

    def _frames(self, folder: Path, place: Path, reject: Reject) -> Iterator[Entry]:
        """The frames of one camera on one drive."""
        drive, camera = folder.parts[-4], folder.name
        cameras = self.header["cameras"].get(drive[:10], {})
        photographs = {file.stem: file for file in _files(place) if file.suffix in _PHOTOGRAPHS}
        for depth in _files(folder):
            if depth.suffix != ".png":
                continue
            name = f"{drive}/{camera}/{depth.stem}"
            if depth.stem not in photographs:
                reject(name, f"photograph {place.relative_to(self.path).as_posix()}/{depth.name} is missing")
                continue
            record = {"date": drive[:10], "camera": camera} if camera in cameras else {}
            yield self._entry(name, photographs[depth.stem], depth, record)

    def _entry(self, name: str, image: Path, depth: Path, camera: dict[str, str]) -> Entry:
        files = {key: file.relative_to(self.path).as_posix() for key, file in (("image", image), ("depth", depth))}
        features = self.features if camera else Feature.DEPTH
        return Entry(name, f"kitti/{name.partition('/')[0]}", features, {**files, **camera})

    def _selection(self) -> Path:
        names = (f"depth_selection/{_SELECTION}_cropped", f"{_SELECTION}_cropped")
        return self.require(*names, folder=True)

    def _scan_selection(self, reject: Reject) -> Iterator[Entry]:
        folder = self._selection()
        images, depths = (_selected(folder / name) for name in ("image", "groundtruth_depth"))
        for name in sorted(images.keys() | depths.keys()):
            if name not in depths or name not in images:
                has, lacks = (images[name], "depth map") if name in images else (depths[name], "photograph")
                reject(name, f"{has.name} has no {lacks}")
                continue
            camera = folder / "intrinsics" / f"{images[name].stem}.txt"
            record = {"intrinsics": camera.relative_to(self.path).as_posix()} if camera.is_file() else {}
            yield self._entry(name, images[name], depths[name], record)


def _drives(truth: Path) -> list[str]:
    return sorted(place.name for place in truth.iterdir() if _DRIVE.fullmatch(place.name))


def _dates(truth: Path) -> list[str]:
    return sorted({drive[:10] for drive in _drives(truth)})


def _files(folder: Path) -> list[Path]:
    """Files in a folder, sorted; none where there is no folder."""
    return sorted(file for file in folder.iterdir() if not file.name.startswith(".")) if folder.is_dir() else []


def _selected(folder: Path) -> dict[str, Path]:
    """Files of the selection by drive, camera and frame."""
    found = {}
    for file in _files(folder):
        if parts := _SELECTED.fullmatch(file.stem):
            found[f"{parts[1]}/{parts[3]}/{parts[2]}"] = file
    return found


def _calibration(raw: Path, date: str) -> Path:
    return raw / date / "calib_cam_to_cam.txt"


def _read_calibration(file: Path) -> dict[str, list[float]]:
    """fx, fy, cx, cy of both colour cameras after rectification.

    Raises:
        SourceLayoutError: a projection matrix is missing or broken.
    """
    lines = [line.partition(":") for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    rows = {name.strip(): values.split() for name, _, values in lines}
    found = {}
    for camera in _CAMERAS:
        name = f"P_rect_{camera[-2:]}"
        try:
            view = camera_from(rows.get(name, []), 4, name)
        except BadItem as fault:
            raise SourceLayoutError(f"{file}: {fault}; download the calibration again, or remove the file") from fault
        found[camera] = [view.fx, view.fy, view.cx, view.cy]
    return found
