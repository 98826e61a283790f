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
from . import regions


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
        labels: (H, W) int32: 0 none, i + 1 for pieces[i].
        pieces: each has at least one pixel.
    """

    labels: NDArray[np.int32]
    pieces: tuple[Piece, ...]

    @cached_property
    def areas(self) -> list[int]:
        """Pixels of each piece."""
        runs = Runs.of(self.labels)
        areas: list[int] = np.bincount(runs.numbers, runs.lengths, len(self.pieces) + 1).astype(np.int64)[1:].tolist()
        return areas

    def keep(self, positions: Iterable[int]) -> Division:
        """Only the pieces at these positions, in this order; the others' pixels belong to none."""
        order = list(positions)
        if order == list(range(len(self.pieces))):
            return self
        table = np.zeros(len(self.pieces) + 1, np.int32)
        table[[position + 1 for position in order]] = np.arange(1, len(order) + 1)
        return Division(_renumbered(self.labels, table), tuple(self.pieces[position] for position in order))

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
        pieces = tuple(joined.values())
        if len(joined) == len(self.pieces):
            return Division(self.labels, pieces)
        places = {group: position for position, group in enumerate(joined, start=1)}
        return Division(_renumbered(self.labels, np.array([0, *(places[group] for group in groups)], np.int32)), pieces)

    def mask(self, position: int) -> NDArray[np.uint8]:
        """(H, W) uint8 of 0 and 1: the pixels of one piece."""
        return (self.labels == position + 1).view(np.uint8)


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


def from_regions(view: View) -> Division:
    """The connected regions (sides touch) of each class of the sample's label map.

    Raises:
        BadItem: the map cannot be read, or is not of the image's size.
    """
    classes = from_classes(view)
    labels = np.zeros(classes.labels.shape, np.int32)
    pieces: list[Piece] = []
    for position, piece in enumerate(classes.pieces):
        mask = classes.mask(position)
        left, top, width, height = cv2.boundingRect(mask)
        box = slice(top, top + height), slice(left, left + width)
        count, found = cv2.connectedComponents(mask[box], connectivity=4)
        inside = found != 0
        found += len(pieces)
        np.copyto(labels[box], found, where=inside)
        pieces += [piece] * (count - 1)
    return Division(labels, tuple(pieces))


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
    masks = [view.shown(union_of(members, view.sample)) for _, members in groups]
    sizes = [regions.area(rle) for _, rle in masks]
    labels = np.zeros(view.size_wh[::-1], np.int32)
    for position in sorted(range(len(groups)), key=lambda position: -sizes[position]):
        labels[masks[position][0] != 0] = position + 1
    return Division(labels, tuple(piece for piece, _ in groups)).without_small(1)


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
    if not pieces:
        return Division(np.zeros(values.shape, np.int32), ())
    known = np.array(sorted(pieces), np.int64)
    runs = Runs.of(values)
    places = np.minimum(np.searchsorted(known, runs.numbers), len(known) - 1)
    labels = runs.spread(np.where(known[places] == runs.numbers, places + 1, 0).astype(np.int32))
    return Division(labels, tuple(pieces[value] for value in known.tolist())).without_small(1)


def _renumbered(labels: NDArray[np.int32], table: NDArray[np.int32]) -> NDArray[np.int32]:
    runs = Runs.of(labels)
    return runs.spread(table[runs.numbers])
