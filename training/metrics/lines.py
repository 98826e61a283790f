"""Edges: lines of pixels against lines of pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...manifests.images import RGB
from .measure import Judged, Means, Measure

_THRESHOLDS: Final = tuple(round(0.1 * step, 1) for step in range(1, 10))
_TOUCHING: Final = np.ones((3, 3), np.uint8)


class Lines(Measure):
    """`f1`, `precision` and `recall` of line pixels within a pixel of the other's, means over pictures; and `ods_f1`,
    by pixels of all pictures, at the one threshold that is best for all (Arbeláez et al. 2011, without thinning).

    A model's thin lines come out soft, and half of the way from background to line may be more than they reach; how
    faint a line counts is what the threshold decides.
    """

    primary = "f1"

    def __init__(self) -> None:
        self._means = Means()
        self._counts = np.zeros((len(_THRESHOLDS), 4), np.int64)  # found, of those near; true, of those near

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: `f1`, `precision`, `recall`."""
        found = {name: row.compared[name] for name in ("f1", "precision", "recall")}
        self._means.take(found)
        true = coco_mask.decode(row.annotation["rle"])
        strength = _strength(row.drawn, row.params)
        around = cv2.dilate(true, _TOUCHING)
        for place, threshold in enumerate(_THRESHOLDS):
            mine = (strength > threshold).astype(np.uint8)
            near = cv2.dilate(mine, _TOUCHING)
            self._counts[place] += [np.count_nonzero(one) for one in (mine, mine & around, true, true & near)]
        return found

    def result(self) -> dict[str, float]:
        """The metrics."""
        found, hits, true, reached = self._counts.T
        if not true.any():
            return self._means.result()
        precision, recall = hits / np.maximum(found, 1), reached / np.maximum(true, 1)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        return {**self._means.result(), "ods_f1": float(f1.max())}


def _strength(drawn: RGB, params: Mapping[str, Any]) -> NDArray[np.float64]:
    """(H, W) where each pixel lies on the way from the background's colour, 0, to the lines', 1."""
    ground, line = (np.array(params[part]["rgb"], np.float64) for part in ("background", "lines"))
    way = line - ground
    return np.asarray(((drawn - ground) @ way) / (way @ way))
