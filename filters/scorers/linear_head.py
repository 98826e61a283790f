"""Linear head: a classifier of your own on CLIP embeddings, for safety, watermarks and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from ..scorer import Column, EmbeddedPairs, Embedder, EmbeddingScorer, Vectors
from ._heads import read_head, unit_vectors

Activation = Literal["none", "sigmoid", "softmax"]


class LinearHead(EmbeddingScorer):
    """One output of linear layers on the embeddings of source and target.

    Args:
        head: file of the head's weights.
        label: what it finds ("watermark", "unsafe"); it names the columns.
        output: which of the head's numbers, from 0.
        activation: what makes a score of it.
        normalize: whether the head takes vectors of length 1.
        relu: whether a ReLU stands between its layers; told from the layers' numbers when not given.
        better: which way is better.

    Raises:
        UsageError: the file is missing, no such head, or has no such output.
    """

    name: ClassVar[str] = "linear_head"

    def __init__(
        self,
        head: Path,
        label: str,
        output: int = 0,
        activation: Activation = "none",
        normalize: bool = True,
        relu: bool | None = None,
        better: Literal["higher", "lower"] = "lower",
    ) -> None:
        if not label.replace("_", "").isalnum() or not label.isascii() or label != label.lower():
            raise UsageError(f"label {label!r} names columns; use small letters, digits and _")
        self._head = read_head(head, relu)
        if not 0 <= output < self._head.outputs:
            raise UsageError(f"{head} gives {self._head.outputs} numbers, 0 to {self._head.outputs - 1}, not {output}")
        if activation == "softmax" and self._head.outputs == 1:
            raise UsageError(f"{head} gives one number, whose softmax is always 1; use the activation sigmoid")
        self.label = label
        self._output, self._activation, self._normalize, self._better = output, activation, normalize, better
        self.identity: Mapping[str, Any] = {
            **self._head.identity,
            "output": output,
            "activation": activation,
            "normalize": normalize,
        }

    @property
    def columns(self) -> Sequence[Column]:
        """Scores of both sides."""
        bounds = "no bounds" if self._activation == "none" else "0 to 1"
        what = f"{self.label} by the head {self._head.file.name}, {bounds}"
        return (
            Column(f"source_{self.label}", "source", self._better, what),
            Column(f"target_{self.label}", "target", self._better, what),
        )

    def check_embedder(self, embedder: Embedder) -> None:
        """Refuse vectors of another length.

        Raises:
            UsageError: they are.
        """
        self._head.check_embedder(embedder)

    def score(self, pairs: EmbeddedPairs) -> Mapping[str, NDArray[np.float64]]:
        """Score a batch; NaN where a picture has no embedding."""
        return {f"source_{self.label}": self._of(pairs.source), f"target_{self.label}": self._of(pairs.target)}

    def _of(self, vectors: Vectors) -> NDArray[np.float64]:
        raw = self._head(unit_vectors(vectors) if self._normalize else vectors).astype(np.float64)
        if self._activation == "softmax":
            raw = np.exp(raw - raw.max(axis=1, keepdims=True))
            return raw[:, self._output] / raw.sum(axis=1)
        chosen = raw[:, self._output]
        if self._activation == "none":
            return chosen
        small = np.exp(-np.abs(chosen))  # of a number that cannot overflow
        return np.where(chosen >= 0, 1, small) / (1 + small)
