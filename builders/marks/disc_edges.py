"""How much of the edges of discs and rings shows once all are drawn, and so which of them can be read back."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NEAREST: Final = 1.2
"""Centres must lie this many radii apart for two marks to be told apart at a glance."""

_ARC_POINTS: Final = 48
_ARC_SHARE: Final = 0.18
_ARC_PX: Final = 6.5
_WHOLE: Final = (1 << _ARC_POINTS) - 1


def readable_in_turn(
    points: NDArray[np.float64], owners: Sequence[int], radii: tuple[float, float], size_wh: tuple[int, int]
) -> list[int]:
    """Positions of the marks that can be told from all before them that are kept, and leave those readable.

    Two conditions: centres lie `NEAREST` radii apart; and the edge that shows holds the centre in every direction. A
    mark hides the edges of those before it, and of those of its colour. The more marks, the less shows: when each can
    be read in its turn, all can be together, and the other way round.

    Args:
        points: (N, 2) centres in the order of drawing.
        owners: which colour each has; marks of one colour melt into each other.
        radii: outer, and that of the hole; negative without one.
        size_wh: of the picture, pixels.
    """
    edges = _Edges.of(points, owners, radii, size_wh)
    least = max(_ARC_PX, _ARC_SHARE * math.pi * radii[0])
    shows: dict[int, int] = {}
    for position, alone in enumerate(edges.alone):
        if not shows.keys().isdisjoint(edges.too_near[position]):
            continue
        changed = {other: shows[other] & ~bits for other, bits in edges.hides[position] if other in shows}
        changed[position] = alone
        for other, bits in edges.hidden_by[position]:
            if other in shows:
                changed[position] &= ~bits
        if all(bits == _WHOLE or _information(bits) * radii[0] >= least for bits in changed.values()):
            shows |= changed
    return list(shows)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Points along the edge of each mark, as bits, and what becomes of them.

    Attributes:
        alone: those inside the picture.
        hides: for each mark the others whose edges it hides, and which of their points.
        hidden_by: the same from the side of what is hidden.
        too_near: for each mark the others whose centres are nearer than `NEAREST`.
    """

    alone: list[int]
    hides: list[list[tuple[int, int]]]
    hidden_by: list[list[tuple[int, int]]]
    too_near: list[list[int]]

    @classmethod
    def of(
        cls, points: NDArray[np.float64], owners: Sequence[int], radii: tuple[float, float], size_wh: tuple[int, int]
    ) -> _Edges:
        outer, inner = radii
        angles = np.arange(_ARC_POINTS) * (2 * math.pi / _ARC_POINTS)
        edge = points[:, None] + outer * np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (N, A, 2)
        inside = (edge > -0.5) & (edge < np.array(size_wh) - 0.5)
        alone = inside[:, :, 0] & inside[:, :, 1]
        apart = distances(points)
        hidden, hiding = np.nonzero(apart <= 2 * outer + 2)  # farther ones reach no edge
        colors = np.array(owners)
        above = (hiding > hidden) | (colors[hiding] == colors[hidden])
        hidden, hiding = hidden[above], hiding[above]
        offsets = edge[hidden] - points[hiding, None]  # (P, A, 2)
        reached = np.hypot(offsets[..., 0], offsets[..., 1])
        covered = reached <= outer + 1
        if inner > 0:
            covered &= reached >= inner - 1
        found = cls(_bits(alone), [[] for _ in points], [[] for _ in points], [[] for _ in points])
        for one, other, bits in zip(hidden.tolist(), hiding.tolist(), _bits(covered), strict=True):
            found.hides[other].append((one, bits))
            found.hidden_by[one].append((other, bits))
        for one, other in zip(*(side.tolist() for side in np.nonzero(apart < NEAREST * outer)), strict=True):
            found.too_near[one].append(other)
        return found


def distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, N) between points, (N, 2); infinite from each to itself."""
    across, down = points.T
    apart: NDArray[np.float64] = np.hypot(np.subtract.outer(across, across), np.subtract.outer(down, down))
    apart.ravel()[:: len(points) + 1] = np.inf
    return apart


def _bits(flags: NDArray[np.bool_]) -> list[int]:
    """Each row of flags as a number, the first flag as the highest bit."""
    padded = np.zeros((len(flags), 8), np.uint8)
    padded[:, -_ARC_POINTS // 8 :] = np.packbits(flags, axis=1)
    numbers: list[int] = padded.view(">u8").ravel().tolist()
    return numbers


def _information(bits: int) -> float:
    """What the points say about the centre, in pixels of edge of a mark of radius 1.

    It is the smaller eigenvalue of the sum of n nᵀ over the normals n = (cos a, sin a). The trace of the sum is the
    number of points; the difference of the eigenvalues is the length of the sum of e^2ia.
    """
    turns, rows = _turns()
    turned = sum(turn * rows[byte] for turn, byte in zip(turns, bits.to_bytes(_ARC_POINTS // 8), strict=True))
    return (bits.bit_count() - abs(turned)) / 2 * (2 * math.pi / _ARC_POINTS)


@functools.cache
def _turns() -> tuple[list[complex], list[complex]]:
    """The turn from the first point to each eighth; and for each byte the sum of e^2ia over its points among the first
    eight."""
    step = 2j * (2 * math.pi / _ARC_POINTS)
    units = [np.exp(step * at).item() for at in range(_ARC_POINTS)]
    sums = [sum((units[at] for at in range(8) if byte & (128 >> at)), 0j) for byte in range(256)]
    return units[::8], sums
