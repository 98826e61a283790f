"""Maps: errors of depth in metres and of normals in degrees."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...builders.depths.store import from_annotation
from ...builders.tasks.normals import true_normals
from .measure import Judged, MeansOfRows, Measure

_ANGLES: Final = (11.25, 22.5, 30.0)
_BINS: Final = 18_000
"""Of a hundredth of a degree, for the median over all pixels."""


class Depth(MeansOfRows):
    """`rmse_m`, `abs_rel` and `delta1` to `delta3` (within a factor of 1.25, its square, its cube), each over the
    pixels with a true depth in a picture, then the mean over pictures (Eigen et al. 2014, and common since).

    A pixel that was drawn as unknown counts as 0 m.
    """

    primary = "delta1"

    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row; NaN when no pixel has a true depth."""
        units, unit_m = from_annotation(row.annotation)
        known = units != 0
        if not known.any():
            return dict.fromkeys(("rmse_m", "abs_rel", "delta1", "delta2", "delta3"), float("nan"))
        true = units[known].astype(np.float64) * unit_m
        found = np.where(row.decoded["valid"], row.decoded["depth_m"], 0.0)[known].astype(np.float64)
        ratio = np.maximum(found / true, true / np.maximum(found, 1e-6))
        return {
            "rmse_m": float(np.sqrt(np.mean((found - true) ** 2))),
            "abs_rel": float(np.mean(np.abs(found - true) / true)),
            **{f"delta{power}": float(np.mean(ratio < 1.25**power)) for power in (1, 2, 3)},
        }


class Normals(Measure):
    """`mean_deg`, `median_deg` and shares within 11.25, 22.5 and 30 degrees, over all pixels that have a true normal
    in all pictures; one that was drawn as unknown is 90 degrees off.
    """

    primary = "mean_deg"
    higher_is_better = False

    def __init__(self) -> None:
        self._histogram = np.zeros(_BINS + 1, np.int64)
        self._sum = 0.0

    def add(self, row: Judged) -> dict[str, float]:
        """Figures of a row: its mean error."""
        true = true_normals(row.annotation)
        valid = true.any(axis=2)
        if not valid.any():
            return {}
        cosine = np.clip(np.einsum("nc,nc->n", row.decoded["normals"][valid], true[valid]), -1, 1)
        degrees = np.where(row.decoded["valid"][valid], np.degrees(np.arccos(cosine)), 90.0)
        self._histogram += np.bincount((degrees * 100).astype(np.int64), minlength=_BINS + 1)
        self._sum += float(degrees.sum())
        return {"mean_deg": float(degrees.mean())}

    def result(self) -> dict[str, float]:
        """The metrics."""
        count = int(self._histogram.sum())
        if not count:
            return {}
        up_to = np.cumsum(self._histogram)
        median = float(np.searchsorted(up_to, count / 2)) / 100
        within = {f"within_{angle:g}": float(up_to[round(angle * 100) - 1] / count) for angle in _ANGLES}
        return {"mean_deg": self._sum / count, "median_deg": median, **within}
