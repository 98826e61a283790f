"""What the sources of poses and faces share: skeletons of bodies, instances with joints, photographs with a size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...manifests.images import read_header
from ..geometry import Box
from ..sample import Category, Feature, FileBytes, Instance, Joint, Skeleton

PERSON: Final = Category(1, "person")
HEAD: Final = Category(2, "head")
FACE: Final = Category(1, "face")

MPII_SKELETON: Final = Skeleton(
    "mpii",
    (
        "right ankle",
        "right knee",
        "right hip",
        "left hip",
        "left knee",
        "left ankle",
        "pelvis",
        "thorax",
        "base of the head",
        "top of the head",
        "right wrist",
        "right elbow",
        "right shoulder",
        "left shoulder",
        "left elbow",
        "left wrist",
    ),
    ((0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11), (11, 12), (12, 7), (7, 13),
     (13, 14), (14, 15)),
)  # fmt: skip
"""MPII's 16 joints. Left is the person's left. MPII calls joint 8 "upper neck": it lies where head and neck meet."""

CROWDPOSE_SKELETON: Final = Skeleton(
    "crowdpose",
    (
        "left shoulder",
        "right shoulder",
        "left elbow",
        "right elbow",
        "left wrist",
        "right wrist",
        "left hip",
        "right hip",
        "left knee",
        "right knee",
        "left ankle",
        "right ankle",
        "top of the head",
        "neck",
    ),
    ((12, 13), (13, 0), (13, 1), (0, 2), (2, 4), (1, 3), (3, 5), (0, 6), (1, 7), (6, 7), (6, 8), (8, 10), (7, 9),
     (9, 11)),
)  # fmt: skip
"""CrowdPose's 14 joints. Left is the person's left."""

AIC_SKELETON: Final = Skeleton(
    "aic",
    (
        "right shoulder",
        "right elbow",
        "right wrist",
        "left shoulder",
        "left elbow",
        "left wrist",
        "right hip",
        "right knee",
        "right ankle",
        "left hip",
        "left knee",
        "left ankle",
        "top of the head",
        "neck",
    ),
    ((12, 13), (13, 0), (0, 1), (1, 2), (13, 3), (3, 4), (4, 5), (0, 6), (3, 9), (6, 9), (6, 7), (7, 8), (9, 10),
     (10, 11)),
)  # fmt: skip
"""AI Challenger's 14 joints. Left is the person's left."""


def instances_of(
    people: Iterable[Mapping[str, Any]],
    skeleton: Skeleton,
    category: Category = PERSON,
    size_wh: tuple[int, int] | None = None,
) -> tuple[Instance, ...]:
    """Instances of an entry's record; a person whose head has a box is followed by the head.

    Args:
        people: each with `k` [x, y, visibility, …] (pixel centres from 0; empty without joints), `b` the box as
            edges or None, `h` the head's box when there is one, `w` for a crowd.
        skeleton: whose joints they are.
        category: what they are.
        size_wh: boxes are clipped to this, pixels.
    """
    found = []
    for one in people:
        numbers: Sequence[float] = one["k"]
        joints = tuple(
            Joint(float(numbers[at]), float(numbers[at + 1]), int(numbers[at + 2])) for at in range(0, len(numbers), 3)
        )
        found.append(
            Instance(
                category=category,
                box_xyxy=clipped(one["b"], size_wh),
                crowd=bool(one.get("w")),
                joints=joints,
                skeleton=skeleton if joints else None,
            )
        )
        head = clipped(one.get("h"), size_wh)
        if head is not None:
            found.append(Instance(category=HEAD, box_xyxy=head))
    return tuple(found)


def clipped(box: Sequence[float] | None, size_wh: tuple[int, int] | None) -> Box | None:
    """A box clipped to the image; None when there is none, or nothing of it is inside."""
    if box is None:
        return None
    left, top, right, bottom = (float(edge) for edge in box)
    if size_wh is not None:
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, size_wh[0]), min(bottom, size_wh[1])
    return (left, top, right, bottom) if left < right and top < bottom else None


def around(joints: Sequence[float]) -> list[float]:
    """Edges of the box of pixels that holds all labelled joints of [x, y, visibility, …]; at least one is."""
    across = [x for x, visibility in zip(joints[::3], joints[2::3], strict=True) if visibility]
    down = [y for y, visibility in zip(joints[1::3], joints[2::3], strict=True) if visibility]
    return [min(across), min(down), max(across) + 1, max(down) + 1]


def features_of(people: Iterable[Mapping[str, Any]]) -> Feature:
    """Joints only: none of these datasets promises that everyone in the photograph has a box."""
    return Feature.KEYPOINTS if any(one["k"] for one in people) else Feature(0)


def photograph_with_size(file: Path) -> tuple[FileBytes, tuple[int, int]]:
    """A photograph, read, and its upright width and height in pixels, for datasets that do not give them.

    Raises:
        BadItem: it is missing or no whole image.
    """
    data = FileBytes(file).read()
    header = read_header(data)
    return FileBytes(file, data), (header.width, header.height)
