"""300-W (300 Faces in the Wild): 68 points a face, a .pts file beside each photograph.

3,148 faces to train (AFW, and the trainsets of HELEN and LFPW), 689 to validate (their testsets and IBUG) and the
600 of the challenge to test (01_Indoor, 02_Outdoor). Points count pixels from 1. A photograph of several faces lies
there once for each (`134212_1.jpg`, `134212_2.jpg`), and some downloads hold mirrored copies (`…_mirror.jpg`):
they count as one photograph, so that they go to the same split.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.coco_values import HUGE
from ..sample import Feature, FileBytes, Sample
from ..source import Entry, Reject, Source
from ._faces import FACE_68
from ._people import FACE, around, instances_of, photograph_with_size

_SPLIT_OF: Final = {
    "01_indoor": "test",
    "02_outdoor": "test",
    "afw": "train",
    "ibug": "val",
    "trainset": "train",
    "testset": "val",
}
"""By the name of a folder above the photograph."""
_PHOTOGRAPHS: Final = (".png", ".jpg", ".jpeg", ".bmp")
_COPY: Final = re.compile(r"(_\d{1,2})?(_mirror)?$")
_POINTS: Final = len(FACE_68.joints)
_MOST_BYTES: Final = 1 << 16


class Face300w(Source):
    """300-W from the folders of its archives."""

    name = "face_300w"
    title = "300-W (faces, 68 points)"
    homepage = "https://ibug.doc.ic.ac.uk/resources/300-W/"
    license = "ibug 300-W terms: non-commercial research only"
    splits = ("train", "val", "test", "all")
    features = Feature.KEYPOINTS
    tree = """  300w/
    afw/134212_1.jpg, 134212_1.pts …              (train)
    helen/trainset/, lfpw/trainset/               (train; testset/: val)
    ibug/                                         (val)
    01_Indoor/indoor_001.png, indoor_001.pts …    (test; and 02_Outdoor/)
    (all: every folder, whatever it is called)"""

    def inputs(self) -> list[Path]:
        if not self.path.is_dir():
            raise SourceLayoutError(f"source {self.name}: folder {self.path} is missing; expected is\n{self.tree}")
        return [self.path]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        photographs: dict[str, list[str]] = defaultdict(list)
        points: set[str] = set()
        for name in _files_below(self.path):
            path = PurePosixPath(name)
            if self.split not in ("all", _split_of(path)):
                continue
            if path.suffix.lower() == ".pts":
                points.add(name)
            elif path.suffix.lower() in _PHOTOGRAPHS:
                photographs[str(path.with_suffix(""))].append(name)
        for name in sorted(points):
            stem = str(PurePosixPath(name).with_suffix(""))
            if stem not in photographs:
                reject(name, "no photograph of the same name lies beside it")
                continue
            key = _COPY.sub("", stem) if _split_of(PurePosixPath(name)) != "test" else stem
            record = {"file": sorted(photographs[stem])[0], "points": name}
            yield Entry(stem, f"face_300w/{key}", Feature.KEYPOINTS, record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        joints = _read_points(self.file(record["points"]))
        photograph, size_wh = photograph_with_size(self.file(record["file"]))
        face = {"k": joints, "b": around(joints)}
        return Sample(entry_id, photograph, *size_wh, instances=instances_of([face], FACE_68, FACE, size_wh))


def _files_below(folder: Path) -> Iterator[str]:
    for base, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            yield (Path(base) / name).relative_to(folder).as_posix()


def _split_of(path: PurePosixPath) -> str:
    """The split that the innermost telling folder stands for; "" when none does."""
    return next((_SPLIT_OF[part.lower()] for part in reversed(path.parent.parts) if part.lower() in _SPLIT_OF), "")


def _read_points(file: Path) -> list[float]:
    """Points of a .pts file as [x, y, 2, …], pixel centres from 0.

    The form: `version: 1`, `n_points: 68`, then between braces a line with x and y a point.

    Raises:
        BadItem: it is missing, or not in that form.
    """
    data = FileBytes(file).read()
    if len(data) > _MOST_BYTES:
        raise BadItem(f"{file.name} has {len(data)} bytes, too many for {_POINTS} points")
    _, opening, rest = data.decode("latin-1").partition("{")
    body, closing, _ = rest.partition("}")
    numbers = body.split()
    if not opening or not closing or len(numbers) != 2 * _POINTS:
        raise BadItem(f"{file.name} holds {len(numbers)} numbers between braces; {_POINTS} points are expected")
    try:
        values = [float(number) for number in numbers]
    except ValueError as fault:
        raise BadItem(f"{file.name} holds something that is no number: {fault}") from fault
    if not all(-HUGE < value < HUGE for value in values):
        raise BadItem(f"{file.name} holds a number that is not finite")
    joints: list[float] = []
    for x, y in zip(values[::2], values[1::2], strict=True):
        joints += [x - 1, y - 1, 2]
    return joints
