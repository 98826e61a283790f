"""CLIP similarity: how alike source and target are, and how well each fits its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..scorer import Column, EmbeddedPairs, Embedder, EmbeddingScorer, Vectors
from ._heads import unit_vectors


class ClipSimilarity(EmbeddingScorer):
    """The cosines by which InstructPix2Pix chose its pairs (Brooks, Holynski and Efros, CVPR 2023).

    With u for embeddings of length 1: picture and picture u_s · u_t; picture and caption u_t · c_t; and the cosine of
    u_t - u_s and c_t - c_s, whether the pictures change as the captions do (Gal et al., StyleGAN-NADA).
    """

    name: ClassVar[str] = "clip_similarity"
    identity: Mapping[str, Any] = {"version": 1}
    needs_captions = True
    columns: Sequence[Column] = (
        Column("image_similarity", "pair", "", "CLIP cosine of source and target, -1 to 1"),
        Column("text_similarity", "pair", "higher", "CLIP cosine of the target and its caption, -1 to 1"),
        Column("source_text_similarity", "source", "higher", "CLIP cosine of the source and its caption, -1 to 1"),
        Column(
            "direction_similarity",
            "pair",
            "higher",
            "cosine of the change in the pictures and the change in the captions, -1 to 1",
        ),
    )

    def caution_about(self, embedder: Embedder) -> str:
        """Similarities are published for CLIP."""
        found = super().caution_about(embedder)
        if embedder.has_text:
            return found
        return "; ".join(filter(None, (found, f"{embedder.name} is no CLIP: the published thresholds do not apply")))

    def score(self, pairs: EmbeddedPairs) -> Mapping[str, NDArray[np.float64]]:
        """Score a batch; NaN where a picture has no embedding, a caption is missing, or nothing changed."""
        source, target = unit_vectors(pairs.source), unit_vectors(pairs.target)
        nothing = np.full_like(source, np.nan)
        captions = (pairs.source_caption, pairs.target_caption)
        before, after = (nothing if caption is None else unit_vectors(caption) for caption in captions)
        return {
            "image_similarity": _cosine(source, target),
            "text_similarity": _cosine(target, after),
            "source_text_similarity": _cosine(source, before),
            "direction_similarity": _cosine(unit_vectors(target - source), unit_vectors(after - before)),
        }


def _cosine(first: Vectors, second: Vectors) -> NDArray[np.float64]:
    """Of rows of length 1: (n, dim), (n, dim) -> (n,)."""
    return np.clip(np.einsum("ij,ij->i", first, second, dtype=np.float64), -1, 1)
