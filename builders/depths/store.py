"""Depth maps inside an annotation: a 16-bit grey PNG in base64, with its unit."""

from __future__ import annotations

import base64
import binascii
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.images import read_map

FARTHEST_M: Final = 10_000.0
"""Values from here on are marks for the sky or for nothing (65504, 1e10), not distances; they count as none."""

_FINEST_M = 0.001
_MOST = 65_535


def to_units(depth_m: NDArray[np.float32]) -> tuple[NDArray[np.uint16], float]:
    """Depth as whole numbers of a unit.

    Args:
        depth_m: (H, W) float32 metres; 0, negative, NaN, infinite or from `FARTHEST_M` on where there is none.

    Returns:
        (H, W) uint16, 0 where there is none, and the unit in metres: 1 mm, doubled until the farthest fits.
    """
    kept = depth_m
    if not (depth_m.min(initial=0) >= 0 and depth_m.max(initial=0) < FARTHEST_M):  # NaN is neither
        kept = np.where((depth_m > 0) & (depth_m < FARTHEST_M), depth_m, np.float32(0))
    farthest = float(kept.max(initial=0))
    unit_m = _FINEST_M * 2.0 ** max(0, math.ceil(math.log2(max(farthest, _FINEST_M) / (_FINEST_M * _MOST))))
    scaled = kept * np.float32(1 / unit_m)
    units = np.rint(scaled, out=scaled).astype(np.uint16)
    if np.count_nonzero(units) < np.count_nonzero(kept):  # nearer than half a unit is still a depth
        np.copyto(units, np.uint16(1), where=(kept > 0) & (units == 0))
    return units, unit_m


def to_annotation(units: NDArray[np.uint16], unit_m: float) -> dict[str, Any]:
    """The JSON-able keys `unit_m` and `depth_png` of an annotation."""
    return {"unit_m": unit_m, "depth_png": base64.b64encode(_encode(units)).decode()}


def from_annotation(annotation: Mapping[str, Any]) -> tuple[NDArray[np.uint16], float]:
    """The inverse of `to_annotation`.

    Raises:
        BadItem: the keys are missing, or hold something else.
    """
    try:
        data = base64.b64decode(annotation["depth_png"], validate=True)
        unit_m = float(annotation["unit_m"])
    except (KeyError, TypeError, ValueError, binascii.Error) as fault:
        raise BadItem(f"annotation holds no depth map: {fault!r}") from fault
    units = read_map(data)
    if units.ndim != 2 or units.dtype != np.uint16:
        raise BadItem(f"depth map of the annotation is {units.dtype} {units.shape}, not 16-bit grey")
    return units.astype(np.uint16, copy=False), unit_m


def _encode(units: NDArray[np.uint16]) -> bytes:
    """16-bit grey PNG, fast deflate; filter "up" for dense maps, none for sparse ones, the smaller way for each."""
    height, width = units.shape
    flat = units.astype(">u2", order="C").view(np.uint8)
    dense = 2 * np.count_nonzero(units) > units.size
    rows = np.empty((height, 1 + 2 * width), np.uint8)
    rows[:, 0] = 2 if dense else 0
    rows[:1, 1:] = flat[:1]
    if dense:
        np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    else:
        rows[1:, 1:] = flat[1:]
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", isal_zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
        for kind, data in chunks
    )
