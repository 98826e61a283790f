"""Score a dataset: each distinct picture embedded once, then every score that is not there yet, then one sidecar."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..filters.duplicates import Duplicates
from ..filters.scorer import Embedder
from ..filters.sidecar import ScorerRecord, Sidecar
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.recipe import repeated_split
from ..writers.shards import output_errors
from .fleet import Fleet
from .local import Engine, default_workers, run_local
from .scoring.catalogue import ShardEntry, catalogue
from .scoring.choose import Chosen, ScoreOptions, choose
from .scoring.embed import EmbedOptions, embed_pictures, embed_texts
from .scoring.join import Before, Joined, join, plan_records
from .scoring.keep import keep_embeddings
from .scoring.measure import MeasureJob, MeasureTask
from .scoring.pairs import score_pairs
from .scoring.parts import Parts
from .scoring.prepare import Chunk, missing_chunks
from .scoring.spread import spread_pictures, spread_texts
from .scoring.store import EmbeddingStore, store_folder
from .scoring.whole import dataset_digest, score_duplicates, score_embedding_duplicates

__all__ = ["ScoreOptions", "ScoreReport", "ScoreWatch", "score"]


class ScoreWatch(Protocol):
    """Is told of progress."""

    def stage(self, what: str, total: int, unit: str) -> None:
        """Something begins that has so many rows or pictures."""

    def advance(self, count: int) -> None:
        """So many more of them are done."""

    def say(self, text: str) -> None:
        """A sentence for people."""


@dataclass
class ScoreReport:
    """What scoring came to.

    Attributes:
        rows: triplets by split.
        scorers: key -> its columns, shards scored now ("scored"), taken as they were ("kept"), and caution.
        embedded: embedder -> pictures embedded now.
        rejects: rows with a score that could not be made, in rejects_file.
        outdated: scorers that are no longer in the sidecar, since data changed and they were not asked for.
        notes: sentences for people.
    """

    root: Path
    rows: dict[str, int]
    scorers: dict[str, dict[str, Any]] = field(default_factory=dict)
    embedded: dict[str, int] = field(default_factory=dict)
    rejects: int = 0
    rejects_file: Path = Path()
    outdated: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


def score(
    root: Path, options: ScoreOptions, watch: ScoreWatch, engine: Engine = run_local, fleet: Fleet | None = None
) -> ScoreReport:
    """Score a dataset folder and write its sidecar; what is there and still true is not made again.

    Args:
        root: the folder.
        options: what to score and how.
        watch: told what happens.
        engine: runs what needs no model, shard by shard.
        fleet: embeds; None: this machine, on `options.devices`.

    Raises:
        UsageError: wrong options, missing weights, parts that do not fit together.
        DatasetFolderError: it is no dataset folder, or a shard cannot be read.
        BuildError: workers or devices that fail again and again.
        OutputError: the folder cannot be written.
    """
    started = time.monotonic()
    folder = DatasetFolder(root)
    folder.shards()
    chosen = choose(options, (fleet.shape().device,) if fleet else None)
    for note in chosen.notes:
        watch.say(note)
    with ExitStack() as held:
        with output_errors(folder.state):
            held.enter_context(folder.lock())
        report = _Run(folder, chosen, options, watch, engine, fleet).run()
    report.seconds = round(time.monotonic() - started, 1)
    return report


class _Run:
    """One run, with the folder locked."""

    def __init__(
        self,
        folder: DatasetFolder,
        chosen: Chosen,
        options: ScoreOptions,
        watch: ScoreWatch,
        engine: Engine,
        fleet: Fleet | None,
    ) -> None:
        self._folder, self._chosen, self._options, self._watch = folder, chosen, options, watch
        self._engine, self._fleet = engine, fleet
        self._parts = Parts(folder.state)
        self._parts.sweep()
        self._sidecar = Sidecar(folder.root)
        self._repeated = repeated_split(folder.manifest()) if folder.manifest_file.exists() else ""
        self._before = Before.of(self._sidecar)
        self._stores: dict[str, EmbeddingStore] = {}
        self._embedded: dict[str, int] = {}

    def run(self) -> ScoreReport:
        entries = self._catalogue()
        records = self._chosen.records(dataset_digest(entries))
        plan_records(self._before, records, entries, self._sidecar)
        missing = {key: self._missing(key, record, entries) for key, record in records.items()}
        self._measure(records, missing)
        for name, embedder in self._chosen.embedders.items():
            self._score_by(name, embedder, entries, records, missing)
        self._score_whole(entries, records, missing)
        if self._options.keep_embeddings:
            for name, embedder in self._chosen.embedders.items():
                store = self._embed(name, embedder, entries)
                keep_embeddings(self._sidecar, embedder, entries, store, self._options.keep_embeddings)
        joined = join(self._sidecar, self._parts, self._before, records, entries)
        return self._report(entries, records, missing, joined)

    def _catalogue(self) -> list[ShardEntry]:
        shards = len(self._folder.shards())
        self._watch.stage("reading", shards, " shards")
        on_shard: Callable[[int], None] = lambda rows: self._watch.advance(1)  # noqa: E731
        return catalogue(self._folder, self._options.workers, on_shard, self._engine)

    def _missing(self, key: str, record: ScorerRecord, entries: Sequence[ShardEntry]) -> list[ShardEntry]:
        """Shards that the scorer still has to score."""
        return [
            entry
            for entry in entries
            if not self._parts.holds(key, entry.name, record.identity, entry.sha256)
            and not self._before.holds(key, record.identity, entry, self._sidecar)
        ]

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
        store = self._embed(name, embedder, wanted)
        texts = None
        if embedder.has_text and any(scorer.needs_captions for scorer in scorers.values()):
            texts = self._embed_texts(embedder, wanted)
        self._watch.stage(f"scoring by {name}", sum(entry.rows for entry in wanted), " pairs")
        for entry in wanted:
            lacking = {key: scorer for key, scorer in scorers.items() if entry in missing[key]}
            score_pairs(entry, lacking, records, store, texts, self._parts)
            self._watch.advance(entry.rows)

    def _embed(self, name: str, embedder: Embedder, entries: Sequence[ShardEntry]) -> EmbeddingStore:
        """The store of an embedder, with a vector for every picture of some shards."""
        store = self._stores.get(name)
        if store is None:
            store = EmbeddingStore(store_folder(self._folder.state, embedder), embedder.dim)
            self._stores[name] = store
        chunks = missing_chunks(entries, store)
        pictures = sum(len(chunk.keys) for chunk in chunks)
        self._embedded[name] = self._embedded.get(name, 0) + pictures
        if pictures:
            self._watch.stage(f"embedding by {name}", pictures, " pictures")
            self._embed_chunks(name, embedder, chunks, store)
        return store

    def _embed_chunks(self, name: str, embedder: Embedder, chunks: Sequence[Chunk], store: EmbeddingStore) -> None:
        root, advance = self._folder.root, self._watch.advance
        if self._fleet is not None:
            spread_pictures(root, embedder, chunks, store, self._fleet, self._options.batch_size, advance)
        else:
            embed_pictures(root, embedder, chunks, store, self._embed_options(name), advance)

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
        store = EmbeddingStore(store_folder(self._folder.state, embedder, "texts"), embedder.dim)
        self._watch.stage("embedding captions", captions, " captions")
        if self._fleet is not None:
            self._watch.advance(spread_texts(embedder, entries, store, self._fleet))
        else:
            self._watch.advance(embed_texts(embedder, entries, store, self._chosen.devices[0]))
        return store

    def _score_whole(
        self,
        entries: Sequence[ShardEntry],
        records: Mapping[str, ScorerRecord],
        missing: Mapping[str, Sequence[ShardEntry]],
    ) -> None:
        for key, scorer in self._chosen.whole.items():
            if not missing[key]:
                continue
            self._watch.stage("looking for duplicates", sum(entry.rows for entry in entries), " pairs")
            if isinstance(scorer, Duplicates):
                hashes = ("perceptual_hash", records["perceptual_hash"])
                score_duplicates(scorer, key, hashes, entries, records[key], self._parts, self._sidecar, self._repeated)
            else:
                store = self._embed(scorer.embedder, self._chosen.embedders[scorer.embedder], entries)
                score_embedding_duplicates(scorer, key, entries, records[key], self._parts, store, self._repeated)

    def _report(
        self,
        entries: Sequence[ShardEntry],
        records: Mapping[str, ScorerRecord],
        missing: Mapping[str, Sequence[ShardEntry]],
        joined: Joined,
    ) -> ScoreReport:
        rows: dict[str, int] = {}
        for entry in entries:
            split = split_of(entry.name)
            rows[split] = rows.get(split, 0) + entry.rows
        scorers: dict[str, dict[str, Any]] = {
            key: {
                "columns": [column.name for column in record.columns],
                "scored": len(missing.get(key, [])),
                "kept": len(entries) - len(missing.get(key, [])),
                "caution": record.caution,
            }
            for key, record in joined.records.items()
        }
        return ScoreReport(
            self._folder.root,
            rows,
            scorers,
            {name: count for name, count in self._embedded.items() if count},
            joined.rejects,
            self._sidecar.rejects_file,
            joined.outdated,
            self._chosen.notes,
        )
