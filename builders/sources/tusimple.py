"""TuSimple lanes: highway photographs of 1280 x 720 with up to five lane lines each.

3,626 clips to train (labels of three days) and 2,782 to test; the last frame of a clip's 20 is annotated. A json object
a line: `lanes`, for each lane its x at every row of `h_samples`, -2 where it has none, and `raw_file`, the photograph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson

from ...manifests.errors import BadItem, SourceLayoutError
from ..reading.coco_values import are_finite, is_text
from ..sample import Feature, FileBytes, Polyline, Sample
from ..source import Entry, Reject, Source
from ._lanes import checked_lane

_LABELS: Final = {
    "train": ("label_data_0313.json", "label_data_0531.json", "label_data_0601.json"),
    "test": ("test_label.json",),
}
_MOST_LANES: Final = 40


class TuSimple(Source):
    """TuSimple's lane detection challenge from its official folders."""

    name = "tusimple"
    title = "TuSimple (lane lines on highways)"
    homepage = "https://github.com/TuSimple/tusimple-benchmark"
    license = "Apache-2.0 (benchmark); photographs not stated"
    splits = ("train", "test")
    features = Feature.LANES
    tree = """  tusimple/
    train_set/label_data_0313.json, label_data_0531.json, label_data_0601.json
    train_set/clips/0313-1/6040/20.jpg …
    test_set/test_label.json              (or beside clips/)
    test_set/clips/0530/1492626047222176976_0/20.jpg …
    (everything may also lie in one folder without train_set and test_set)"""

    def inputs(self) -> list[Path]:
        if self.split not in _LABELS:
            raise SourceLayoutError(f"source {self.name} has no split {self.split}; they are {', '.join(self.splits)}")
        places = (f"{self.split}_set/", "")
        found = [self.path / f"{place}{name}" for name in _LABELS[self.split] for place in places]
        found = [file for file in found if file.is_file()]
        self.require(f"{self.split}_set/clips", "clips", folder=True)
        return found or [self.require(*(f"{place}{_LABELS[self.split][0]}" for place in places))]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        for file in self.inputs():
            for number, line in enumerate(file.read_bytes().splitlines(), start=1):
                if not line.strip():
                    continue
                try:
                    name, lanes = _read_line(line)
                    folder = self._folder_of(file, name)
                except BadItem as fault:
                    reject(f"{file.name} line {number}", str(fault))
                    continue
                stem = str(PurePosixPath(name).with_suffix(""))
                record = {"file": f"{folder}{name}", "lanes": lanes}
                features = Feature.LANES if lanes else Feature(0)
                yield Entry(stem, f"tusimple/{stem}", features, record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        lanes = tuple(tuple((x, y) for x, y in lane) for lane in record["lanes"])
        return Sample(entry_id, FileBytes(self.file(record["file"])), lanes=lanes)

    def _folder_of(self, labels: Path, name: str) -> str:
        """The folder of a photograph that labels name: beside them, or in the split's folder."""
        self.file(name)
        folders = ("" if labels.parent == self.path else f"{labels.parent.name}/", f"{self.split}_set/", "")
        return next((folder for folder in folders if (self.path / f"{folder}{name}").is_file()), folders[0])


def _read_line(line: bytes) -> tuple[str, list[Polyline]]:
    """A photograph's path and its lanes.

    Raises:
        BadItem: the line is not in the form.
    """
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        raise BadItem(f"the line is no json ({fault!s:.60})") from fault
    if not isinstance(content, dict) or not is_text(content.get("raw_file")):
        raise BadItem("the line is no object that names its photograph as raw_file")
    rows, lanes = content.get("h_samples"), content.get("lanes")
    if not isinstance(rows, list) or not are_finite(rows):
        raise BadItem("h_samples is no list of finite numbers")
    if not isinstance(lanes, list) or len(lanes) > _MOST_LANES:
        raise BadItem(f"lanes is no list of at most {_MOST_LANES} lanes")
    found = []
    for lane in lanes:
        if not isinstance(lane, list) or len(lane) != len(rows) or not are_finite(lane):
            raise BadItem(f"a lane is not {len(rows)} finite numbers, one for each of h_samples")
        if points := checked_lane([(x, y) for x, y in zip(lane, rows, strict=True) if x >= 0]):
            found.append(points)
    return content["raw_file"], found
