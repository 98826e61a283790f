"""Masks to COCO segmentations: polygons with holes cut by a slit, and column-major run lengths."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]
ENLARGE = 4
SIMPLIFY = 2.0
SMALLEST_PIECE = 6.0


def mask_to_polygons(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Outline a mask as COCO polygons.

    COCO polygons have no holes, so a hole is joined to its outline by a slit of no width, as in a keyhole.

    Args:
        mask: (H, W) bool.

    Returns:
        One flat [x1, y1, x2, y2, ...] a piece, in pixels from the upper left corner of the image, two decimals.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return []
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    # Contours run through the centres of border pixels; enlarging first makes the half pixel lost an eighth.
    large = np.pad(part.repeat(ENLARGE, 0).repeat(ENLARGE, 1), 1)
    contours, links = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    polygons = []
    for index, contour in enumerate(contours):
        if links[0][index][3] >= 0 or cv2.contourArea(contour) < SMALLEST_PIECE * ENLARGE**2:
            continue
        ring, child = _simplified(contour), int(links[0][index][2])
        while child >= 0:
            if cv2.contourArea(contours[child]) >= SMALLEST_PIECE * ENLARGE**2:
                ring = _with_hole(ring, _simplified(contours[child]))
            child = int(links[0][child][0])
        if len(ring) >= 3:
            points = (ring - 0.5) / ENLARGE + (left, top)
            polygons.append([round(float(value), 2) for value in points.reshape(-1)])
    return polygons


def _simplified(contour: NDArray[Any]) -> Ring:
    return np.asarray(cv2.approxPolyDP(contour, SIMPLIFY, True), np.float64).reshape(-1, 2)


def _with_hole(ring: Ring, hole: Ring) -> Ring:
    """Join a hole to an outline where they are nearest; findContours runs holes the other way round."""
    gaps = ((ring[:, None, :] - hole[None, :, :]) ** 2).sum(2)
    at, start = np.unravel_index(int(gaps.argmin()), gaps.shape)
    turned = np.concatenate([hole[start:], hole[: start + 1]])
    return np.concatenate([ring[: at + 1], turned, ring[at:]])


def polygons_area(polygons: list[list[float]]) -> float:
    """Return the area of COCO polygons by the shoelace formula, square pixels."""
    total = 0.0
    for flat in polygons:
        x, y = np.array(flat[0::2]), np.array(flat[1::2])
        total += abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return total


def polygons_xywh(polygons: list[list[float]]) -> list[float]:
    """Return the bounding box of COCO polygons: x, y, width, height, pixels."""
    x = [value for flat in polygons for value in flat[0::2]]
    y = [value for flat in polygons for value in flat[1::2]]
    return [min(x), min(y), round(max(x) - min(x), 2), round(max(y) - min(y), 2)]


def mask_to_counts(mask: NDArray[np.bool_]) -> list[int]:
    """Return COCO's uncompressed run lengths: column after column, the first run counts zeros."""
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], changes, [len(flat)]])
    runs = [int(run) for run in np.diff(edges)]
    return [0, *runs] if flat[0] else runs
