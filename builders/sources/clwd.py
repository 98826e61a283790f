"""CLWD: photographs with coloured watermarks, the same without, and where the watermark lies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.images import read_map
from ..reading.pair_matching import Half, NamedPairSource, PairRule
from ..sample import Feature, FileBytes, LabelMap, Sample
from ..source import Entry

_WATERMARK = 1


class Clwd(NamedPairSource):
    """Colored Large-scale Watermark Dataset: 60,000 training and 10,000 test pairs of 256x256.

    Twins have the same number. The mask, where there is one, also makes a label map with the class "watermark";
    the alpha mattes are not used.
    """

    name = "clwd"
    title = "CLWD (watermark removal)"
    homepage = "https://github.com/MRUIL/WDNet"
    license = "not stated by its authors"
    splits = ("train", "test")
    features = Feature.RESTORATION | Feature.SEMANTIC
    tree = """  CLWD/
    train/Watermarked_image/1.jpg …                     (and test/)
    train/Watermark_free_image/1.jpg …
    train/Mask/1.png …                                  (optional)
    train/Alpha/1.png …                                 (not used)"""
    kind = "watermark"
    wrappers = ("CLWD",)

    def folders(self) -> list[Path]:
        return [self.require(self.split, folder=True)]

    def rule(self) -> PairRule:
        split = re.escape(self.split)
        return PairRule(f"{split}/Watermarked_image/(?P<name>[^/]+)", f"{split}/Watermark_free_image/(?P<name>[^/]+)")

    def entry(self, degraded: Half, clean: Half) -> Entry:
        found = super().entry(degraded, clean)
        mask = f"{self.split}/Mask/{clean.key}.png"
        if not (self.path / mask).is_file():
            return found
        record = {**found.record, "mask": mask}
        return replace(found, features=self.features, record=record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        found = super().sample(entry_id, record)
        if "mask" not in record:
            return found
        load = partial(_load_mask, FileBytes(self.file(record["mask"])))
        return replace(found, label_map=LabelMap({_WATERMARK: "watermark"}, load))


def _load_mask(file: FileBytes) -> NDArray[np.integer]:
    """(H, W) uint8: 1 where the mask is brighter than half, else 0."""
    values = read_map(file.read())
    if values.dtype != np.uint8:
        raise BadItem(f"mask {file.path.name} has {values.dtype.itemsize * 8} bits; 8 are needed")
    grey = values if values.ndim == 2 else values.max(axis=2)
    return ((grey > 127) * _WATERMARK).astype(np.uint8)
