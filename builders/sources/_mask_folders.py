"""Photographs in one folder, a mask of one subject each in another, under the same names."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..sample import Feature, FileBytes, LabelMap, Sample
from ..source import Entry, Reject, Source
from ._map_objects import read_grey

_HALF = 128
"""Masks are white on black, some with soft edges; from here on a pixel counts as white."""


class MaskFolders(Source, abc.ABC):
    """Base of datasets that mark one kind of thing a photograph."""

    features = Feature.SEMANTIC
    photo_suffixes: ClassVar[tuple[str, ...]] = (".jpg",)

    @abc.abstractmethod
    def photographs(self) -> Path:
        """The split's folder of photographs."""

    @abc.abstractmethod
    def masks(self) -> Path:
        """The split's folder of masks."""

    @abc.abstractmethod
    def subject(self, stem: str) -> str:
        """What the mask of a photograph marks; empty: the photograph is left out, as there is nothing to mark.

        Raises:
            BadItem: the name says nothing that makes sense.
        """

    def inputs(self) -> list[Path]:
        return [self.photographs(), self.masks()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        photographs, masks = self.inputs()
        photos = {file.stem: file.name for file in photographs.iterdir() if file.suffix.lower() in self.photo_suffixes}
        marked = {file.stem: file.name for file in masks.iterdir() if file.suffix.lower() == ".png"}
        for stem in sorted(photos.keys() | marked.keys()):
            if stem not in marked:
                reject(stem, f"mask {stem}.png is missing in {masks.relative_to(self.path)}")
            elif stem not in photos:
                reject(stem, f"photograph {stem}{self.photo_suffixes[0]} is missing in {photographs.name}")
            elif self.subject(stem):
                record = {"photo": photos[stem], "mask": marked[stem]}
                yield Entry(stem, f"{self.name}/{stem}", Feature.SEMANTIC, record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        mask = FileBytes(self.masks() / record["mask"])
        return Sample(
            id=entry_id,
            image=FileBytes(self.photographs() / record["photo"]),
            label_map=LabelMap({1: self.subject(entry_id)}, partial(_load_mask, mask)),
        )


def _load_mask(file: FileBytes) -> NDArray[np.integer]:
    """(H, W) uint8, 1 where the mask is white; masks of 0 and 1 are taken as they are."""
    values = read_grey(file, "mask")
    return (values > 0 if values.max(initial=0) == 1 else values >= _HALF).astype(np.uint8)
