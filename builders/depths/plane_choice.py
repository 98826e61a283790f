"""For each pixel of a depth map the best of nine planes around it, the idea of Kuwahara's filter (1976).

The windows that the planes were fitted to hold the pixel in the centre or on the border, so that one of them lies on
this side of a depth edge. The centre's is preferred; the others are looked at only where it fits badly.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .plane_fits import TINY, Floats, Places, Planes

_PREFER_CENTRE: Final = 4.0
"""How many times less the mean squared residual of another window must be."""
_NOISE: Final = 0.005
"""Residuals up to this share of the depth are a sensor's noise and no reason to leave the centre: Kinect's is 1.4 mm
at 1 m and grows with the square of the distance (Khoshelham and Elberink 2012)."""
_STEP: Final = 1e-9
"""Residuals are rounded to this, so that the last bits of the arithmetic do not choose a window."""


def choose_planes(planes: Planes, inverse: Floats, rows: slice, reach: int) -> Planes:
    """The planes of some rows, each of the best window that holds the pixel: the flattest that fits it best.

    Args:
        planes: of the window around each pixel.
        inverse: (H, W) 1/m; 0 where there is no depth.
        rows: for which planes are chosen.
        reach: how far a window reaches from its centre, pixels.

    Returns:
        Planes, with the pixel's own squared error added to the window's residual. Those of pixels without a depth
        mean nothing.
    """
    error = _error(planes.value[rows], planes.residual[rows], inverse[rows])
    chosen = Planes(planes.along_x[rows].copy(), planes.along_y[rows].copy(), planes.value[rows].copy(), error)
    places = np.flatnonzero((inverse[rows] > 0) & (error > _PREFER_CENTRE * _NOISE**2))
    beside = _best_of_nine(planes, inverse, places + rows.start * inverse.shape[1], error.ravel().take(places), reach)
    for part, values in zip(chosen, beside, strict=True):
        part.ravel()[places] = values
    return chosen


def _best_of_nine(planes: Planes, inverse: Floats, at: Places, least: Floats, reach: int) -> Planes:
    """The best planes of (N,) pixels, given by their places in reading order; least: the centres' errors."""
    along_x, along_y, value, residual = (part.ravel() for part in planes)
    x, own, width = at % inverse.shape[1], inverse.ravel().take(at), inverse.shape[1]
    window, right, down = at.copy(), np.zeros(len(at)), np.zeros(len(at))
    best = _score(least / _PREFER_CENTRE, _NOISE**2 / _PREFER_CENTRE)
    limit = _limit(best)
    for dy, dx in [(i, j) for i in (-reach, 0, reach) for j in (-reach, 0, reach) if i or j]:
        there = at + (dy * width + dx)
        flatness = residual.take(there, mode="clip")
        near = np.flatnonzero(flatness < limit)
        there, column = there.take(near), x.take(near) + dx
        inside = np.flatnonzero((there >= 0) & (there < residual.size) & (column >= 0) & (column < width))
        near, there = near.take(inside), there.take(inside)
        expected = value.take(there) - dx * along_x.take(there) - dy * along_y.take(there)
        errors = _error(expected, flatness.take(near), own.take(near))
        scores = _score(errors, _NOISE**2)
        closer = np.flatnonzero(scores < best.take(near))
        near, scores = near.take(closer), scores.take(closer)
        best[near], limit[near] = scores, _limit(scores)
        least[near], window[near] = errors.take(closer), there.take(closer)
        right[near], down[near] = dx, dy
    found_x, found_y = along_x.take(window), along_y.take(window)
    return Planes(found_x, found_y, value.take(window) - right * found_x - down * found_y, least)


def _error(value: Floats, residual: Floats, inverse: Floats) -> Floats:
    """A window's residual plus a pixel's own, squared; infinite where the plane does not lie before the camera."""
    error = (inverse - value) / np.maximum(value, TINY)
    error *= error
    error += residual
    np.copyto(error, np.inf, where=value <= 0)
    return error


def _score(error: Floats, least: float) -> Floats:
    score: Floats = np.rint(np.maximum(error, least) / _STEP)
    return score


def _limit(score: Floats) -> Floats:
    """What a window's residual must lie below for it to score less; no residual does where nothing can."""
    return np.where(score > _score(np.zeros(1), _NOISE**2), (score + 0.5) * _STEP, 0.0)
