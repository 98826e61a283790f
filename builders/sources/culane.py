"""CULane: photographs of 1640 x 590 from city streets and highways with up to four lane lines each.

88,880 photographs to train, 9,675 to validate and 34,680 to test. Beside each lies a file of the same name,
`.lines.txt`, with a line a lane: x and y of its points from the bottom up, at every tenth row, also where other cars
hide it; lines may leave the photograph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ...manifests.errors import BadItem
from ..reading.coco_values import is_text
from ..reading.whole_files import text_lines
from ..sample import Feature, FileBytes, Polyline, Sample
from ..source import Entry, Reject, Source
from ._lanes import checked_lane

_MOST_BYTES: Final = 1 << 20


class CuLane(Source):
    """CULane from its official folders."""

    name = "culane"
    title = "CULane (lane lines in traffic)"
    homepage = "https://xingangpan.github.io/projects/CULane.html"
    license = "non-commercial research only"
    splits = ("train", "val", "test")
    features = Feature.LANES
    tree = """  culane/
    list/train.txt                        (and val.txt, test.txt; or train_gt.txt, val_gt.txt)
    driver_23_30frame/05151649_0422.MP4/00000.jpg, 00000.lines.txt …"""

    def inputs(self) -> list[Path]:
        return [self.require(f"list/{self.split}.txt", f"list/{self.split}_gt.txt")]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        (listing,) = self.inputs()
        lines = text_lines(listing)
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            name = line.split()[0].lstrip("/")
            try:
                if not is_text(name) or PurePosixPath(name).suffix.lower() != ".jpg":
                    raise BadItem(f"{name[:80]!r} is no path of a photograph")
                self.file(name)
            except BadItem as fault:
                reject(f"line {number}", f"{listing.name}: {fault}")
                continue
            stem = str(PurePosixPath(name).with_suffix(""))
            yield Entry(stem, f"culane/{stem}", Feature.LANES, {"file": name})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        lanes = _read_lanes(self.file(f"{entry_id}.lines.txt"))
        return Sample(entry_id, FileBytes(self.file(record["file"])), lanes=lanes)


def _read_lanes(file: Path) -> tuple[Polyline, ...]:
    """Lanes of a .lines.txt file.

    Raises:
        BadItem: it is missing, or not in the form.
    """
    data = FileBytes(file).read()
    if len(data) > _MOST_BYTES:
        raise BadItem(f"{file.name} has {len(data)} bytes, too many for a few lanes")
    found = []
    for number, line in enumerate(data.decode("latin-1").splitlines(), start=1):
        words = line.split()
        try:
            values = [float(word) for word in words]
            lane = checked_lane(list(zip(values[::2], values[1::2], strict=True)))
        except ValueError as fault:
            raise BadItem(f"{file.name}, line {number}: not an x and a y for every point") from fault
        except BadItem as fault:
            raise BadItem(f"{file.name}, line {number}: {fault}") from fault
        if lane is not None:
            found.append(lane)
    return tuple(found)
