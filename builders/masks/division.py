"""A picture divided into pieces: one number a pixel, whatever kind of annotation it comes from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import NotApplicable
from ..number_maps import Runs
from ..sample import Instance, SegmentMap
from ..view import View, union_of
from .stacking import stack


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing, one region of stuff, one part or one class; name: its class, or what else it is called by."""

    name: str
    thing: bool = True
    crowd: bool = False


@dataclass(frozen=True)
class Division:
    """Which piece each pixel belongs to.

    Attributes:
        runs: of a (H, W) map: 0 none, i + 1 for pieces[i]; neighbours may have the same number.
        pieces: each has at least one pixel.
    """

    runs: Runs
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, labels: NDArray[np.integer], pieces: Sequence[Piece]) -> Division:
        """Of a (H, W) map of these numbers."""
        return cls(Runs.of(labels), tuple(pieces))

    @cached_property
    def labels(self) -> NDArray[np.integer]:
        """(H, W) the number of each pixel's piece, uint8 or, of more than 255 pieces, int32."""
        return self.runs.spread(self.runs.numbers.astype(np.uint8 if len(self.pieces) < 256 else np.int32))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.runs.shape
        return height, width

    @property
    def size(self) -> int:
        """Pixels of the picture."""
        return self.shape[0] * self.shape[1]

    @cached_property
    def areas(self) -> list[int]:
        """Pixels of each piece."""
        pixels = np.bincount(self.runs.numbers, self.runs.lengths, len(self.pieces) + 1)
        areas: list[int] = pixels.astype(np.int64)[1:].tolist()
        return areas

    def keep(self, positions: Iterable[int]) -> Division:
        """Only the pieces at these positions, in this order; the others' pixels belong to none."""
        order = list(positions)
        if order == list(range(len(self.pieces))):
            return self
        table = np.zeros(len(self.pieces) + 1, np.int32)
        table[[position + 1 for position in order]] = np.arange(1, len(order) + 1)
        return self._renumbered(table, [self.pieces[position] for position in order])

    def without_small(self, least: float) -> Division:
        """Only the pieces of at least so many pixels."""
        return self.keep(position for position, area in enumerate(self.areas) if area >= least)

    def by_class(self) -> Division:
        """Pieces of one name joined, in the order of their first; a joined piece is a crowd when one of them is."""
        return self.joined([piece.name for piece in self.pieces])

    def joined(self, groups: Sequence[Hashable]) -> Division:
        """Pieces of one group joined, as `by_class` does; groups: of each piece."""
        joined: dict[Hashable, Piece] = {}
        for group, piece in zip(groups, self.pieces, strict=True):
            known = joined.get(group, piece)
            joined[group] = Piece(known.name, known.thing, known.crowd or piece.crowd)
        if len(joined) == len(self.pieces):
            return Division(self.runs, tuple(joined.values()))
        places = {group: position for position, group in enumerate(joined, start=1)}
        table = np.array([0, *(places[group] for group in groups)], np.int32)
        return self._renumbered(table, list(joined.values()))

    def mask(self, position: int) -> NDArray[np.uint8]:
        """(H, W) uint8 of 0 and 1: the pixels of one piece."""
        return self.runs.spread((self.runs.numbers == position + 1).view(np.uint8))

    def _renumbered(self, table: NDArray[np.int32], pieces: Sequence[Piece]) -> Division:
        return Division(self.runs.with_numbers(table[self.runs.numbers]), tuple(pieces))


def from_segments(view: View, segments: SegmentMap) -> Division:
    """The segments of a map that are shown.

    Raises:
        BadItem: the map cannot be read, or is not of the image's size.
    """
    pieces = {one.id: Piece(one.category.name, one.thing, one.crowd) for one in segments.segments if one.id != 0}
    return _from_values(view.segment_map(segments), pieces)


