"""Scores made from stored embeddings: a shard's vectors are gathered once for all scorers that it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...filters.scorer import EmbeddedPairs, EmbeddingScorer, Vectors
from ...filters.sidecar import ScorerRecord
from ...manifests.errors import PluginError
from .catalogue import KEY_BYTES, SIDES, ShardEntry
from .embed import as_keys, text_keys
from .parts import Parts, Reject, check_scores
from .store import EmbeddingStore

_ROWS: Final = 2048
"""Pairs that a scorer gets at a time."""


def score_pairs(
    entry: ShardEntry,
    scorers: Mapping[str, EmbeddingScorer],
    records: Mapping[str, ScorerRecord],
    pictures: EmbeddingStore,
    texts: EmbeddingStore | None,
    parts: Parts,
) -> None:
    """Score a shard and write its parts.

    Args:
        entry: the shard; every picture of it is in the store.
        scorers: all of one embedder, by key.
        records: what is written of each.
        pictures: vectors of pictures.
        texts: vectors of captions; None when the embedder has no text side or no scorer asks for them.
        parts: where the scores go.

    Raises:
        PluginError: a scorer that gives other columns or lengths than it says.
    """
    keys = entry.keys()
    captions = text_keys(entry)[0] if texts is not None and entry.captions else None
    found: dict[str, dict[str, list[NDArray[np.float64]]]] = {
        key: {column.name: [] for column in scorer.columns} for key, scorer in scorers.items()
    }
    for start in range(0, entry.rows, _ROWS):
        batch = slice(start, start + _ROWS)
        pairs = _pairs(keys[batch], [side[batch] for side in captions] if captions else None, pictures, texts)
        for key, scorer in scorers.items():
            for name, values in _scored(key, scorer, pairs).items():
                found[key][name].append(values)
    rejects = _rejects(keys, pictures.reasons)
    for key, columns in found.items():
        scores = {name: np.concatenate([np.zeros(0), *values]) for name, values in columns.items()}
        parts.write(key, entry.name, records[key], entry.sha256, scores, rejects)


def _scored(key: str, scorer: EmbeddingScorer, pairs: EmbeddedPairs) -> Mapping[str, NDArray[np.float64]]:
    scores = scorer.score(pairs)
    check_scores(key, scorer.columns, scores)
    for name, values in scores.items():
        if np.shape(values) != (len(pairs.source),):
            raise PluginError(
                f"scorer {key} gave {name} of shape {np.shape(values)} for {len(pairs.source)} pairs; upgrade or "
                "uninstall its package"
            )
    return scores


def _pairs(
    keys: NDArray[np.bytes_],
    captions: Sequence[Sequence[bytes]] | None,
    pictures: EmbeddingStore,
    texts: EmbeddingStore | None,
) -> EmbeddedPairs:
    source, target = (pictures.gather(keys[:, side]) for side in range(len(SIDES)))
    described = [_text_vectors(side, texts) for side in captions] if captions and texts else [None, None]
    return EmbeddedPairs(source, target, described[0], described[1], _as_bytes(keys[:, 0]), _as_bytes(keys[:, 1]))


def _text_vectors(keys: Sequence[bytes], texts: EmbeddingStore) -> Vectors:
    """A row for each key; NaN where there is no caption."""
    there = np.array([bool(key) for key in keys])
    found = np.full((len(keys), texts.dim), np.nan, np.float32)
    found[there] = texts.gather(as_keys([key for key in keys if key]))
    return found


def _as_bytes(keys: NDArray[np.bytes_]) -> list[bytes]:
    raw = np.ascontiguousarray(keys).tobytes()  # items of an S16 array would lose zeros at their end
    return [raw[start : start + KEY_BYTES] for start in range(0, len(raw), KEY_BYTES)]


def _rejects(keys: NDArray[np.bytes_], reasons: Mapping[bytes, str]) -> list[Reject]:
    """Rows with a picture that could not be embedded."""
    if not reasons:
        return []
    bad = np.isin(keys, as_keys(list(reasons)))
    return [
        {
            "row": int(row),
            "side": SIDES[side],
            "reason": reasons[keys[row, side].tobytes().ljust(KEY_BYTES, b"\0")],
        }
        for row, side in np.argwhere(bad)
    ]
