"""WFLW (Wider Facial Landmarks in the Wild): 98 points a face.

7,500 faces to train and 2,500 to test, on photographs of WIDER FACE; not every face of a photograph is annotated.
A line a face: 98 times x and y, the face's rectangle as edges, six attributes (pose, expression, illumination,
make-up, occlusion, blur; not used), and the photograph's path. Points count pixels from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ...manifests.errors import BadItem
from ..reading.coco_values import HUGE, is_text
from ..reading.whole_files import text_lines
from ..sample import Feature, Sample
from ..source import Entry, Reject, Source
from ._faces import FACE_98
from ._people import FACE, around, instances_of, photograph_with_size

_POINTS: Final = len(FACE_98.joints)
_RECTANGLE: Final = 4
_ATTRIBUTES: Final = 6
_NUMBERS: Final = 2 * _POINTS + _RECTANGLE + _ATTRIBUTES


class Wflw(Source):
    """WFLW from its official folders."""

    name = "wflw"
    title = "WFLW (faces, 98 points)"
    homepage = "https://wywu.github.io/projects/LAB/WFLW.html"
    license = "not stated by its authors; photographs of WIDER FACE"
    splits = ("train", "test")
    features = Feature.KEYPOINTS
    tree = """  wflw/
    WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt
    WFLW_images/0--Parade/0_Parade_marchingband_1_6.jpg …"""

    def inputs(self) -> list[Path]:
        self.require("WFLW_images", folder=True)
        return [self._list()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        listing = self._list()
        lines = text_lines(listing)
        faces: dict[str, list[dict[str, Any]]] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                name, face = _read_line(line)
                self.file(name)
            except BadItem as fault:
                reject(f"line {number}", f"{listing.name}: {fault}")
            else:
                faces.setdefault(name, []).append(face)
        for name in sorted(faces):
            stem = str(PurePosixPath(name).with_suffix(""))
            record = {"file": name, "people": faces[name]}
            yield Entry(stem, f"wflw/{stem}", Feature.KEYPOINTS, record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        photograph, size_wh = photograph_with_size(self.file(f"WFLW_images/{record['file']}"))
        instances = instances_of(record["people"], FACE_98, FACE, size_wh)
        return Sample(entry_id, photograph, *size_wh, instances=instances)

    def _list(self) -> Path:
        name = f"list_98pt_rect_attr_{self.split}.txt"
        folders = ("WFLW_annotations/list_98pt_rect_attr_train_test/", "WFLW_annotations/", "")
        return self.require(*(f"{folder}{name}" for folder in folders))


def _read_line(line: str) -> tuple[str, dict[str, Any]]:
    """A photograph's path, and a face as `instances_of` takes it.

    Raises:
        BadItem: the line is not in the form.
    """
    words = line.split(maxsplit=_NUMBERS)
    if len(words) <= _NUMBERS or not is_text(words[-1]):
        raise BadItem(f"the line has {len(words)} columns; {_NUMBERS} numbers and a path are expected")
    try:
        values = [float(word) for word in words[:_NUMBERS]]
    except ValueError as fault:
        raise BadItem(f"the line holds something that is no number: {fault!s:.80}") from fault
    if not all(-HUGE < value < HUGE for value in values):
        raise BadItem("the line holds a number that is not finite")
    joints: list[float] = []
    for at in range(0, 2 * _POINTS, 2):
        joints += [values[at], values[at + 1], 2]
    left, top, right, bottom = values[2 * _POINTS : 2 * _POINTS + _RECTANGLE]
    whole = left < right and top < bottom
    return words[-1].strip(), {"k": joints, "b": [left, top, right, bottom] if whole else around(joints)}
