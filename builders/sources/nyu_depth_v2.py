"""NYU Depth V2: indoor photographs with metric depth, in its two common packings.

"sync": the frames that monocular depth work trains on, `rgb_00045.jpg` beside `sync_depth_00045.png` (16 bits,
millimetres, 0 where the sensor saw nothing), 24,231 pairs in the usual training list and 654 test pairs.
"h5": one HDF5 file a frame with `rgb` (3, H, W) and `depth` (H, W) in metres, 47,584 for training and 654 to
validate. The white frame that sync photographs have is left as it is, and so is the depth under it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.images import MAX_PIXELS, read_map
from ...manifests.recipe import Block
from ..reading.whole_files import text_lines
from ..sample import DepthMap, Feature, FileBytes, Sample
from ..source import Entry, Reject, Source
from ._nyu import CAMERA

_FRAMES = {"train": ("sync", "train"), "test": ("official_splits/test", "test")}
"""Folders of rgb_/sync_depth_ pairs."""
_PACKED = {"train": ("train",), "test": ("val", "test")}
"""Folders of h5 files."""
_LISTS = {
    "train": ("nyudepthv2_train_files_with_gt.txt", "nyudepthv2_files_with_gt.txt"),
    "test": ("nyudepthv2_test_files_with_gt.txt",),
}


class NyuDepthV2Options(Block):
    """Options of the NYU Depth V2 source."""

    list: str = Field(
        "",
        description="text file with a photograph and a depth map a line; in the dataset's folder, or a full path; "
        "empty: the usual list if it is there, else every pair",
    )


class NyuDepthV2(Source):
    """NYU Depth V2, sync frames or h5 files. Image keys of the test frames agree with the source nyu_labeled."""

    name = "nyu_depth_v2"
    title = "NYU Depth V2 (sync frames or h5 files)"
    homepage = "https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html"
    license = "not stated by its authors"
    splits = ("train", "test")
    features = Feature.DEPTH | Feature.INTRINSICS
    tree = """  nyu_depth_v2/
    sync/basement_0001a/rgb_00000.jpg …                 (test: official_splits/test/)
    sync/basement_0001a/sync_depth_00000.png …
    nyudepthv2_train_files_with_gt.txt                  (optional; test: nyudepthv2_test_files_with_gt.txt)
  or
    train/basement_0001a/00001.h5 …                     (test: val/)"""
    reader_version = 3
    options_type = NyuDepthV2Options

    def inputs(self) -> list[Path]:
        listing, folder = self._list(), self._folder()
        return [listing] if listing else [folder]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        listing, folder = self._list(), self._folder()
        if listing:
            yield from self._listed(listing, folder, reject)
            return
        names = sorted(_files_below(folder))
        pairs = _pairs(names, reject)
        packed = [name for name in names if name.endswith(".h5")]
        prefix = folder.relative_to(self.path).as_posix()
        for name in pairs:
            yield self._entry(name, {"rgb": f"{prefix}/{name}", "depth": f"{prefix}/{pairs[name]}"})
        for name in packed:
            yield self._entry(name if "/" in name else f"{self.split}/{name}", {"h5": f"{prefix}/{name}"})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        if "h5" in record:
            packed = self.file(record["h5"])
            photograph = FileBytes(packed, _h5_photograph(packed))
            return Sample(entry_id, photograph, depth=DepthMap(partial(_h5_depth, packed)))
        photograph, depth = (FileBytes(self.file(record[key])) for key in ("rgb", "depth"))
        return Sample(entry_id, photograph, depth=DepthMap(partial(_png_depth, depth), CAMERA))

    def _entry(self, name: str, record: dict[str, str]) -> Entry:
        """Named by scene and frame: "basement_0001a/rgb_00045.jpg" -> "basement_0001a/00045"."""
        path = PurePosixPath(name)
        frame = path.with_name(path.stem.removeprefix("rgb_"))
        labelled = frame.name if self.split == "test" and frame.name.isdecimal() else ""
        # test frames carry their number in nyu_depth_v2_labeled.mat, from 0, or from 1 in the h5 packing
        key = f"labeled/{int(labelled) - ('h5' in record):05d}" if labelled else str(frame)
        return Entry(str(frame), f"nyu/{key}", _feature(record), record)

    def _list(self) -> Path | None:
        assert isinstance(self.options, NyuDepthV2Options)
        if self.options.list:
            wanted = self.path / self.options.list  # a full path stays as it is
            if not wanted.is_file():
                raise SourceLayoutError(f"source {self.name}: list {wanted} is missing; correct the option `list`")
            return wanted
        return next((file for name in _LISTS[self.split] if (file := self.path / name).is_file()), None)

    def _folder(self) -> Path:
        return self.require(*_FRAMES[self.split], *_PACKED[self.split], folder=True)

    def _listed(self, listing: Path, folder: Path, reject: Reject) -> Iterator[Entry]:
        prefix = folder.relative_to(self.path).as_posix()
        lines = text_lines(listing)
        for line in lines:
            words = [word.lstrip("/") for word in line.split()]
            if not words:
                continue
            try:
                if len(words) < 2 or words[1] == "None":
                    raise BadItem("the line names no depth map")
                for word in words[:2]:
                    self.file(word)
            except BadItem as fault:
                reject(words[0], f"{listing.name}: {fault}")
                continue
            yield self._entry(words[0], {"rgb": f"{prefix}/{words[0]}", "depth": f"{prefix}/{words[1]}"})


def _feature(record: Mapping[str, str]) -> Feature:
    """Sync frames are 640x480, the size that the camera's numbers are for; packed ones may be of any size."""
    return Feature.DEPTH if "h5" in record else Feature.DEPTH | Feature.INTRINSICS


