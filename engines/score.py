"""Score a dataset: each distinct picture embedded once, then every score that is not there yet, then one sidecar."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..filters.duplicates import EmbeddingDuplicates
from ..filters.sidecar import Sidecar
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.recipe import repeated_split
from ..writers.shards import output_errors
from .fleet import Fleet
from .local import Engine, run_local
from .scoring.catalogue import ShardEntry
from .scoring.choose import Chosen, ScoreOptions, choose
from .scoring.join import Joined, join, plan_records
from .scoring.parts import Parts
from .scoring.run import ScoreWatch, ScoringRun
from .scoring.whole import dataset_digest, score_whole

__all__ = ["ScoreOptions", "ScoreReport", "ScoreWatch", "report_of", "score"]


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
        Parts(folder.state).sweep()
        run = ScoringRun(folder, chosen, options, watch, engine, fleet)
        report = _scored(folder, chosen, run, watch)
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _scored(folder: DatasetFolder, chosen: Chosen, run: ScoringRun, watch: ScoreWatch) -> ScoreReport:
    """Everything, with the folder locked."""
    entries = run.catalogue([file.stem for file in folder.shards()])
    records = chosen.records(dataset_digest(entries))
    plan_records(run.before, records, entries, run.sidecar)
    missing = run.missing(records, entries)
    run.score_shards(entries, records, missing)
    repeated = repeated_split(folder.manifest()) if folder.manifest_file.exists() else ""
    for key, scorer in chosen.whole.items():
        if missing[key]:
            watch.stage("looking for duplicates", sum(entry.rows for entry in entries), " pairs")
            store = None
            if isinstance(scorer, EmbeddingDuplicates):
                store = run.embed(scorer.embedder, chosen.embedders[scorer.embedder], entries)
            score_whole(scorer, key, records, entries, run.parts, run.sidecar, store, repeated)
    run.keep(entries)
    joined = join(run.sidecar, run.parts, run.before, records, entries)
    report = report_of(folder, entries, {key: len(some) for key, some in missing.items()}, joined)
    report.embedded, report.notes = run.embedded, chosen.notes
    return report


def report_of(
    folder: DatasetFolder, entries: Sequence[ShardEntry], scored: Mapping[str, int], joined: Joined
) -> ScoreReport:
    """What the sidecar holds.

    Args:
        folder: the dataset.
        entries: its shards.
        scored: scorer -> shards that were scored now.
        joined: what came of them.
    """
    rows: dict[str, int] = {}
    for entry in entries:
        split = split_of(entry.name)
        rows[split] = rows.get(split, 0) + entry.rows
    scorers: dict[str, dict[str, Any]] = {
        key: {
            "columns": [column.name for column in record.columns],
            "scored": scored.get(key, 0),
            "kept": len(entries) - scored.get(key, 0),
            "caution": record.caution,
        }
        for key, record in joined.records.items()
    }
    rejects_file = Sidecar(folder.root).rejects_file
    return ScoreReport(folder.root, rows, scorers, {}, joined.rejects, rejects_file, joined.outdated)
