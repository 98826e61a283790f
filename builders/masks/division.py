"""A picture divided into pieces: one number a pixel, whatever kind of annotation it comes from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import NotApplicable
from ..number_maps import Runs, region_of_each
from ..sample import Instance, SegmentMap
from ..view import View, union_of
from .regions import Rle
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
    known = {one.id: one for one in segments.segments if one.id != 0}

    def piece(value: int) -> Piece:
        one = known[value]
        return Piece(one.category.name, one.thing, one.crowd)

    return _from_values(view.segment_map(segments), known, piece)


def from_classes(view: View) -> Division:
    """The classes of the sample's label map that are shown, values of one name joined.

    Raises:
        BadItem: the map cannot be read, or is not of the image's size.
    """
    names = view.sample.label_map.names if view.sample.label_map else {}
    return _from_values(view.label_map(), names, lambda value: Piece(names[value], thing=False)).by_class()


def from_regions(view: View) -> Division:
    """The connected regions (sides touch) of each class of the sample's label map.

    Raises:
        BadItem: the map cannot be read, or is not of the image's size.
    """
    classes = from_classes(view)
    runs = classes.runs.renumbered(classes.runs.numbers).cut_at_rows()  # where classes were joined, runs are, too
    owners = region_of_each(runs)
    firsts = np.flatnonzero((owners == np.arange(len(owners))) & (runs.numbers != 0))
    firsts = firsts[np.argsort(runs.numbers[firsts], kind="stable")]  # class by class
    numbers = np.zeros(len(owners), np.int32)
    numbers[firsts] = np.arange(1, len(firsts) + 1)
    pieces = tuple(classes.pieces[number - 1] for number in runs.numbers[firsts].tolist())
    return Division(runs.with_numbers(numbers[owners]), pieces)


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
    return from_masks(view, [(piece, union_of(members, view.sample)) for piece, members in groups])


def from_masks(view: View, masks: Sequence[tuple[Piece, Rle]]) -> Division:
    """What is shown of pieces of the source image; where they overlap, the smaller lies on top."""
    found = stack([rle for _, rle in masks], view.geometry)
    division = Division.of(found.labels, [masks[position][0] for position in found.order])
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


def _from_values(values: NDArray[np.integer], known: Iterable[int], piece: Callable[[int], Piece]) -> Division:
    """Pieces by the value of their pixels, ascending, each made by `piece`; other values than the known are none's."""
    runs = Runs.of(values)
    sought = np.array(sorted(known), np.int64)
    if not len(sought):
        return Division(runs.with_numbers(np.zeros(len(runs.numbers), np.int32)), ())
    places = np.minimum(np.searchsorted(sought, runs.numbers), len(sought) - 1)
    holds = sought[places] == runs.numbers
    occurring = np.flatnonzero(np.bincount(places[holds], minlength=len(sought)))
    table = np.zeros(len(sought), np.int32)
    table[occurring] = np.arange(1, len(occurring) + 1)
    numbers = np.where(holds, table[places], 0)
    return Division(runs.with_numbers(numbers), tuple(piece(value) for value in sought[occurring].tolist()))