def _files_below(folder: Path) -> Iterator[str]:
    for base, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            yield (Path(base) / name).relative_to(folder).as_posix()


def _pairs(names: list[str], reject: Reject) -> dict[str, str]:
    """Depth maps by photograph, matched by scene and frame number."""
    photographs, depths = {}, {}
    for name in names:
        path = PurePosixPath(name)
        if path.name.startswith("rgb_") and path.suffix in (".jpg", ".png"):
            photographs[str(path.with_name(path.stem.removeprefix("rgb_")))] = name
        elif path.name.startswith("sync_depth_") and path.suffix == ".png":
            depths[str(path.with_name(path.stem.removeprefix("sync_depth_")))] = name
    for frame in sorted(photographs.keys() ^ depths.keys()):
        has, lacks = ("photograph", "depth map") if frame in photographs else ("depth map", "photograph")
        reject(frame, f"the {has} has no {lacks}")
    return {photographs[frame]: depths[frame] for frame in photographs if frame in depths}


def _png_depth(file: FileBytes) -> NDArray[np.float32]:
    values = read_map(file.read())
    if values.ndim != 2 or values.dtype != np.uint16:
        bits = "colour" if values.ndim != 2 else f"{values.dtype.itemsize * 8}-bit"
        raise BadItem(f"depth map {file.path.name} is a {bits} image; 16-bit grey in millimetres is needed")
    return values.astype(np.float32) / np.float32(1000)


def _h5_photograph(file: Path) -> bytes:
    """The photograph as PNG.

    Raises:
        BadItem: the file is no HDF5, or holds no `rgb` of 8-bit values.
    """
    values = _h5_array(file, "rgb")
    if values.ndim != 3 or values.shape[0] != 3 or not values.size:
        raise BadItem(f"rgb in {file.name} has the shape {values.shape}; (3, height, width) is needed")
    if values.dtype != np.uint8:
        whole = np.isfinite(values).all() and (values == np.floor(values)).all()
        if not whole or values.min() < 0 or values.max() > 255:
            raise BadItem(f"rgb in {file.name} is {values.dtype}, and not whole numbers from 0 to 255")
    out = io.BytesIO()
    pixels = np.ascontiguousarray(values.astype(np.uint8).transpose(1, 2, 0))
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _h5_depth(file: Path) -> NDArray[np.float32]:
    values = _h5_array(file, "depth")
    if values.ndim != 2:
        raise BadItem(f"depth in {file.name} has the shape {values.shape}; (height, width) is needed")
    metres = values.astype(np.float32)
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(0))


def _h5_array(file: Path, key: str) -> NDArray[Any]:
    import h5py  # here, so that other sources do not pay for it

    try:
        with h5py.File(file, "r") as packed:
            stored = packed.get(key)
            if not isinstance(stored, h5py.Dataset) or stored.dtype.kind not in "uif":
                raise BadItem(f"{file.name} holds no array of numbers called {key!r}")
            if stored.size > 3 * MAX_PIXELS:
                raise BadItem(f"{key} in {file.name} has {stored.size} values, too many for an image")
            values: NDArray[Any] = stored[()]
            return values
    except FileNotFoundError as fault:
        raise BadItem(f"file {file.name} is missing") from fault
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as fault:
        raise BadItem(f"{file.name} is no readable HDF5 file: {fault}") from fault
