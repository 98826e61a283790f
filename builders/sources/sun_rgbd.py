"""SUN RGB-D: indoor photographs with the depth of four kinds of sensor, and the kind of room."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ...manifests.errors import SourceLayoutError
from ...manifests.recipe import Block
from ..reading.depth_files import load_depth_png, read_camera
from ..reading.mat_file import read_mat
from ..sample import DepthMap, Feature, FileBytes, LabelSet, Sample
from ..source import Entry, Reject, Source

_FARTHEST_M = 10
"""What these sensors cannot measure; the last three bits of the stored values are noise of up to 57 metres."""
_LISTS = ("SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat", "traintestSUNRGBD/allsplit.mat", "allsplit.mat")
_UNKNOWN_SCENE = "idk"
_MOST_SCENE_LETTERS = 60


class SunRgbdOptions(Block):
    """Options of the SUN RGB-D source."""

    depth: Literal["filled", "raw"] = Field(
        "filled", description="filled: holes filled by the authors (depth_bfx); raw: as the sensor saw it (depth)"
    )


@dataclass(frozen=True)
class _Frame:
    """A folder of one frame, below the dataset's; its files by kind."""

    name: str
    images: tuple[str, ...]
    depths: tuple[str, ...]
    files: frozenset[str]


class SunRgbd(Source):
    """SUN RGB-D: 10,335 frames of Kinect v1 and v2, RealSense and Xtion; 5,285 to train and 5,050 to test.

    Depth beyond 10 metres counts as none. Split all takes every folder; train and test are those of allsplit.mat.
    Frames that come from NYU Depth V2 have that dataset's image keys, and the frames of one place of SUN3D share a
    key. The official tools count pixels from 1, which the cameras here allow for.
    """

    name = "sun_rgbd"
    title = "SUN RGB-D (depth and scene)"
    homepage = "https://rgbd.cs.princeton.edu"
    license = "not stated by its authors"
    splits = ("all", "train", "test")
    features = Feature.DEPTH | Feature.INTRINSICS | Feature.LABELS
    tree = """  sun_rgbd/
    SUNRGBD/kv1/NYUdata/NYU0001/image/NYU0001.jpg       (also kv2/, realsense/, xtion/, folders at any depth)
    SUNRGBD/kv1/NYUdata/NYU0001/depth_bfx/NYU0001.png   (or depth/)
    SUNRGBD/kv1/NYUdata/NYU0001/intrinsics.txt          (optional)
    SUNRGBD/kv1/NYUdata/NYU0001/scene.txt               (optional)
    SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat        (for the splits train and test)"""
    options_type = SunRgbdOptions

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        holds_it = path.name != "SUNRGBD" or (path / "SUNRGBD").is_dir()
        super().__init__(path if holds_it else path.parent, split, options)

    def inputs(self) -> list[Path]:
        root = self._root()
        listed = [] if self.split == "all" else [self.require(*_LISTS)]
        scenes = [root / frame.name / "scene.txt" for frame in self._frames if "scene.txt" in frame.files]
        return [root, *listed, *scenes]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        root = self._root()
        wanted = None if self.split == "all" else _listed(self.require(*_LISTS), self.split)
        frames = {frame.name: frame for frame in self._frames}
        chosen = frames if wanted is None else wanted
        scenes = {name: _scene(root / name) for name in chosen if name in frames}
        self.header["scenes"] = sorted(set(scenes.values()) - {""})
        for name in chosen:
            if name not in frames:
                reject(name, f"allsplit.mat lists it, but the folder SUNRGBD/{name} holds no image")
            elif entry := self._entry(frames[name], scenes[name], reject):
                yield entry

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        image, depth = (FileBytes(self.file(record[key])) for key in ("image", "depth"))
        load = partial(load_depth_png, depth, 1000, _FARTHEST_M, rotated=True)
        camera = None
        if "camera" in record:
            camera = read_camera(FileBytes(self.file(record["camera"])), first_pixel=1)
        scene = record.get("scene")
        labels = (LabelSet("scene", (scene,), tuple(self.header["scenes"])),) if scene else ()
        return Sample(entry_id, image, depth=DepthMap(load, camera), labels=labels)

    def _root(self) -> Path:
        return self.require("SUNRGBD", folder=True)

    @cached_property
    def _frames(self) -> list[_Frame]:
        assert isinstance(self.options, SunRgbdOptions)
        folders = ("depth_bfx", "depth") if self.options.depth == "filled" else ("depth",)
        return list(_find_frames(self._root(), folders))

    def _entry(self, frame: _Frame, scene: str, reject: Reject) -> Entry | None:
        for what, found in (("photograph in image/", frame.images), ("depth map", frame.depths)):
            if len(found) != 1:
                reject(frame.name, f"the folder has {len(found) or 'no'} {what}; one is needed")
                return None
        root = self._root().relative_to(self.path).as_posix()
        place = f"{root}/{frame.name}"
        record = {"image": f"{place}/{frame.images[0]}", "depth": f"{place}/{frame.depths[0]}"}
        features = Feature.DEPTH
        if "intrinsics.txt" in frame.files:
            record["camera"] = f"{place}/intrinsics.txt"
            features |= Feature.INTRINSICS
        if scene:
            record["scene"] = scene
            features |= Feature.LABELS
        return Entry(frame.name, _image_key(frame.name), features, record)


def _find_frames(root: Path, depth_folders: tuple[str, ...]) -> Iterator[_Frame]:
    """Folders that have an `image` folder in them, sorted by path."""

    def refuse(fault: OSError) -> None:
        raise fault

    for base, inner, files in os.walk(root, onerror=refuse):
        inner.sort()
        if "image" not in inner:
            continue
        place = Path(base)
        depths = next((found for name in depth_folders if (found := _images(place / name))), ())
        images = _images(place / "image")
        yield _Frame(place.relative_to(root).as_posix(), images, depths, frozenset(files))
        inner.clear()  # nothing below a frame is a frame


def _images(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    names = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in (".jpg", ".png"))
    return tuple(f"{folder.name}/{name}" for name in names if not name.startswith("."))


def _scene(folder: Path) -> str:
    """The kind of room as written; empty when it is not told."""
    file = folder / "scene.txt"
    if not file.is_file():
        return ""
    text = file.read_bytes()[: 4 * _MOST_SCENE_LETTERS].decode("utf-8", "replace").strip()
    sound = len(text) <= _MOST_SCENE_LETTERS and re.fullmatch(r"[\w -]+", text)
    return text if sound and text != _UNKNOWN_SCENE else ""


def _listed(file: Path, split: str) -> list[str]:
    """Folders of a split below SUNRGBD, in the list's order.

    Raises:
        SourceLayoutError: the list is no such list.
    """
    paths = read_mat(file, f"all{split}")
    if (
        not isinstance(paths, list)
        or not paths
        or not all(isinstance(path, str) and "SUNRGBD/" in path for path in paths)
    ):
        raise SourceLayoutError(f"{file} holds no list all{split} of folders below SUNRGBD; download it again")
    return list(dict.fromkeys(path.rpartition("SUNRGBD/")[2].strip("/") for path in paths))


def _image_key(name: str) -> str:
    if nyu := re.fullmatch(r"kv1/NYUdata/NYU(\d{4})", name):
        return f"nyu/labeled/{int(nyu[1]) - 1:05d}"
    place = name.rpartition("/")[0] if name.startswith("xtion/sun3ddata/") else name
    return f"sun_rgbd/{place}"
