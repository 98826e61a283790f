"""Points: PCK and OKS of joints, normalised error of landmarks, error of counts."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...builders.marks.matching import assign_within
from .coco import JOINTS, average_precision
from .measure import Judged, MeansOfRows, Measure

_BODY_SHARE: Final = 0.53
"""Of a person's box that the person covers; MMPose's and CrowdPose's stand-in where there is no mask."""
_FAR: Final = -1e6
"""Where a joint that was not found is put, for OKS to count 0."""
_SHARES: Final = (0.05, 0.1, 0.2)
_NOT_OF_PCKH: Final = frozenset(["pelvis", "thorax"])


class Joints(Measure):
    """Marks of joints.

    Result: `pck@0.05`, `pck@0.1` and `pck@0.2`, share of true joints with a mark within that share of the longer side
    of the person's box (of the picture where all people are asked for); `precision` of marks at 0.1; for single people
    whose head has a size, `pckh@0.5`, within half of it, without pelvis and thorax (MPII's); and, for single people
    with COCO's joints, `oks_ap` and `oks_ap50` by pycocotools over the joints that were asked for, with 0.53 of the
    box as the person's area. Each mark counts for one joint at most.
    """

    primary = "pck@0.1"

    def __init__(self) -> None:
        self._hits = dict.fromkeys(_SHARES, 0)
        self._true = self._marks = 0
        self._heads = [0, 0]  # joints within half a head's size, and all
        self._people: tuple[list[list[dict[str, Any]]], list[list[dict[str, Any]]]] = ([], [])

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: PCK; 1 when there was nothing to mark and nothing was marked."""
        size = _reference_length(row)
        hits = dict.fromkeys(_SHARES, 0)
        true_count = mark_count = 0
        for found, true in zip(row.decoded["points"], row.annotation["points"], strict=True):
            costs = _distances(found["xy"], true["xy"])
            true_count, mark_count = true_count + len(true["xy"]), mark_count + len(found["xy"])
            for share in _SHARES:
                hits[share] += len(assign_within(costs, share * size))
            if "head_px" in row.params and true["joint"] not in _NOT_OF_PCKH:
                self._heads[0] += len(assign_within(costs, 0.5 * row.params["head_px"]))
                self._heads[1] += len(true["xy"])
        self._true, self._marks = self._true + true_count, self._marks + mark_count
        for share in _SHARES:
            self._hits[share] += hits[share]
        if row.params.get("skeleton") == "coco" and "person_xyxy" in row.params and true_count:
            for kept, side in zip(self._people, (row.decoded, row.annotation), strict=True):
                kept.append([_person(row, side)])
        if not true_count:
            return {"pck@0.1": float(mark_count == 0)}
        return {f"pck@{share}": hits[share] / true_count for share in _SHARES}

    def result(self) -> dict[str, float]:
        """The metrics."""
        found = {f"pck@{share}": self._hits[share] / self._true for share in _SHARES} if self._true else {}
        if self._heads[1]:
            found["pckh@0.5"] = self._heads[0] / self._heads[1]
        if self._marks:
            found["precision"] = self._hits[0.1] / self._marks
        ranked = average_precision(*self._people, "keypoints")
        return {**found, **{f"oks_{name}": value for name, value in ranked.items()}}


class Landmarks(MeansOfRows):
    """`nme`, mean distance from each landmark to the nearest dot of its part over the root of the face's box."""

    primary = "nme"
    higher_is_better = False

    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row."""
        return {"nme": row.compared["nme"]}


class Counts(MeansOfRows):
    """`mae` of the number, and `exact`, the share of right numbers."""

    primary = "mae"
    higher_is_better = False

    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row."""
        error = row.compared["count_error"]
        return {"mae": error, "exact": float(error == 0)}


def _distances(found: list[Any], true: list[Any]) -> NDArray[np.float64]:
    """(N, M) pixels from each mark to each point."""
    table = np.array([[math.dist(one, other) for other in true] for one in found], float)
    return table.reshape(len(found), len(true))


def _reference_length(row: Judged) -> float:
    if "person_xyxy" in row.params:
        left, top, right, bottom = row.params["person_xyxy"]
        return float(max(right - left, bottom - top))
    return float(max(row.annotation["size"]))


def _person(row: Judged, side: Any) -> dict[str, Any]:
    """A person as COCO has it; joints that were not asked for have visibility 0."""
    left, top, right, bottom = row.params["person_xyxy"]
    points = np.zeros((len(JOINTS), 3))
    for one, true in zip(side["points"], row.annotation["points"], strict=True):
        if one["joint"] in JOINTS and true["xy"]:
            points[JOINTS.index(one["joint"])] = (*(one["xy"][0] if one["xy"] else (_FAR, _FAR)), 2)
    area = _BODY_SHARE * (right - left) * (bottom - top)
    return {"name": "person", "xyxy": [left, top, right, bottom], "area": area, "keypoints": points.tolist()}
