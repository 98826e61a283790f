"""KNN-GIQA: how near a picture lies to good pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..reference.forms import parse_form
from ..reference.reference import Reference, Searcher
from ..reference.vectors import picture_keys
from ..scorer import Column, EmbeddedPairs, Embedder, EmbeddingScorer


class Giqa(EmbeddingScorer):
    """KNN-GIQA of source and target against a reference (Gu et al., ECCV 2020).

    Args:
        reference: folder that `taskpaint index` made.
        form: "paper", "l2" or "repo"; see `reference.forms.scores`.
        k: neighbours; without it the reference's own choice.
        label: ends the columns' names, where one run scores against several references.

    Raises:
        UsageError: no finished reference, or one that was not measured for this form and K.
    """

    name: ClassVar[str] = "giqa"

    def __init__(self, reference: Path, form: str = "paper", k: int | None = None, label: str = "") -> None:
        self.label = label
        self._reference = Reference.open(reference)
        self._setting = self._reference.setting(parse_form(form), k)
        self._opened: Searcher | None = None
        self.embedder = self._reference.embedder
        self.caution = str(self._reference.about["embedder"].get("caution") or "")
        self.identity: Mapping[str, Any] = {
            "form": self._setting.form,
            "k": self._setting.k,
            "reference": self._reference.digest,
            "nprobe": self._setting.nprobe,
            "fetch": self._setting.fetch,
        }

    @property
    def columns(self) -> Sequence[Column]:
        """Scores of both sides, their gap and their ranks."""
        setting, end = self._setting, self._end
        what = f"KNN-GIQA on {self._reference.embedder} ({setting.form}, K = {setting.k}), one over distance, above 0"
        rank = "as share of the reference's own pictures that score no higher, 0 to 1"
        return (
            Column(f"source_giqa{end}", "source", "higher", what),
            Column(f"target_giqa{end}", "target", "higher", what),
            Column(f"giqa_gap{end}", "pair", "", f"target_giqa{end} less source_giqa{end}"),
            Column(f"source_giqa_quantile{end}", "source", "higher", f"source_giqa{end} {rank}"),
            Column(f"target_giqa_quantile{end}", "target", "higher", f"target_giqa{end} {rank}"),
        )

    @property
    def _end(self) -> str:
        return f"_{self.label}" if self.label else ""

    def check_embedder(self, embedder: Embedder) -> None:
        """Refuse an embedder whose vectors cannot be compared with the reference's.

        Raises:
            UsageError: another name, other weights, another length of vector.
        """
        self._reference.check_embedder(embedder)

    def score(self, pairs: EmbeddedPairs) -> Mapping[str, NDArray[np.float64]]:
        """Score a batch.

        Raises:
            UsageError: the vectors are not as long as the reference's, or its files are broken.
        """
        self._reference.check_dim(pairs.source.shape[1])
        if self._opened is None:
            self._opened = self._reference.searcher(self._setting)
        both = np.concatenate([pairs.source, pairs.target])
        values, ranks = self._opened.score(both, picture_keys([*pairs.source_key, *pairs.target_key]))
        source, target = np.split(values, 2)
        source_rank, target_rank = np.split(ranks, 2)
        found = (source, target, target - source, source_rank, target_rank)
        return {column.name: values for column, values in zip(self.columns, found, strict=True)}
