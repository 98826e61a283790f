"""NSS distance: how much the natural scene statistics of source and target differ. Needs no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..scorer import Column, EmbeddedPairs, EmbeddingScorer


class NssDistance(EmbeddingScorer):
    """Euclidean distance of the 36 features of `nss`, decorrelated and in standard deviations over photographs.

    Blur, noise and blocking that one side has and the other has not make it large. It says neither which side is the
    better one nor anything about beauty.
    """

    name: ClassVar[str] = "nss_distance"
    embedder = "nss"
    identity: Mapping[str, Any] = {"version": 1}
    columns: Sequence[Column] = (
        Column("nss_distance", "pair", "", "distance of natural scene statistics, in standard deviations, 0 and up"),
    )

    def score(self, pairs: EmbeddedPairs) -> Mapping[str, NDArray[np.float64]]:
        """Score a batch; NaN where a picture has no statistics."""
        difference = pairs.target.astype(np.float64) - pairs.source.astype(np.float64)
        return {"nss_distance": np.linalg.norm(difference, axis=1)}
