"""The three kinds of part that scores are made of: embedders, scorers of embeddings, and measures of pixels."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..manifests.images import RGB

Vectors = NDArray[np.float32]
"""(n, dim) float32, one embedding a row; a row of NaN stands for an image or text that there is none of."""


@dataclass(frozen=True, slots=True)
class Column:
    """One score.

    Attributes:
        name: of the sidecar's column; lower case with `_`.
        about: what it judges; a cut on "pair" is a cut on the difference.
        better: which way is better; empty when neither is.
        description: one line for people: what it is, unit, range.
    """

    name: str
    about: Literal["source", "target", "pair"]
    better: Literal["higher", "lower", ""]
    description: str


class Scorer(abc.ABC):
    """What every scorer says of itself.

    Attributes:
        identity: JSON-able; everything that decides the values (options, model, sha256 of weights). A stored score
            is taken as it is while its identity is the same.
        label: tells it from others of its name in one run ("v1"); empty where one is enough.
        caution: why nothing should be cut by these scores (random weights, a missing head); empty when all is well.
    """

    name: ClassVar[str]
    identity: Mapping[str, Any]
    label: str = ""
    caution: str = ""

    @property
    def key(self) -> str:
        """NAME or NAME:LABEL; no two scorers of a run have one key."""
        return f"{self.name}:{self.label}" if self.label else self.name

    @property
    @abc.abstractmethod
    def columns(self) -> Sequence[Column]:
        """The scores it makes, in order."""


class PairMeasure(Scorer):
    """Scores a pair by its pixels; runs in the workers that decode."""

    @abc.abstractmethod
    def measure(self, source: RGB, target: RGB) -> Mapping[str, float]:
        """Score one pair, both (H, W, 3) uint8 of one size. NaN where a score does not exist."""


@dataclass(frozen=True)
class EmbeddedPairs:
    """A batch of pairs as an embedder sees them; every array is (n, dim), rows in step.

    Attributes:
        source, target: embeddings of the pictures.
        source_caption, target_caption: of the texts that describe each, NaN where there is none; None when the
            embedder has no text side.
        source_key, target_key: digests of the pictures' bytes, so that a picture is not compared with itself.
    """

    source: Vectors
    target: Vectors
    source_caption: Vectors | None
    target_caption: Vectors | None
    source_key: Sequence[bytes]
    target_key: Sequence[bytes]


class EmbeddingScorer(Scorer):
    """Scores pairs by their embeddings."""

    embedder: str = ""
    """Name of the embedder whose vectors it takes, as `Embedder.name`; empty for the run's own."""
    needs_captions: bool = False

    def check_embedder(self, embedder: Embedder) -> None:
        """Refuse an embedder whose vectors it cannot take.

        Raises:
            UsageError: another name, other weights, another length of vector.
        """

    def caution_about(self, embedder: Embedder) -> str:
        """Why nothing should be cut by what it makes of these vectors; empty when all is well."""
        return "; ".join(dict.fromkeys(filter(None, (self.caution, embedder.caution))))

    @abc.abstractmethod
    def score(self, pairs: EmbeddedPairs) -> Mapping[str, NDArray[np.float64]]:
        """Score a batch: column name -> (n,) float64, NaN where a score does not exist.

        A pair's score does not depend on the batch it comes in.
        """


class Embedder(abc.ABC):
    """Turns pictures into vectors, in two steps: `prepare` in the workers that decode, the rest on the device.

    Attributes:
        name: model and weights: "ViT-L-14-quickgelu/openai", "nss".
        dim: length of a vector.
        identity: JSON-able; as for a scorer.
        caution: as for a scorer; it passes on to every score made from these vectors.
    """

    name: str
    dim: int
    identity: Mapping[str, Any]
    caution: str = ""
    has_text: bool = False

    @abc.abstractmethod
    def prepare(self, image: RGB) -> NDArray[Any]:
        """(H, W, 3) uint8 -> the array that `open`'s function takes a stack of. Needs no weights and no torch."""

    @abc.abstractmethod
    def open(self, device: str) -> Callable[[NDArray[Any]], Vectors]:
        """Load the weights; returns the function from a stack of prepared pictures to (n, dim) float32.

        The vectors are as the model gives them, not normalised.
        """

    def open_text(self, device: str) -> Callable[[Sequence[str]], Vectors]:
        """As `open`, for texts; for embedders that have a text side."""
        raise NotImplementedError(f"{self.name} has no text side")
