"""MPII's MATLAB file: nested structs of which any may be missing, a single one in place of a list, or empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ...manifests.errors import SourceLayoutError
from ..reading.coco_values import is_finite
from ..reading.mat_file import read_mat

_JOINTS: Final = 16


def read_release(file: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Photographs of the training set, whose poses are public, with their people.

    Coordinates in the file count pixels from 1. A joint without `is_visible` (head and neck never have one) counts
    as visible.

    Yields:
        File name ("" when there is none), and people: `k` [x, y, visibility, …] from 0 or empty, `centre` [x, y]
        and `scale` when annotated, `h` the head's box as edges when annotated.

    Raises:
        SourceLayoutError: it is no MATLAB file of MPII.
    """
    release = _first(read_mat(file, "RELEASE"))
    if not release:
        raise SourceLayoutError(f"{file} holds no struct RELEASE; use mpii_human_pose_v1_u12_1.mat")
    images, training = _structs(release.get("annolist")), release.get("img_train")
    marks = training if isinstance(training, tuple) else ()
    if not images or len(marks) != len(images):
        raise SourceLayoutError(f"{file} lists {len(images)} images and marks {len(marks)} as training or not")
    for image, trains in zip(images, marks, strict=True):
        if trains == 1:
            name = _first(image.get("image")).get("name")
            people = [_person(struct) for struct in _structs(image.get("annorect"))]
            yield name if isinstance(name, str) else "", people


def _person(struct: dict[str, Any]) -> dict[str, Any]:
    place = _first(struct.get("objpos"))
    centre, scale = (_number(place.get("x")), _number(place.get("y"))), _number(struct.get("scale"))
    head = [_number(struct.get(edge)) for edge in ("x1", "y1", "x2", "y2")]
    return {
        "k": _joints(_structs(_first(struct.get("annopoints")).get("point"))),
        "centre": [x - 1 for x in centre if x is not None],
        "scale": scale,
        "h": [edge - shift for edge, shift in zip(head, (1, 1, 0, 0), strict=True) if edge is not None],
    }


def _joints(points: list[dict[str, Any]]) -> list[float]:
    """[x, y, visibility, …] of all joints, pixel centres from 0; empty when none is annotated."""
    joints = [0.0] * (3 * _JOINTS)
    for point in points:
        number, x, y = (_number(point.get(key)) for key in ("id", "x", "y"))
        if number is None or x is None or y is None or number not in range(_JOINTS):
            continue
        at = 3 * int(number)
        joints[at : at + 3] = [x - 1, y - 1, 1 if _number(point.get("is_visible")) == 0 else 2]
    return joints if any(joints[2::3]) else []


def _number(value: Any) -> float | None:
    """A single number, or the text of one ("0" and "1" in parts of the file); None for anything else."""
    if isinstance(value, str) and value.strip() in ("0", "1"):
        return float(value)
    if isinstance(value, tuple) and len(value) == 1 and is_finite(value[0]):
        return float(value[0])
    return None


def _structs(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _first(value: Any) -> dict[str, Any]:
    return next(iter(_structs(value)), {})
