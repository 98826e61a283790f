"""What scoring does shard by shard, for the whole dataset or one rank's share of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from ...filters.scorer import Embedder
from ...filters.sidecar import ScorerRecord, Sidecar
from ...manifests.folder import DatasetFolder
from ..fleet import Fleet
from ..local import Engine, default_workers
from .catalogue import ShardEntry, catalogue
from .choose import Chosen, ScoreOptions
from .embed import EmbedOptions, as_keys, embed_pictures, embed_texts, text_keys
from .join import Before
from .keep import keep_embeddings
from .measure import MeasureJob, MeasureTask
from .pairs import score_pairs
from .parts import Parts
from .prepare import MissingPictures
from .spread import spread_pictures, spread_texts
from .store import EmbeddingStore, Keys, store_folder


class ScoreWatch(Protocol):
    """Is told of progress."""

    def stage(self, what: str, total: int, unit: str) -> None:
        """Something begins that has so many rows or pictures."""

    def advance(self, count: int) -> None:
        """So many more of them are done."""

    def say(self, text: str) -> None:
        """A sentence for people."""


class ScoringRun:
    """One run over some shards of a folder that is held by the caller.

    Args:
        folder: the dataset.
        chosen: what runs.
        options: how.
        watch: told what happens.
        engine: runs what needs no model, shard by shard.
        fleet: embeds; None: this machine, on the chosen devices.
        writer: name of this run among several at once; empty for the only one.

    Attributes:
        parts, sidecar, before: of the folder.
        embedded: embedder -> pictures embedded now.
    """

    def __init__(
        self,
        folder: DatasetFolder,
        chosen: Chosen,
        options: ScoreOptions,
        watch: ScoreWatch,
        engine: Engine,
        fleet: Fleet | None = None,
        writer: str = "",
    ) -> None:
        self._folder, self._chosen, self._options, self._watch = folder, chosen, options, watch
        self._engine, self._fleet, self._writer = engine, fleet, writer
        self.parts, self.sidecar = Parts(folder.state), Sidecar(folder.root)
        self.before = Before.of(self.sidecar)
        self.embedded: dict[str, int] = {}
        self._stores: dict[str, EmbeddingStore] = {}
        self._entries: list[ShardEntry] = []

    def catalogue(self, names: Sequence[str]) -> list[ShardEntry]:
        """What the rows of some shards are."""
        self._watch.stage("reading", len(names), " shards")
        on_shard: Callable[[int], None] = lambda rows: self._watch.advance(1)  # noqa: E731
        self._entries = catalogue(self._folder, self._options.workers, on_shard, self._engine, names)
        return self._entries

    def missing(
        self, records: Mapping[str, ScorerRecord], entries: Sequence[ShardEntry]
    ) -> dict[str, list[ShardEntry]]:
        """Scorer -> shards that it still has to score."""
        return {
            key: [entry for entry in entries if not self._holds(key, record, entry)] for key, record in records.items()
        }

    def _holds(self, key: str, record: ScorerRecord, entry: ShardEntry) -> bool:
        return self.parts.holds(key, entry.name, record.identity, entry.sha256) or self.before.holds(
            key, record.identity, entry, self.sidecar
        )

    def score_shards(
        self,
        entries: Sequence[ShardEntry],
        records: Mapping[str, ScorerRecord],
        missing: Mapping[str, Sequence[ShardEntry]],
    ) -> None:
        """Everything that needs one shard at a time: measures of pixels, and scores of embeddings."""
        self._measure(records, missing)
        for name, embedder in self._chosen.embedders.items():
            self._score_by(name, embedder, entries, records, missing)

    def keep(self, entries: Sequence[ShardEntry]) -> None:
        """Write the embeddings beside the scores, if that was asked for."""
        if self._options.keep_embeddings:
            for name, embedder in self._chosen.embedders.items():
                store = self.embed(name, embedder, entries)
                keep_embeddings(self.sidecar, embedder, entries, store, self._options.keep_embeddings)

    def _measure(self, records: Mapping[str, ScorerRecord], missing: Mapping[str, Sequence[ShardEntry]]) -> None:
        lacking: dict[str, list[str]] = {}
        for key in self._chosen.measures:
            for entry in missing[key]:
                lacking.setdefault(entry.name, []).append(key)
        if not lacking:
            return
        entries = {entry.name: entry for key in self._chosen.measures for entry in missing[key]}
        tasks = [MeasureTask(name, entries[name].sha256, tuple(keys)) for name, keys in lacking.items()]
        mine = {key: records[key] for key in self._chosen.measures}
        job = MeasureJob(self._folder.root.absolute(), self._chosen.measures, mine)
        self._watch.stage("measuring", sum(entries[name].rows for name in lacking), " pairs")
        for _, rows in self._engine(job, tasks, self._options.workers):
            self._watch.advance(rows)

    def _score_by(
        self,
        name: str,
        embedder: Embedder,
        entries: Sequence[ShardEntry],
        records: Mapping[str, ScorerRecord],
        missing: Mapping[str, Sequence[ShardEntry]],
    ) -> None:
        """Everything that one embedder's vectors are needed for, pair by pair."""
        scorers = {key: scorer for key, scorer in self._chosen.pairs.items() if scorer.embedder == name}
        shards = {entry.name: entry for key in scorers for entry in missing[key]}
        wanted = [entry for entry in entries if entry.name in shards]
        if not wanted:
            return
        store = self.embed(name, embedder, wanted)
        texts = None
        if embedder.has_text and any(scorer.needs_captions for scorer in scorers.values()):
            texts = self._embed_texts(embedder, wanted)
        self._watch.stage(f"scoring by {name}", sum(entry.rows for entry in wanted), " pairs")
        for entry in wanted:
            lacking = {key: scorer for key, scorer in scorers.items() if entry in missing[key]}
            score_pairs(entry, lacking, records, store, texts, self.parts)
            self._watch.advance(entry.rows)

    def embed(self, name: str, embedder: Embedder, entries: Sequence[ShardEntry]) -> EmbeddingStore:
        """The store of an embedder, with a vector for every picture of some shards."""
        store = self._stores.get(name)
        if store is None:
            place = store_folder(self._folder.state, embedder)
            store = EmbeddingStore(place, embedder.dim, self._writer, self._pictures() if self._writer else None)
            self._stores[name] = store
        pictures = MissingPictures(entries, store)
        if len(pictures):
            self._watch.stage(f"embedding by {name}", len(pictures), " pictures")
            self._embed_pictures(name, embedder, pictures, store)
        return store

    def _embed_pictures(self, name: str, embedder: Embedder, pictures: MissingPictures, store: EmbeddingStore) -> None:
        root = self._folder.root

        def advance(count: int) -> None:
            self.embedded[name] = self.embedded.get(name, 0) + count
            self._watch.advance(count)

        if self._fleet is not None:
            spread_pictures(root, embedder, pictures, store, self._fleet, self._options.batch_size, advance)
        else:
            embed_pictures(root, embedder, pictures, store, self._embed_options(name), advance)

    def _embed_options(self, name: str) -> EmbedOptions:
        """On a CPU the model needs the processors more than the decoding does; `nss` is all decoding."""
        workers = self._options.workers or default_workers()
        devices = ("cpu",) if name == "nss" else self._chosen.devices
        if name != "nss" and not self._options.workers and set(devices) == {"cpu"}:
            workers = max(1, workers // 4)
        return EmbedOptions(devices, self._options.batch_size, workers)

    def _embed_texts(self, embedder: Embedder, entries: Sequence[ShardEntry]) -> EmbeddingStore | None:
        captions = sum(entry.captions for entry in entries)
        if not captions:
            return None
        place = store_folder(self._folder.state, embedder, "texts")
        store = EmbeddingStore(place, embedder.dim, self._writer, self._captions() if self._writer else None)
        self._watch.stage("embedding captions", captions, " captions")
        if self._fleet is not None:
            self._watch.advance(spread_texts(embedder, entries, store, self._fleet))
        else:
            self._watch.advance(embed_texts(embedder, entries, store, self._chosen.devices[0]))
        return store

    def _pictures(self) -> Keys:
        """Keys of all pictures of this run's shards."""
        return np.concatenate([as_keys([]), *(entry.keys().reshape(-1) for entry in self._entries)])

    def _captions(self) -> Keys:
        """Keys of all captions of this run's shards."""
        return as_keys([key for entry in self._entries if entry.captions for key in text_keys(entry)[1]])
