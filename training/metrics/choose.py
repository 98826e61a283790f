"""Which measure judges which task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .boxes import Boxes, OrientedBoxes
from .lanes import Lanes
from .lines import Lines
from .maps import Depth, Normals
from .measure import Judged, MeansOfRows, Measure
from .pictures import Likeness
from .points import Counts, Joints, Landmarks
from .regions import Regions, Segments, SemanticRegions


class Answers(MeansOfRows):
    """`accuracy`: share of right answers."""

    primary = "accuracy"

    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row."""
        return {"accuracy": row.compared["accuracy" if "accuracy" in row.compared else "correct"]}


class Compared(MeansOfRows):
    """For tasks from outside: means of what `Task.compare` says."""

    primary = ""

    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row."""
        return dict(row.compared)


_MEASURES: Final[dict[str, Callable[[], Measure]]] = {
    "segmentation": Regions,
    "referring": Regions,
    "parts": Regions,
    "foreground": Regions,
    "semantic": SemanticRegions,
    "panoptic": Segments,
    "entities": Segments,
    "instances": Segments,
    "detection": Boxes,
    "oriented_boxes": OrientedBoxes,
    "lanes": Lanes,
    "keypoints": Joints,
    "skeleton": Joints,
    "face_alignment": Landmarks,
    "counting": Counts,
    "depth": Depth,
    "normals": Normals,
    "classification": Answers,
    "depth_order": Answers,
    "edges": Lines,
    "restoration": Likeness,
    "inpainting": Likeness,
    "inverse": Likeness,
    "edit": Likeness,
}
NOT_JUDGED: Final = frozenset({"adaptation"})
"""Drawn from words alone: there is no right answer to compare with."""


def measure_for(task: str) -> Measure:
    """A fresh measure for a task."""
    return _MEASURES.get(task, Compared)()