def from_classes(view: View) -> Division:
    """The classes of the sample's label map that are shown, values of one name joined.

    Raises:
        BadItem: the map cannot be read, or is not of the image's size.
    """
    names = view.sample.label_map.names if view.sample.label_map else {}
    pieces = {value: Piece(name, thing=False) for value, name in names.items()}
    return _from_values(view.label_map(), pieces).by_class()


def from_regions(view: View, least: float = 1) -> Division:
    """The connected regions (sides touch) of each class of the sample's label map, those of at least so many pixels.

    Raises:
        BadItem: the map cannot be read, or is not of the image's size.
    """
    classes = from_classes(view)
    runs = classes.runs.cut_at_rows()
    rows, firsts = np.divmod(np.cumsum(runs.lengths) - runs.lengths, runs.shape[1])
    numbers = np.zeros(len(runs.numbers), np.int32)
    pieces: list[Piece] = []
    for position, area in enumerate(classes.areas):
        if area < least:
            continue
        mine = np.flatnonzero(runs.numbers == position + 1)
        top, bottom = rows[mine[0]], rows[mine[-1]] + 1
        left, right = firsts[mine].min(), (firsts[mine] + runs.lengths[mine]).max()
        mask = (classes.labels[top:bottom, left:right] == position + 1).view(np.uint8)
        count, found = cv2.connectedComponents(mask, connectivity=4)
        owners = found[rows[mine] - top, firsts[mine] - left]  # a run lies in one region
        large = np.flatnonzero(np.bincount(owners, runs.lengths[mine], count) >= least)
        table = np.zeros(count, np.int32)
        table[large] = np.arange(1, len(large) + 1) + len(pieces)
        numbers[mine] = table[owners]
        pieces += [classes.pieces[position]] * len(large)
    return Division(runs.with_numbers(numbers), tuple(pieces))


def from_instances(view: View, instances: Sequence[Instance]) -> Division:
    """What is shown of the instances that have masks, as `from_groups` lays it out.

    Raises:
        BadItem: a mask cannot be rasterised.
    """
    masked = [one for one in instances if one.segmentation is not None]
    return from_groups(view, [(Piece(one.category.name, True, one.crowd), [one]) for one in masked])


def from_groups(view: View, groups: Sequence[tuple[Piece, Sequence[Instance]]]) -> Division:
    """Pieces that each are the union of some instances; where they overlap, the smaller lies on top.

    Raises:
        BadItem: a mask cannot be rasterised.
    """
    found = stack([union_of(members, view.sample) for _, members in groups], view.geometry)
    division = Division.of(found.labels, [groups[position][0] for position in found.order])
    areas = division.areas
    shown = {position: rank for rank, position in enumerate(found.order) if areas[rank]}
    return division.keep(shown[position] for position in sorted(shown))


def classes_of(view: View) -> Division:
    """The classes in the picture, from the sample's label map, else its segments, else its instances.

    Raises:
        BadItem: the annotation cannot be read.
        NotApplicable: it has none of them.
    """
    if view.sample.label_map is not None:
        return from_classes(view)
    if view.sample.segments is not None:
        return from_segments(view, view.sample.segments).by_class()
    found = from_instances(view, view.sample.instances)
    if not found.pieces:
        raise NotApplicable("the image has no label map, no segments and no masks")
    return found.by_class()


def _from_values(values: NDArray[np.integer], pieces: Mapping[int, Piece]) -> Division:
    """Pieces by the value of their pixels; other values belong to none."""
    runs = Runs.of(values)
    if not pieces:
        return Division(runs.with_numbers(np.zeros(len(runs.numbers), np.int32)), ())
    known = np.array(sorted(pieces), np.int64)
    places = np.minimum(np.searchsorted(known, runs.numbers), len(known) - 1)
    numbers = np.where(known[places] == runs.numbers, places + 1, 0)
    return Division(runs.with_numbers(numbers), tuple(pieces[value] for value in known.tolist())).without_small(1)
