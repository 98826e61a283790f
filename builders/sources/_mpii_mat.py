"""MPII's MATLAB file: nested structs of which any may be missing, a single one in place of a list, or empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...manifests.errors import PluginError, SourceLayoutError
from ..coco_values import is_finite

_MOST_BYTES: Final = 1 << 28
"""The official file has about 13 MB."""
_JOINTS: Final = 16


def read_release(file: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Photographs of the training set, whose poses are public, with their people.

    Coordinates in the file count pixels from 1. A joint without `is_visible` (head and neck never have one) counts
    as visible.

    Yields:
        File name ("" when there is none), and people: `k` [x, y, visibility, …] from
        0 or empty, `centre` [x, y] and `scale` when annotated, `h` the head's box as edges when annotated.

    Raises:
        SourceLayoutError: it is no MATLAB file of MPII.
    """
    release = _load(file)
    images = _structs(release.get("annolist"))
    training = np.atleast_1d(np.asarray(release.get("img_train"))).ravel().tolist()
    if not images or len(training) != len(images):
        raise SourceLayoutError(f"{file} lists {len(images)} images and marks {len(training)} as training or not")
    for image, trains in zip(images, training, strict=True):
        if trains == 1:
            name = _first(image.get("image")).get("name")
            people = [_person(struct) for struct in _structs(image.get("annorect"))]
            yield name if isinstance(name, str) else "", people


def _load(file: Path) -> dict[str, Any]:
    try:
        from scipy.io import loadmat
    except ImportError as fault:
        raise PluginError(f"{file.name} is a MATLAB file; install scipy to read it: pip install scipy") from fault
    if not file.is_file():
        raise SourceLayoutError(f"{file} is missing")
    if file.stat().st_size > _MOST_BYTES:
        raise SourceLayoutError(f"{file} has more than {_MOST_BYTES >> 20} MiB; the official one has about 13")
    try:
        content = loadmat(file, simplify_cells=True, variable_names=["RELEASE"])
    except OSError as fault:
        raise SourceLayoutError(f"{file} cannot be read: {fault.strerror or fault}") from fault
    except Exception as fault:  # scipy lets every kind of fault through when the file is broken
        raise SourceLayoutError(f"{file} is no whole MATLAB file ({fault!s:.80}); download it again") from fault
    release = content.get("RELEASE")
    if not isinstance(release, dict):
        raise SourceLayoutError(f"{file} holds no struct RELEASE; use mpii_human_pose_v1_u12_1.mat")
    return release


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
    """A number, or the text of one ("0" and "1" in parts of the file); None for an empty array or anything else."""
    if isinstance(value, str) and value.strip() in ("0", "1"):
        return float(value)
    if isinstance(value, np.generic):
        value = value.item()
    return float(value) if is_finite(value) else None


def _structs(value: Any) -> list[dict[str, Any]]:
    """The structs of a list of them, of an array of them, or the only one."""
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _first(value: Any) -> dict[str, Any]:
    return next(iter(_structs(value)), {})
