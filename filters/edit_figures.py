"""Figures of a drawn edit that need CLIP: likeness, direction of the change, beauty. For judging models, not pairs."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..manifests.images import RGB
from .scorer import EmbeddedPairs, Embedder, Vectors
from .scorers.aesthetics import Aesthetics
from .scorers.clip_similarity import ClipSimilarity

_KEPT: Final = 256


class EditFigures:
    """Of each drawn picture of the task `edit`, by the same scorers as `taskpaint score`.

    `clip_source` and `clip_target`: cosine of the drawn picture with the source (InstructPix2Pix's image similarity)
    and with the target (MagicBrush's CLIP-I). `clip_text` and `clip_direction`, where the row has captions: with the
    target's caption (CLIP-T), and of the change in pictures with the change in captions. `aesthetics`: where a head is
    given.

    Args:
        embedder: a CLIP.
        head: file of an aesthetics head; None for none.
        device: of torch.

    Raises:
        UsageError: weights that are missing, or a head that does not fit the embedder.
    """

    tasks = frozenset(["edit"])

    def __init__(self, embedder: Embedder, head: Path | None = None, device: str = "cpu") -> None:
        self._embedder, self._similarity = embedder, ClipSimilarity()
        self._aesthetics = Aesthetics(head) if head else None
        if self._aesthetics:
            self._aesthetics.check_embedder(embedder)
        self._embed = embedder.open(device)
        self._embed_text = embedder.open_text(device) if embedder.has_text else None
        self._kept: OrderedDict[str, tuple[Vectors, Vectors]] = OrderedDict()

    def __call__(self, row: Mapping[str, Any], source: RGB, target: RGB, drawn: RGB) -> dict[str, float]:
        """Of one row; what cannot be told is left out.

        Args:
            row: its `id` and `annotation`.
            source, target, drawn: (H, W, 3) uint8.
        """
        pictures, captions = self._of_row(row, source, target)
        mine = self._pictures(drawn)
        found = self._scores(pictures[:1], mine, captions)
        figures = {
            "clip_source": found["image_similarity"],
            "clip_target": self._scores(pictures[1:], mine, captions)["image_similarity"],
            "clip_text": found["text_similarity"],
            "clip_direction": found["direction_similarity"],
        }
        if self._aesthetics:
            figures["aesthetics"] = self._aesthetics.score(_pairs(mine, mine, captions))["target_aesthetics"]
        return {name: float(value[0]) for name, value in figures.items() if not np.isnan(value[0])}

    def _scores(self, first: Vectors, second: Vectors, captions: Vectors) -> Mapping[str, Any]:
        return self._similarity.score(_pairs(first, second, captions))

    def _of_row(self, row: Mapping[str, Any], source: RGB, target: RGB) -> tuple[Vectors, Vectors]:
        """(2, dim) of the pictures, (2, dim) of the captions; kept, as several predictors are judged by them."""
        key = str(row["id"])
        if key not in self._kept:
            self._kept[key] = self._pictures(source, target), self._captions(row)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _pictures(self, *pictures: RGB) -> Vectors:
        return self._embed(np.stack([self._embedder.prepare(one) for one in pictures]))

    def _captions(self, row: Mapping[str, Any]) -> Vectors:
        told = json.loads(row["annotation"])
        texts = [told.get(f"{side}_caption") for side in ("source", "target")]
        if self._embed_text is None or not all(isinstance(text, str) and text.strip() for text in texts):
            return np.full((2, self._embedder.dim), np.nan, np.float32)
        return self._embed_text(texts)


def _pairs(source: Vectors, target: Vectors, captions: Vectors) -> EmbeddedPairs:
    return EmbeddedPairs(source, target, captions[:1], captions[1:], (b"",), (b"",))
