"""Aesthetics: LAION's predictors of how much people like a picture, from CLIP embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from ..scorer import Column, EmbeddedPairs, Embedder, EmbeddingScorer, Vectors
from ._heads import read_head, unit_vectors

KNOWN_HEADS: Final[Mapping[str, tuple[str, str]]] = {
    "2cd4e60f4f24ae3bcd57b847b13c1f3ba27edc28cc1a7f9ce74ee9f421243cba": ("V1 L/14", "ViT-L-14"),
    "c7b14cead230694acc7b9447974d3cad78003c72da032e402a303b6c2429e85f": ("V1 B/32", "ViT-B-32"),
    "8ad3923d7ecf019df20ecd2ab5542a3075fbba0278d239c0371345f3d7fcbde0": ("V1 B/16", "ViT-B-16"),
    "21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0": ("V2 SAC + logos + AVA", "ViT-L-14"),
    "390a3aafaf3b37d57148f9b22f30556de38343064b7d915acfa80d3812b4c9ff": ("V2 AVA + logos", "ViT-L-14"),
    "0af3254c651d55b7ea851429c20f26ec880bb0169805a4df85b814bd7966f3e4": ("V2 AVA + logos, ReLU", "ViT-L-14"),
}
"""SHA-256 of a published file -> what it is, and the OpenAI CLIP it was trained on."""


class Aesthetics(EmbeddingScorer):
    """A head on u = e / |e|, for the CLIP embedding e of source and target; the score is what the head gives.

    V1 is one linear layer (LAION-AI/aesthetic-predictor), V2 five of them without activation or with ReLU
    (christophschuhmann/improved-aesthetic-predictor). Their scales differ: V2 was trained on ratings of 1 to 10.

    Args:
        head: file of the head's weights.
        relu: whether a ReLU stands between its layers; told from LAION's layer numbers when not given.
        label: ends the columns' names, where one run scores with several heads.

    Raises:
        UsageError: the file is missing, or no such head.
    """

    name: ClassVar[str] = "aesthetics"

    def __init__(self, head: Path, relu: bool | None = None, label: str = "") -> None:
        self._head = read_head(head, relu)
        if self._head.outputs != 1:
            raise UsageError(f"{head} gives {self._head.outputs} numbers; a head for aesthetics gives one")
        self.label = label
        self._what, self._backbone = KNOWN_HEADS.get(self._head.sha256, (head.name, ""))
        self.identity: Mapping[str, Any] = self._head.identity

    @property
    def columns(self) -> Sequence[Column]:
        """Scores of both sides and their gap."""
        end = f"_{self.label}" if self.label else ""
        what = f"LAION aesthetics by the head {self._what}, no bounds"
        return (
            Column(f"source_aesthetics{end}", "source", "higher", what),
            Column(f"target_aesthetics{end}", "target", "higher", what),
            Column(f"aesthetics_gap{end}", "pair", "", f"target_aesthetics{end} less source_aesthetics{end}"),
        )

    def check_embedder(self, embedder: Embedder) -> None:
        """Refuse vectors of another length.

        Raises:
            UsageError: they are.
        """
        self._head.check_embedder(embedder)

    def caution_about(self, embedder: Embedder) -> str:
        """A head means something only on the vectors it was trained on."""
        found = super().caution_about(embedder)
        if not embedder.has_text:
            return _joined(found, f"{embedder.name} is no CLIP: what the head makes of its vectors is no beauty")
        if self._backbone and embedder.name != f"{self._backbone}-quickgelu/openai":
            trained = f"OpenAI's {self._backbone}"
            return _joined(found, f"the head {self._what} was trained on {trained}, not on {embedder.name}")
        return found

    def score(self, pairs: EmbeddedPairs) -> Mapping[str, NDArray[np.float64]]:
        """Score a batch; NaN where a picture has no embedding, or one of length 0."""
        source, target = self._of(pairs.source), self._of(pairs.target)
        names = [column.name for column in self.columns]
        return dict(zip(names, (source, target, target - source), strict=True))

    def _of(self, vectors: Vectors) -> NDArray[np.float64]:
        return self._head(unit_vectors(vectors))[:, 0].astype(np.float64)


def _joined(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second
