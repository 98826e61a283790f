"""Maps: errors of depth in metres and of normals in degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...builders.depths.store import from_annotation
from ...builders.tasks.normals import true_normals
from .measure import Judged, MeansOfRows, Measure

Metres = NDArray[np.float64]
_ANGLES: Final = (11.25, 22.5, 30.0)
_BINS: Final = 18_000
"""Of a hundredth of a degree, for the median over all pixels."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark's rules. shown: top, bottom, left and right of what counts, shares of the picture; cap_m: depths
    beyond are left out, and found ones cut to it."""

    name: str
    shown: tuple[float, float, float, float]
    cap_m: float


_EIGEN: Final = Benchmark("eigen", (45 / 480, 471 / 480, 41 / 640, 601 / 640), 10.0)
_GARG: Final = Benchmark("garg", (0.40810811, 0.99189189, 0.03594771, 0.96405229), 80.0)
_BENCHMARKS: Final = {"nyu_depth_v2": _EIGEN, "nyu_labeled": _EIGEN, "kitti_depth": _GARG}
"""Eigen et al. 2014 for NYU Depth v2, Garg et al. 2016 for KITTI, as their successors use them."""


class Depth(MeansOfRows):
    """`rmse_m`, `abs_rel` and `delta1` to `delta3` (within a factor of 1.25, its square, its cube), each over the
    pixels with a true depth in a picture, then the mean over pictures (Eigen et al. 2014, and common since).

    A pixel that was drawn as unknown counts as 0 m. For NYU Depth v2 and KITTI the same again by their benchmarks'
    crop and cap, `eigen_…` (10 m) and `garg_…` (80 m), where a found depth counts as 1 mm at least.
    """

    primary = "delta1"

    def figures(self, row: Judged) -> dict[str, float]:
        """Of one row; NaN when no pixel has a true depth."""
        units, unit_m = from_annotation(row.annotation)
        true = units.astype(np.float64) * unit_m
        found = np.where(row.decoded["valid"], row.decoded["depth_m"], 0.0).astype(np.float64)
        figures = depth_errors(found, true)
        if benchmark := _BENCHMARKS.get(row.source_dataset):
            height, width = true.shape
            sides = (height, height, width, width)
            top, bottom, left, right = (int(a * b + 1e-6) for a, b in zip(benchmark.shown, sides, strict=True))
            part = np.s_[top:bottom, left:right]
            near = np.where(true[part] <= benchmark.cap_m, true[part], 0.0)
            cut = np.clip(found[part], 1e-3, benchmark.cap_m)
            figures |= {f"{benchmark.name}_{name}": value for name, value in depth_errors(cut, near).items()}
        return figures


def depth_errors(found: Metres, true: Metres) -> dict[str, float]:
    """Errors over the pixels whose true depth is above 0; NaN when there are none. Both (H, W), metres."""
    found, true = found[true > 0], true[true > 0]
    if not len(true):
        return dict.fromkeys(("rmse_m", "abs_rel", "delta1", "delta2", "delta3"), float("nan"))
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
