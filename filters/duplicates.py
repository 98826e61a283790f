"""Near-duplicates of a whole dataset, from the hashes or embeddings that were stored row by row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cosine import check_cosine, near_cosines
from .hamming import check_distance, near_pairs
from .measures.perceptual_hash import PerceptualHash, join_hashes
from .scorer import Column, Scorer, Vectors
from .twins import Twins, count_twins

__all__ = ["DatasetRows", "Duplicates", "EmbeddingDuplicates", "join_hashes"]

_NO_WORD = re.compile(r"[\W_]+")
_LEAK = "drop those and no split has a near-equal source in a smaller one"


@dataclass(frozen=True)
class DatasetRows:
    """What is known of each row of a dataset, of all its splits; sequences in step.

    Attributes:
        ids: of the rows.
        tasks, splits: names.
        photographs: the rows' `image_key`.
        instructions: the rows' `edit_prompt`.
    """

    ids: Sequence[str]
    tasks: Sequence[str]
    splits: Sequence[str]
    photographs: Sequence[str]
    instructions: Sequence[str]

    def ranked_splits(self) -> NDArray[np.int64]:
        """(n,) the split of each row as a number: 0 for the one with most rows; those of equal size by name."""
        names, codes, counts = np.unique(np.asarray(self.splits, str), return_inverse=True, return_counts=True)
        rank = np.empty(len(names), np.int64)
        rank[np.lexsort((names, -counts))] = np.arange(len(names))
        return rank[codes]

    def photograph_codes(self) -> NDArray[np.int64]:
        """(n,) the photograph of each row as a number."""
        return _codes(self.photographs)


class Duplicates(Scorer):
    """Counts near-equal pictures by perceptual hash, and ranks duplicates.

    Rows of one photograph are no duplicates of each other as long as their tasks differ. A duplicate has the task, the
    split and the instruction (but for case and punctuation) of an earlier row, a near-equal source and a near-equal
    target. It takes the columns that `PerceptualHash` stored:

        hashes = join_hashes(scores["source_phash_high"], scores["source_phash_low"])
        columns = Duplicates().score(rows, hashes, target_hashes)

    Run it once all shards of all splits are measured, on the rows that have hashes; the others' scores are NaN.

    Args:
        distance: bits of 64 in which near-equal pictures may differ. Scaling and compression change 0 to 4.
        same_instruction: whether duplicates must also ask the same.

    Raises:
        UsageError: the distance is out of range.
    """

    name = "duplicates"
    needs = PerceptualHash.columns
    columns = (
        Column("source_twins", "source", "lower", "other photographs in the split with a near-equal source, a count"),
        Column(
            "target_twins", "target", "lower", "other photographs of task and split with a near-equal target, a count"
        ),
        Column("cross_split_twins", "source", "lower", "photographs in other splits with a near-equal source, a count"),
        Column("leak", "source", "lower", f"1 where a smaller split has a near-equal source, else 0; {_LEAK}"),
        Column("duplicate_rank", "pair", "lower", "0 for the first of its duplicates by id and for a single; 1, 2 …"),
    )

    def __init__(self, distance: int = 4, same_instruction: bool = True) -> None:
        check_distance(distance)
        self.distance, self.same_instruction = distance, same_instruction
        self.identity: Mapping[str, Any] = {"version": 1, "distance": distance, "same_instruction": same_instruction}

    def score(
        self, rows: DatasetRows, source_hashes: NDArray[np.uint64], target_hashes: NDArray[np.uint64]
    ) -> Mapping[str, NDArray[np.float64]]:
        """Score all rows of a dataset.

        Args:
            rows: n rows.
            source_hashes, target_hashes: (n,) uint64.

        Returns:
            column name -> (n,) float64.
        """
        splits, photographs, tasks = rows.ranked_splits(), rows.photograph_codes(), _codes(rows.tasks)
        sources = self._twins(source_hashes, np.zeros_like(tasks), splits, photographs)
        targets = self._twins(target_hashes, tasks, splits, photographs)
        return {
            "source_twins": sources.same_split,
            "target_twins": targets.same_split,
            "cross_split_twins": sources.other_splits,
            "leak": sources.leak,
            "duplicate_rank": self._ranks(rows, source_hashes, target_hashes),
        }

    def _twins(
        self,
        hashes: NDArray[np.uint64],
        groups: NDArray[np.int64],
        splits: NDArray[np.int64],
        photographs: NDArray[np.int64],
    ) -> Twins:
        first, items = _distinct(groups, hashes)
        pairs = near_pairs(hashes[first], self.distance, groups[first])
        return count_twins(items, pairs, splits, photographs)

    def _ranks(
        self, rows: DatasetRows, source_hashes: NDArray[np.uint64], target_hashes: NDArray[np.uint64]
    ) -> NDArray[np.float64]:
        wordings = [_NO_WORD.sub(" ", text.casefold()).strip() for text in rows.instructions]
        asked = _codes(wordings) if self.same_instruction else np.zeros(len(wordings), np.int64)
        groups = _distinct(_codes(rows.tasks), rows.ranked_splits(), asked)[1]
        by_id = np.array(sorted(range(len(rows.ids)), key=rows.ids.__getitem__), np.int64)
        groups, hashes = groups[by_id], np.stack([source_hashes[by_id], target_hashes[by_id]], axis=1)
        # Equal rows first become one item; items are numbered in the order in which the ids first bring them.
        first, items = _distinct(groups, hashes[:, 0], hashes[:, 1])
        order = np.argsort(first)
        numbers = np.empty_like(order)
        numbers[order] = np.arange(len(order))
        first, items = first[order], numbers[items]
        pairs = near_pairs(hashes[first], self.distance, groups[first])
        ranks = np.empty(len(by_id), np.float64)
        ranks[by_id] = _ranks_within(_leaders(len(first), pairs)[items])
        return ranks


class EmbeddingDuplicates(Scorer):
    """Counts near-equal sources by the cosine of their embeddings.

    Args:
        embedder: name of the model; see `Embedder.name`.
        cosine: least cosine of near-equal pictures.

    Raises:
        UsageError: the cosine is out of range.
    """

    name = "embedding_duplicates"
    columns = (
        Column(
            "source_embedding_twins",
            "source",
            "lower",
            "other photographs in the split with a source of near-equal embedding, a count",
        ),
        Column(
            "cross_split_embedding_twins",
            "source",
            "lower",
            "photographs in other splits with a source of near-equal embedding, a count",
        ),
        Column(
            "leak_by_embedding",
            "source",
            "lower",
            f"1 where a smaller split has a source of near-equal embedding, else 0; {_LEAK}",
        ),
    )

    def __init__(self, embedder: str, cosine: float = 0.95) -> None:
        check_cosine(cosine)
        self.embedder, self.cosine = embedder, cosine
        self.identity: Mapping[str, Any] = {"version": 1, "embedder": embedder, "cosine": cosine}

    def score(self, rows: DatasetRows, sources: Vectors, items: NDArray[np.int64]) -> Mapping[str, NDArray[np.float64]]:
        """Score all rows of a dataset.

        Args:
            rows: n rows.
            sources: (m, dim) float32, the embedding of each distinct source picture.
            items: (n,) which of them each row has.

        Returns:
            column name -> (n,) float64.

        Raises:
            UsageError: more vectors than are compared one with another, and FAISS is not installed.
        """
        pairs = near_cosines(sources, self.cosine)
        twins = count_twins(items, pairs, rows.ranked_splits(), rows.photograph_codes())
        names = [column.name for column in self.columns]
        return dict(zip(names, (twins.same_split, twins.other_splits, twins.leak), strict=True))


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    """(n,) equal names as equal numbers, counted from 0."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.fromiter((numbers[name] for name in names), np.int64, len(names))


def _distinct(*columns: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct rows of some columns: (m,) the first place of each, (n,) which of them each row is.

    Column by column, which is much quicker than NumPy's sort of whole rows.
    """
    numbers = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, codes = np.unique(column, return_inverse=True)
        numbers = np.unique(numbers * max(len(values), 1) + codes, return_inverse=True)[1]
    _, first, numbers = np.unique(numbers, return_index=True, return_inverse=True)
    return first, numbers


def _leaders(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each item the first one that stays and is near it; itself where it stays.

    Goes through the items in order: one that is near to one that stays is dropped. So whatever is dropped has a
    near-equal that stays, which the chains of connected components do not promise.
    """
    leaders = list(range(count))
    for later, earlier in sorted((second, first) for first, second in pairs.tolist()):
        if leaders[later] == later and leaders[earlier] == earlier:
            leaders[later] = earlier
    return np.array(leaders, np.int64)


def _ranks_within(groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) how many of the same group come before."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    ranks = np.empty(len(groups), np.float64)
    ranks[order] = np.arange(len(groups)) - starts
    return ranks
