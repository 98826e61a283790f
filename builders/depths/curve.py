"""From metres to a share of a ramp and back; the ramp of metric depth, a path along edges of the RGB cube."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB

Floats = NDArray[np.float64]
ScaleName = Literal["linear", "log", "inverse"]
CurveName = Literal["near", "far"]


@dataclass(frozen=True, slots=True)
class DepthScale:
    """Depth between two bounds as a share of the way from the nearer to the farther.

    Attributes:
        near_m, far_m: the bounds, metres; near_m above 0 for log and inverse; if equal, all is at share 0.
        name: linear, or linear in the logarithm or in the inverse of depth.
    """

    near_m: float
    far_m: float
    name: ScaleName = "linear"

    def share(self, depth_m: Floats) -> Floats:
        """Share in [0, 1] of each depth; beyond the bounds, that of the bound."""
        near, far = self._bent(np.array([self.near_m, self.far_m]))
        if near == far:
            return np.zeros_like(depth_m)
        inside: Floats = np.clip(depth_m, self.near_m, self.far_m)
        share: Floats = np.clip((self._bent(inside) - near) / (far - near), 0, 1)
        return share

    def depth_m(self, share: Floats) -> Floats:
        """The inverse of `share`."""
        near, far = self._bent(np.array([self.near_m, self.far_m]))
        bent: Floats = near + share * (far - near)
        if self.name == "log":
            bent = np.exp(bent)
        elif self.name == "inverse":
            bent = -1 / bent
        return bent

    def holds(self, depth_m: Floats) -> NDArray[np.bool_]:
        """Which depths lie within the bounds."""
        return (depth_m >= self.near_m - _ROUNDING_M) & (depth_m <= self.far_m + _ROUNDING_M)

    def _bent(self, depth_m: Floats) -> Floats:
        bent: Floats = depth_m
        if self.name == "log":
            bent = np.log(depth_m)
        elif self.name == "inverse":
            bent = -1 / depth_m
        return bent


_ROUNDING_M = 1e-9
"""Depth is stored as a whole number of units; the product may miss a bound by the last bits of a float."""


@dataclass(frozen=True, slots=True)
class DepthCurve:
    """Depth from 0 to infinity as a share of a ramp: u = 1 - (1 - d / (power * scale_m)) ** (power + 1).

    Form and values: Vision Banana (arXiv 2604.20329) with power -3 and scale 10/3, after Barron's power
    transform (arXiv 2502.10647).

    Attributes:
        power: below -1.
        scale_m: metres.
    """

    power: float
    scale_m: float

    def share(self, depth_m: Floats) -> Floats:
        """Share in [0, 1) of each depth of at least 0."""
        return 1 - (1 - depth_m / (self.power * self.scale_m)) ** (self.power + 1)

    def depth_m(self, share: Floats) -> Floats:
        """The inverse of `share`; from half a step below white on, `horizon_m`."""
        below_white = np.clip(share, 0, 1 - 0.5 / PATH_STEPS)
        return -self.power * self.scale_m * ((1 - below_white) ** (1 / (self.power + 1)) - 1)

    @property
    def horizon_m(self) -> float:
        """The depth from which all is drawn white."""
        return float(self.depth_m(np.array(1.0)))

    def codes(self, depth_m: Floats) -> NDArray[np.int64]:
        """Position of each depth on `PATH`, 0 to `PATH_STEPS`."""
        return np.rint(self.share(depth_m) * PATH_STEPS).astype(np.int64)

    def decoded_m(self, codes: NDArray[np.integer]) -> Floats:
        """The inverse of `codes`; white comes out at `horizon_m`."""
        return self.depth_m(codes / PATH_STEPS)

    def half_step_m(self, depth_m: Floats) -> Floats:
        """How far the depth may move when its colour is rounded to 8 bits."""
        share, half = self.share(depth_m), 0.5 / PATH_STEPS
        farther = self.depth_m(share + half) - depth_m
        nearer = depth_m - self.depth_m(share - half)
        return np.maximum(np.abs(farther), np.abs(nearer))


CURVES: Final[dict[CurveName, DepthCurve]] = {"near": DepthCurve(-3, 10 / 3), "far": DepthCurve(-4, 120)}
"""near: rooms and streets, as Vision Banana has it; far: landscapes, to some 3 km."""

PATH_COLORS: Final = ("black", "red", "yellow", "green", "cyan", "blue", "magenta", "white")
"""Corners of the cube in the order of the path; each differs from the one before in one channel."""

_CORNERS: Final = np.array(
    [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 1, 1)], np.int32
)
PATH_STEPS: Final = 255 * (len(_CORNERS) - 1)
"""Every colour of the path counts: 1785 steps from black to white."""

NO_DEPTH_RGB: Final = (128, 128, 128)
"""Stands for "no depth" beside the path; at least 180 (Euclidean RGB) from each of its colours."""


def path_colors() -> NDArray[np.uint8]:
    """(PATH_STEPS + 1, 3) uint8 RGB: all colours of the path, from black to white."""
    codes = np.arange(PATH_STEPS + 1)
    edge = np.minimum(codes // 255, len(_CORNERS) - 2)
    along = (codes - 255 * edge)[:, None]
    colors = 255 * _CORNERS[edge] + (_CORNERS[edge + 1] - _CORNERS[edge]) * along
    return np.asarray(colors, np.uint8)


def nearest_code(image: RGB) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The nearest point of the path for every pixel.

    An edge runs along one channel, so its nearest point has that channel's level, and the distance lies in
    the two others. Ties go to the nearer depth.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) int32 positions on the path, and (H, W) int32 squared distances to it.
    """
    levels = [np.ascontiguousarray(image[..., channel]).astype(np.int32) for channel in range(3)]
    squares = [(level * level, (255 - level) ** 2) for level in levels]
    codes = np.zeros(image.shape[:2], np.int32)
    best = np.full(image.shape[:2], np.iinfo(np.int32).max, np.int32)
    for edge, (start, end) in enumerate(itertools.pairwise(_CORNERS)):
        channel = int(np.flatnonzero(start != end)[0])
        first, second = (other for other in range(3) if other != channel)
        distance = squares[first][start[first]] + squares[second][start[second]]
        closer = distance < best
        along = levels[channel] if end[channel] else 255 - levels[channel]
        np.copyto(codes, along + 255 * edge, where=closer)
        np.copyto(best, distance, where=closer)
    return codes, best
