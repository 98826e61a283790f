"""Planes fitted to inverse depth in square windows.

Inverse depth of a plane is affine in the pixel: n·X = d and X = z (u, v, 1) give 1/z = (n_x u + n_y v + n_z) / d. So
a plane is a straight-line fit of 1/z. Sums over windows are taken in bands of rows that stay in the processor's cache;
those over the places of points are of whole numbers, and known beforehand where no pixel of a window lacks a depth.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

TINY: Final = 1e-12
"""Least inverse depth that anything is divided by."""
_LEAST_POINTS: Final = 8
_LEAST_SHARE: Final = 0.1
"""Least share of a window's pixels that have a depth; maps of a rotating laser have a fifth."""
_LEAST_SPREAD: Final = 0.15
"""Least spread of these points along their narrow side, share of a full window's; points in one line fix no plane."""
_BAND_ROWS: Final = 64
"""Rows that are computed together, so that they stay in the processor's cache."""
_AT_ONCE: Final = 32_768
"""Pixels whose planes are computed together; more of them would leave the cache before they are used again."""


class Planes(NamedTuple):
    """For each pixel a plane 1/z = value + along_x dx + along_y dy, dx and dy counted from that pixel.

    Attributes:
        along_x, along_y, value: (H, W) float64; 1/m, the first two a pixel.
        residual: (H, W) float64 mean squared residual, as a share of the inverse depth; infinite where there is none.
    """

    along_x: Floats
    along_y: Floats
    value: Floats
    residual: Floats


class _Sums(NamedTuple):
    """Sums over the window around each pixel, x and y counted from the middle of the band, i for inverse depth."""

    points: NDArray[Any]
    x: NDArray[Any]
    y: NDArray[Any]
    xx: NDArray[Any]
    yy: NDArray[Any]
    xy: NDArray[Any]
    i: Floats
    xi: Floats
    yi: Floats
    ii: Floats


def fit_planes(inverse: Floats, window: int) -> Planes:
    """The least-squares plane of the window around each pixel.

    Args:
        inverse: (H, W) 1/m; 0 where there is no depth.
        window: side of the windows, odd, pixels.
    """
    height, reach = len(inverse), window // 2
    planes = Planes(*np.empty((4, *inverse.shape)))
    rows = max(_BAND_ROWS, 4 * reach)
    for start in range(0, height, rows):
        stop = min(height, start + rows)
        above = min(start, reach)
        band = inverse[start - above : stop + reach]
        found = Planes(*(part[start:stop] for part in planes))
        if band.any():
            _fit_band(band, slice(above, above + stop - start), window, found)
        else:  # the upper third of a laser's map
            for part, nothing in zip(found, (0.0, 0.0, 0.0, np.inf), strict=True):
                part.fill(nothing)
    return planes


def _fit_band(band: Floats, kept: slice, window: int, planes: Planes) -> None:
    """Planes of some rows of a band, written where they belong."""
    x, y = (np.arange(side) - side // 2 for side in reversed(band.shape))
    sums, y = _sums(band, x, y[:, None], kept, window), y[kept]
    step = max(1, _AT_ONCE // len(x))
    for start in range(0, len(y), step):
        rows = slice(start, start + step)
        found = Planes(*(part[rows] for part in planes))
        _solve_rows(_Sums(*(part[rows] for part in sums)), x, y[rows], window, found)


def _solve_rows(sums: _Sums, x: NDArray[Any], y: NDArray[Any], window: int, planes: Planes) -> None:
    _solve_full(sums, x, y[:, None], window, planes)
    partial = sums.points < window * window
    np.copyto(planes.residual, np.inf, where=partial)
    least = max(_LEAST_POINTS, math.ceil(_LEAST_SHARE * window * window))
    at = np.flatnonzero(partial & (sums.points >= least))
    row, column = np.divmod(at, len(x))
    solved = _solve(_Sums(*(part.ravel().take(at).astype(np.float64) for part in sums)), x[column], y[row], window)
    for part, values in zip(planes, solved, strict=True):
        part.ravel()[at] = values


def _sums(band: Floats, x: NDArray[Any], y: NDArray[Any], kept: slice, window: int) -> _Sums:
    farthest = max(band.shape) // 2 + 1
    kind = np.int32 if 2 * (window * farthest) ** 2 < 2**31 else np.float64  # so that no sum overflows
    x, y = x.astype(kind), y.astype(kind)
    known = band > 0
    if known.all():
        across = [_totals(powers, window, 1) for powers in (np.ones_like(x)[None], x[None], (x * x)[None])]
        down = [_totals(powers, 1, window)[kept] for powers in (np.ones_like(y), y, y * y)]
        places = [down[b] * across[a] for a, b in ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2), (1, 1))]
    else:
        weight = known.astype(kind)
        along_x, along_y = weight * x, weight * y
        products = (weight, along_x, along_y, along_x * x, along_y * y, along_x * y)
        places = [_totals(part, window, window)[kept] for part in products]
    depths = (band, band * x, band * y, band * band)
    return _Sums(*places, *(_totals(part, window, window)[kept] for part in depths))


def _totals(values: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Sums over the window of this size around each value; nothing lies beyond the border."""
    return cv2.boxFilter(values, -1, (width, height), None, (-1, -1), False, cv2.BORDER_CONSTANT)


def _solve_full(sums: _Sums, x: NDArray[Any], y: NDArray[Any], window: int, planes: Planes) -> None:
    """Planes of windows in which every pixel has a depth; what is written for other windows means nothing."""
    points = window * window
    spread = points * (points - 1) / 12
    xi, yi = sums.xi - x * sums.i, sums.yi - y * sums.i
    mean = np.divide(sums.i, points, out=planes.value)
    along_x, along_y = np.divide(xi, spread, out=planes.along_x), np.divide(yi, spread, out=planes.along_y)
    squared = np.maximum(sums.ii - mean * sums.i - along_x * xi - along_y * yi, 0)
    np.divide(squared / points, np.maximum(mean * mean, TINY**2), out=planes.residual)


def _solve(sums: _Sums, x: NDArray[Any], y: NDArray[Any], window: int) -> Planes:
    """Planes of any windows with at least one point; x and y: of the windows' middles."""
    points = sums.points
    by_x, by_y = sums.x - x * points, sums.y - y * points  # sums over dx and dy
    mean_x, mean_y, mean = by_x / points, by_y / points, sums.i / points
    xx = sums.xx - x * (sums.x + by_x) - by_x * mean_x
    yy = sums.yy - y * (sums.y + by_y) - by_y * mean_y
    xy = sums.xy - x * sums.y - y * by_x - by_x * mean_y
    xi = sums.xi - (x + mean_x) * sums.i
    yi = sums.yi - (y + mean_y) * sums.i
    least = _LEAST_SPREAD * (window * window - 1) / 12 * points
    fits = (xx >= least) & ((xx - least) * (yy - least) >= xy * xy)  # both eigenvalues are at least this
    determinant = np.where(fits, xx * yy - xy * xy, 1.0)
    along_x, along_y = (yy * xi - xy * yi) / determinant, (xx * yi - xy * xi) / determinant
    squared = np.maximum(sums.ii - mean * sums.i - along_x * xi - along_y * yi, 0)
    residual = np.where(fits, squared / points / np.maximum(mean * mean, TINY**2), np.inf)
    return Planes(along_x, along_y, mean - along_x * mean_x - along_y * mean_y, residual)
