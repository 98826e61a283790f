"""NYU Depth V2, the labelled part: one MATLAB file with photographs, depth and a class a pixel."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.lazy_bytes import lazy
from ..reading.mat_file import read_mat
from ..sample import DepthMap, Feature, LabelMap, LabelSet, Sample
from ..source import Entry, Reject, Source
from ._nyu import CAMERA

if TYPE_CHECKING:
    import h5py

_FILE = "nyu_depth_v2_labeled.mat"
_FAULTS = (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)
"""What h5py raises on broken files."""
_MOST_NAMES, _MOST_LETTERS = 10_000, 200
_MOST_PIXELS = 1 << 24


class NyuLabeledOptions(Block):
    """Options of the labelled part of NYU Depth V2."""

    depth: Literal["filled", "raw"] = Field(
        "filled", description="filled: holes filled by the authors (depths); raw: as the sensor saw it (rawDepths)"
    )


class NyuLabeled(Source):
    """NYU Depth V2, labelled: 1,449 frames of 640x480 with depth in metres and 894 classes; 795 to train, 654 to test.

    The file is HDF5 (MATLAB 7.3), each array transposed: images (N, 3, W, H), depths and labels (N, W, H). Split all
    takes every frame; train and test are those of splits.mat. Pixels of label 0 are unlabelled. Image keys agree with
    the test frames of the source nyu_depth_v2 and with SUN RGB-D.
    """

    name = "nyu_labeled"
    title = "NYU Depth V2, labelled frames (nyu_depth_v2_labeled.mat)"
    homepage = "https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html"
    license = "not stated by its authors"
    splits = ("all", "train", "test")
    features = Feature.DEPTH | Feature.INTRINSICS | Feature.SEMANTIC | Feature.LABELS
    tree = """  nyu_depth_v2/
    nyu_depth_v2_labeled.mat
    splits.mat                                          (for the splits train and test)"""
    options_type = NyuLabeledOptions

    def inputs(self) -> list[Path]:
        return [self.require(_FILE), *([] if self.split == "all" else [self.require("splits.mat")])]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        file = self.require(_FILE)
        with _opened(file, SourceLayoutError) as packed:
            count = _check_arrays(packed, file, self._depth_name())
            names = _texts(packed, "names")
            scenes = _texts(packed, "sceneTypes") if "sceneTypes" in packed else []
        if len(scenes) not in (0, count):
            raise SourceLayoutError(f"{file} has {len(scenes)} sceneTypes for {count} images; download it again")
        self.header["names"] = {str(value): name for value, name in enumerate(names, start=1) if name}
        self.header["scenes"] = sorted(set(scenes) - {""})
        chosen = range(count) if self.split == "all" else _chosen(self.require("splits.mat"), self.split)
        for number in chosen:
            if number not in range(count):
                reject(f"{number:05d}", f"splits.mat lists frame {number + 1}; {_FILE} holds {count}")
                continue
            scene = scenes[number] if scenes else ""
            features = self.features if scene else self.features & ~Feature.LABELS
            yield Entry(f"{number:05d}", f"nyu/labeled/{number:05d}", features, {"number": number, "scene": scene})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        file, number = self.path / _FILE, record["number"]
        names = {int(value): name for value, name in self.header["names"].items()}
        scene = record["scene"]
        return Sample(
            id=entry_id,
            image=lazy(file, f"image {number}", partial(_photograph, file, number)),
            label_map=LabelMap(names, partial(_labels, file, number)),
            depth=DepthMap(partial(_depth, file, self._depth_name(), number), CAMERA),
            labels=(LabelSet("scene", (scene,), tuple(self.header["scenes"])),) if scene else (),
        )

    def _depth_name(self) -> str:
        assert isinstance(self.options, NyuLabeledOptions)
        return "depths" if self.options.depth == "filled" else "rawDepths"


@contextlib.contextmanager
def _opened(file: Path, fault_type: type[BadItem] | type[SourceLayoutError]) -> Iterator[h5py.File]:
    """The file, with what h5py raises inside the block turned into a plain complaint."""
    import h5py  # here, so that other sources do not pay for it

    try:
        with h5py.File(file, "r") as packed:
            yield packed
    except _FAULTS as fault:
        raise fault_type(f"{file.name} is no readable HDF5 file ({fault}); download it again") from fault


def _check_arrays(packed: h5py.File, file: Path, depth: str) -> int:
    """How many frames there are.

    Raises:
        SourceLayoutError: an array is missing, or the arrays do not fit one another.
    """
    import h5py

    arrays = [packed.get(name) for name in ("images", depth, "labels")]
    shapes: list[tuple[int, ...]] = [one.shape if isinstance(one, h5py.Dataset) else () for one in arrays]
    images, depths, labels = shapes
    fits = len(images) == 4 and images[1] == 3 and depths == labels == (images[0], *images[2:])
    if not fits or not 0 < images[2] * images[3] <= _MOST_PIXELS:
        raise SourceLayoutError(
            f"{file}: images, {depth} and labels have the shapes {images}, {depths} and {labels}; "
            "(N, 3, W, H), (N, W, H) and (N, W, H) are needed"
        )
    return int(images[0])


def _texts(packed: h5py.File, name: str) -> list[str]:
    """The strings of a MATLAB cell array: references to arrays of UTF-16 units.

    Raises:
        ValueError: it is no such array.
    """
    import h5py

    stored = packed[name]
    if stored.size > _MOST_NAMES or stored.dtype != h5py.ref_dtype:
        raise ValueError(f"{name} is no list of up to {_MOST_NAMES} names")
    found = []
    for reference in stored[()].ravel():
        letters = packed[reference]
        if letters.size > _MOST_LETTERS or letters.dtype.kind not in "ui":
            raise ValueError(f"{name} holds something that is no name")
        # MATLAB stores an empty string as its size, two numbers below the space
        found.append("".join(chr(unit) for unit in letters[()].ravel().tolist() if 32 <= unit < 0xD800).strip())
    return found


def _chosen(file: Path, split: str) -> list[int]:
    """Frames of a split, from 0.

    Raises:
        SourceLayoutError: the file is no list of frames.
    """
    name = f"{split}Ndxs"
    numbers = read_mat(file, name)
    listed = isinstance(numbers, tuple) and len(numbers) > 0
    if not listed or not all(math.isfinite(number) and number == int(number) >= 1 for number in numbers):
        raise SourceLayoutError(f"{file} holds no list of frame numbers called {name}; download it again")
    return [int(number) - 1 for number in dict.fromkeys(numbers)]


def _plane(file: Path, name: str, number: int) -> NDArray[Any]:
    """One frame of an array, with the transposition undone: (H, W) or (H, W, 3)."""
    with _opened(file, BadItem) as packed:
        values: NDArray[Any] = packed[name][number]
    return values.T


def _photograph(file: Path, number: int) -> bytes:
    """The photograph as PNG."""
    pixels = _plane(file, "images", number)
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise BadItem(f"image {number} of {file.name} is {pixels.dtype}; 8-bit values are needed")
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _depth(file: Path, name: str, number: int) -> NDArray[np.float32]:
    values = _plane(file, name, number)
    if values.dtype.kind not in "fui":
        raise BadItem(f"{name} {number} of {file.name} are no numbers")
    metres = np.ascontiguousarray(values, np.float32)
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(0))


def _labels(file: Path, number: int) -> NDArray[np.integer]:
    values = _plane(file, "labels", number)
    if values.dtype.kind not in "ui":
        raise BadItem(f"labels {number} of {file.name} are {values.dtype}; whole numbers are needed")
    return np.ascontiguousarray(values)
