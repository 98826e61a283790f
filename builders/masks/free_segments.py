"""Segments in colours that the painter chooses: drawn apart, found again as clusters of colour, matched by overlap."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.target import FlatTarget
from ..marks.palette import Color, RGBTuple
from . import regions
from .color_clusters import cluster_colors
from .division import Division
from .free_colors import CAPACITY, pack_colors
from .painting import stated, targets_in
from .regions import Rle

MIN_PIXELS: Final = 16
"""Smaller segments are left to the background: 4 by 4 pixels hold a colour that noise does not hide."""
MAX_CROWD_HELP: Final = (
    "most of the image that regions of many things, not told apart, may cover; they are drawn as background"
)
_TRIES: Final = 4
_SPARSE: Final = 8
_MATCH: Final = 0.5
"""Segments whose IoU is above one half match, and then at most one does; Kirillov et al. 2019, panoptic quality."""


def without_crowds(division: Division, most: float) -> Division:
    """The pieces that are no regions of many things.

    Args:
        division: all pieces.
        most: share of the image that those regions may cover.

    Raises:
        NotApplicable: they cover more.
    """
    crowds = [area for piece, area in zip(division.pieces, division.areas, strict=True) if piece.crowd]
    share = sum(crowds) / division.size
    if share > most:
        raise NotApplicable(f"regions of many things, not told apart, cover {share:.1%} of the image")
    return division.keep(place for place, piece in enumerate(division.pieces) if not piece.crowd)


def paint_free(
    division: Division, background: Color, legend: Mapping[int, Color], draw: random.Random
) -> tuple[FlatTarget, dict[str, Any], dict[str, Any]]:
    """Paint every piece in a colour of its own.

    Args:
        division: what to paint.
        background: the colour of what belongs to no piece.
        legend: stated colours, by position of the piece; the others get free ones.
        draw: the unit's randomness.

    Returns:
        Target, params (background and legend) and annotation: the legend's segments in its order, then the free ones.

    Raises:
        NotApplicable: there are more free segments than colours, or thin ones would be taken for blends.
    """
    pieces = division.pieces
    free = [position for position in range(len(pieces)) if position not in legend]
    taken = [background.rgb, *(color.rgb for color in legend.values())]
    if len(free) > CAPACITY[64]:
        raise NotApplicable(f"{len(free)} segments are more than the {CAPACITY[64]} colors that are well apart")
    index = division.labels.astype(np.uint8, copy=False)
    shown = np.array([division.size - sum(division.areas), *division.areas]) > 0
    for _ in range(_TRIES):
        mixed: dict[int, RGBTuple] = dict(zip(free, pack_colors(len(free), draw, avoid=taken), strict=True))
        mixed |= {position: color.rgb for position, color in legend.items()}
        palette = np.array([background.rgb, *(mixed[position] for position in range(len(pieces)))], np.uint8)
        if _can_be_read(index, shown, palette):
            break
    else:
        raise NotApplicable("a segment is so thin that its color could be a blend of those beside it")
    order = [*legend, *free]
    params = {
        "background": stated(background),
        "legend": targets_in([pieces[position].name for position in legend], list(legend.values())),
    }
    rles = regions.encode_each(index, len(pieces))
    segments = [{**_segment(rles[place], pieces[place].name), "thing": pieces[place].thing} for place in order]
    return FlatTarget(index, palette), params, {"size": list(index.shape), "segments": segments}


def decode_free(target: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
    """Segments by their colours: those of the legend, then every other cluster of colour.

    With `split` in params, parts of a free colour that do not touch are segments of their own.
    """
    legend = params["legend"]
    known = [tuple(params["background"]["rgb"]), *(tuple(asked["rgb"]) for asked in legend)]
    clusters = cluster_colors(target, known)
    rles = regions.encode_each(clusters.labels, len(clusters.colors) - 1)
    segments = [_segment(rle, asked["name"]) for rle, asked in zip(rles, legend, strict=False)]
    for rle in rles[len(legend) :]:
        parts = _connected(rle) if params.get("split") else [rle]
        segments += [found for part in parts if (found := _segment(part, None))["area"] >= MIN_PIXELS]
    return {"size": list(target.shape[:2]), "segments": segments}


def compare_free(
    decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, float]:
    """Panoptic quality without classes, but for those of the legend.

    Returns:
        pq: sum of the IoU of matched segments over their number plus half of the missed and the extra ones;
        min_iou: of the worst true segment, 0 when it is missed; missed and extra segments.
    """
    listed = len(params["legend"])
    found, true = decoded["segments"], annotation["segments"]
    pairs = [*zip(found[:listed], true[:listed], strict=True)]
    ious = [float(_ious([first], [second])[0, 0]) for first, second in pairs if first["area"] and second["area"]]
    matched = [iou for iou in ious if iou > _MATCH]
    table = _ious(found[listed:], true[listed:])
    matched += table[table > _MATCH].tolist()
    present = [sum(1 for one in side if one["area"]) for side in (found, true)]
    extra, missed = (count - len(matched) for count in present)
    weight = len(matched) + (missed + extra) / 2
    worst = min(matched, default=1.0) if missed == 0 else 0.0
    return {
        "pq": sum(matched) / weight if weight else 1.0,
        "min_iou": worst,
        "missed": float(missed),
        "extra": float(extra),
    }


def is_connected(mask: NDArray[np.uint8]) -> bool:
    """Whether all pixels of a mask, of which there is one at least, hang together, by sides or corners."""
    left, top, width, height = cv2.boundingRect(mask)
    return int(cv2.connectedComponents(mask[top : top + height, left : left + width], connectivity=8)[0]) <= 2


def _can_be_read(index: NDArray[np.uint8], shown: NDArray[np.bool_], palette: NDArray[np.uint8]) -> bool:
    """Whether the clusters of the drawn picture are its colours; only segments without a core can be mistaken.

    Args:
        index: (H, W) positions in the palette.
        shown: (N,) whether a pixel has each of them.
        palette: (N, 3).
    """
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.compare(cv2.erode(index, kernel), cv2.dilate(index, kernel), cv2.CMP_EQ)
    for step in (_SPARSE, 1):  # few pixels mostly show that all have a core
        cores = np.bincount(index[::step, ::step][core[::step, ::step] != 0], minlength=len(palette)) > 0
        if not (shown & ~cores).any():
            return True
    return len(cluster_colors(palette[index]).colors) == int(shown.sum())


def _segment(rle: Rle, name: str | None) -> dict[str, Any]:
    return {"name": name, "rle": regions.to_json(rle), "area": regions.area(rle)}


def _connected(rle: Rle) -> list[Rle]:
    """The parts of a region that do not touch, not even by a corner."""
    count, labels = cv2.connectedComponents(regions.decode(rle), connectivity=8)
    return regions.encode_each(labels, count - 1)


def _ious(found: Sequence[Mapping[str, Any]], true: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """(N, M) intersection over union."""
    if not found or not true:
        return np.zeros((len(found), len(true)))
    first, second = ([regions.from_json(one["rle"]) for one in side] for side in (found, true))
    table: NDArray[np.float64] = coco_mask.iou(first, second, [0] * len(second))
    return table
