"""MPII Human Pose: people at 410 everyday activities, 16 joints each.

About 25,000 photographs with 40,000 people; the poses of the 18,000 training photographs are public. Either the
official MATLAB file, or the two files of the HRNet project (22,246 people to train, 2,958 to validate), which
leave out the head's box and say of a joint only whether it is annotated, not whether it is hidden.

Coordinates count pixels from 1 in both. A person's box is not annotated. It is drawn around the joints and the head,
with a tenth of its longer side to spare on every side, as limbs go on beyond their joints; for people without joints,
and for everyone with `box: scale`, it is the square of 200 pixels times `scale` around the annotated centre, which
holds the person with much room. Both are clipped to the photograph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field

from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.recipe import Block
from ..reading.coco_values import are_finite, is_finite, is_text
from ..reading.json_stream import stream_json
from ..sample import Feature, Sample
from ..source import Entry, Reject, Source
from ._mpii_mat import read_release
from ._people import MPII_SKELETON, around, features_of, instances_of, photograph_with_size

_HALF_SIDE_PX = 100
"""Half of a person's height in pixels, at scale 1."""
_SPARE = 0.1
"""Beyond the joints, share of the box's longer side."""
_JOINTS = len(MPII_SKELETON.joints)


class MpiiOptions(Block):
    """Options of the MPII source."""

    annotations: Literal["auto", "mat", "json"] = Field(
        "auto", description="mat: the official file, training only; json: HRNet's; auto: json when there, else mat"
    )
    box: Literal["joints", "scale"] = Field(
        "joints", description="of a person: around the joints, or the square of the annotated centre and scale"
    )


class Mpii(Source):
    """MPII Human Pose from the official MATLAB file or HRNet's json."""

    name = "mpii"
    title = "MPII Human Pose (16 joints)"
    homepage = "http://human-pose.mpi-inf.mpg.de"
    license = "MPII terms: annotations simplified BSD; photographs for research only"
    splits = ("train", "valid")
    features = Feature.KEYPOINTS
    tree = """  mpii/
    images/005808361.jpg …
    annot/train.json                                              (HRNet's; or annot/valid.json)
  or
    images/005808361.jpg …
    mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat         (split train only)"""
    options_type = MpiiOptions

    def inputs(self) -> list[Path]:
        self.require("images", folder=True)
        return [self._annotations()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        assert isinstance(self.options, MpiiOptions)
        file = self._annotations()
        images = _hrnet(file, reject) if file.suffix == ".json" else read_release(file)
        for name, found in images:
            try:
                self.file(name)
            except BadItem as fault:
                reject(name or "an image", str(fault) if name else "image record names no file")
                continue
            people = []
            for person in found:
                try:
                    people.append(_placed(person, self.options.box))
                except BadItem as fault:
                    reject(name, str(fault))
            stem = PurePosixPath(name).stem
            yield Entry(
                id=stem,
                image_key=f"mpii/{stem}",
                features=features_of(people),
                record={"file": name, "people": people},
            )

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        photograph, size_wh = photograph_with_size(self.file(f"images/{record['file']}"))
        instances = instances_of(record["people"], MPII_SKELETON, size_wh=size_wh)
        return Sample(entry_id, photograph, *size_wh, instances=instances)

    def _annotations(self) -> Path:
        assert isinstance(self.options, MpiiOptions)
        kind = self.options.annotations
        json = (f"annot/{self.split}.json", f"annotations/mpii_{self.split}.json")
        mat = "mpii_human_pose_v1_u12_1.mat"
        mats = (f"mpii_human_pose_v1_u12_2/{mat}", f"annot/{mat}", mat) if self.split == "train" else ()
        if kind == "mat" and not mats:
            raise SourceLayoutError(
                f"source {self.name}: the MATLAB file has no split {self.split}; take split train, or the option "
                "`annotations: json`"
            )
        return self.require(*(json if kind != "mat" else ()), *(mats if kind != "json" else ()))


def _hrnet(file: Path, reject: Reject) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Photographs in the order of the file, each with all its people, who stand there one by one."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for position, (_, value) in enumerate(stream_json(file)):
        found = value if isinstance(value, dict) else {}
        name = found.get("image")
        if not is_text(name):
            reject(f"record at position {position}", "record names no image")
            continue
        people = by_name.setdefault(name, [])
        try:
            people.append(_hrnet_person(found))
        except BadItem as fault:
            reject(name, str(fault))
    yield from by_name.items()


def _hrnet_person(found: Mapping[str, Any]) -> dict[str, Any]:
    points, marks = found.get("joints"), found.get("joints_vis")
    if (
        not isinstance(points, list)
        or not isinstance(marks, list)
        or not len(points) == len(marks) == _JOINTS
        or not set(map(type, marks)) <= {int, float}
        or not set(marks) <= {0, 1}
        or not all(isinstance(point, list) and len(point) == 2 and are_finite(point) for point in points)
    ):
        raise BadItem(f"joints and joints_vis are not {_JOINTS} points and as many of 0 and 1")
    joints: list[float] = []
    for (x, y), mark in zip(points, marks, strict=True):
        joints += [x - 1, y - 1, 2] if mark else [0, 0, 0]
    centre = found.get("center")
    placed = isinstance(centre, list) and are_finite(centre)
    return {
        "k": joints if any(marks) else [],
        "centre": [value - 1 for value in centre] if placed and isinstance(centre, list) else [],
        "scale": found.get("scale"),
        "h": [],
    }


def _placed(person: Mapping[str, Any], box_kind: str) -> dict[str, Any]:
    """A person as `instances_of` takes them.

    Raises:
        BadItem: nothing says where they are.
    """
    joints, head = person["k"], person["h"]
    whole = len(head) == 4 and head[0] < head[2] and head[1] < head[3]
    box = _square(person["centre"], person["scale"])
    if joints and (box is None or box_kind == "joints"):
        box = _roomy([around(joints), *([head] if whole else [])])
    if box is None and not whole:
        raise BadItem("a person has neither joints nor a place")
    return {"k": joints, "b": box, **({"h": head} if whole else {})}


def _square(centre: Sequence[float], scale: Any) -> list[float] | None:
    if len(centre) != 2 or min(centre) < 0 or not is_finite(scale) or scale <= 0:
        return None
    half = _HALF_SIDE_PX * scale
    x, y = centre[0] + 0.5, centre[1] + 0.5  # the middle of a pixel, counted from edges
    return [x - half, y - half, x + half, y + half]


def _roomy(boxes: Sequence[Sequence[float]]) -> list[float]:
    left, top = (min(box[edge] for box in boxes) for edge in (0, 1))
    right, bottom = (max(box[edge] for box in boxes) for edge in (2, 3))
    spare = _SPARE * max(right - left, bottom - top)
    return [left - spare, top - spare, right + spare, bottom + spare]
