"""Score one rank's share of a dataset, and join the shares; each rank embeds, each writes vectors of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..filters.sidecar import ScorerRecord, Sidecar
from ..manifests.errors import BuildError
from ..manifests.folder import DatasetFolder
from ..manifests.heartbeats import heartbeat, heartbeat_file
from ..manifests.recipe import repeated_split
from ..manifests.share import Share, shared
from ..writers.shards import output_errors
from .local import run_local
from .rank_report import RankReport, unfinished
from .score import ScoreReport, report_of
from .scoring.agreed import Agreed, embedded_key
from .scoring.catalogue import ShardEntry, known_entries
from .scoring.choose import Chosen, ScoreOptions, check_names, choose
from .scoring.join import Before, join, plan_records
from .scoring.parts import Parts
from .scoring.run import ScoreWatch, ScoringRun
from .scoring.standing import listed_shards, scored_by_ranks
from .scoring.whole import dataset_digest, digest_of, score_whole


def check_score(root: Path, options: ScoreOptions) -> None:
    """Refuse what can be seen to be wrong without weights and devices.

    Raises:
        UsageError: unknown names.
        DatasetFolderError: no finished dataset.
    """
    check_names(options)
    listed_shards(DatasetFolder(root))


def score_share(root: Path, options: ScoreOptions, share: Share, watch: ScoreWatch, command: str = "") -> RankReport:
    """Score a rank's shards, or go on where an earlier run stopped; `join_scores` makes a sidecar of them.

    Ranks may run at once, one after the other, and in any order. A picture that several ranks have is embedded by the
    first that comes to it, but for those that they come to at about the same time.

    Args:
        root: a finished dataset on a file system that all ranks share.
        options: what to score and how; the same for all ranks, but for devices, batch size and workers.
        share: the rank's.
        watch: told what happens.
        command: that starts a rank, but for its number; `join_scores` names it when shards are missing.

    Raises:
        as `engines.score.score`; ResumeError when ranks score something else there.
    """
    started = time.monotonic()
    folder = DatasetFolder(root)
    listed = listed_shards(folder)
    names = list(listed)
    chosen = choose(options)
    for note in chosen.notes:
        watch.say(note)
    agreed = Agreed.of(chosen, options, folder, digest_of(listed))
    _check_columns(folder, agreed, listed)  # before anything is agreed on that could not be joined
    with output_errors(folder.state), shared(folder, share, Parts(folder.state).agreement) as held:
        with held.begin(lambda: agreed.agree(folder), command):
            pass
        mine = share.of(names)
        with heartbeat(folder, share.writer, len(mine)) as beat:
            run = ScoringRun(folder, chosen, options, _Beating(watch, beat), run_local, writer=share.writer)
            resumed = _score(run, chosen, agreed, mine)
        heartbeat_file(folder, share.writer).unlink(missing_ok=True)
        missing = len(names) - len(scored_by_ranks(folder, agreed, listed))
    return RankReport(
        root, share.rank, share.world_size, len(mine), resumed, missing, round(time.monotonic() - started, 1)
    )


def join_scores(root: Path, watch: ScoreWatch) -> ScoreReport:
    """Make a sidecar of what ranks have scored, with duplicates looked for in the whole dataset.

    Needs the folder alone: no weights, no device.

    Raises:
        DatasetFolderError: no ranks have scored here.
        BuildError: shards are missing, or ranks are still at work.
    """
    started = time.monotonic()
    folder = DatasetFolder(root)
    agreed, names = Agreed.read(folder), list(listed_shards(folder))
    with output_errors(folder.state), folder.lock():
        parts, sidecar = Parts(folder.state), Sidecar(folder.root)
        parts.sweep()
        before = Before.of(sidecar)
        entries = _complete(folder, agreed, names, parts, before)
        records = agreed.records(dataset_digest(entries))
        plan_records(before, records, entries, sidecar)
        _score_whole(folder, agreed, records, entries, watch)
        scored = {key: sum(_fresh(parts, key, records[key], entry) for entry in entries) for key in records}
        joined = join(sidecar, parts, before, records, entries)
        for file in heartbeat_file(folder, "").parent.glob("rank-*.json"):
            file.unlink(missing_ok=True)
        report = report_of(folder, entries, scored, joined)
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _score(run: ScoringRun, chosen: Chosen, agreed: Agreed, names: Sequence[str]) -> int:
    """Score some shards; returns how many lacked nothing."""
    entries = run.catalogue(names)
    missing = run.missing(agreed.shards, entries)
    run.score_shards(entries, agreed.shards, missing)
    run.keep(entries)
    for name, embedder in chosen.embedders.items():
        key = embedded_key(embedder)
        if key in agreed.shards:
            run.embed(name, embedder, entries)
            for entry in missing[key]:
                run.parts.write(key, entry.name, agreed.shards[key], entry.sha256, {}, [])
    lacking = {entry.name for some in missing.values() for entry in some}
    return len(entries) - len(lacking)


def _check_columns(folder: DatasetFolder, agreed: Agreed, listed: Mapping[str, str]) -> None:
    sidecar = Sidecar(folder.root)
    entries = [ShardEntry(name, sha256, (), 0, Path()) for name, sha256 in listed.items()]
    plan_records(Before.of(sidecar), agreed.records(agreed.dataset), entries, sidecar)


def _complete(
    folder: DatasetFolder, agreed: Agreed, names: Sequence[str], parts: Parts, before: Before
) -> list[ShardEntry]:
    """All shards.

    Raises:
        BuildError: ranks have not done some, or data changed since.
    """
    known, sidecar = known_entries(folder, names), Sidecar(folder.root)

    def is_done(name: str) -> bool:
        entry = known.get(name)
        return entry is not None and all(
            _there(parts, key, record, entry, before, sidecar) for key, record in agreed.shards.items()
        )

    missing = [number for number, name in enumerate(names) if not is_done(name)]
    for whole in {whole.store: whole for whole in agreed.whole.values() if whole.store}.values():
        store = whole.vectors(folder)
        assert store is not None
        done = [number for number in range(len(names)) if number not in missing]
        missing += [number for number in done if store.missing(known[names[number]].keys()[:, 0]).any()]
    if missing:
        raise BuildError(unfinished(parts.agreement, names, sorted(missing), "the scoring"))
    return [known[name] for name in names]


def _fresh(parts: Parts, key: str, record: ScorerRecord, entry: ShardEntry) -> bool:
    return parts.holds(key, entry.name, record.identity, entry.sha256)


def _there(parts: Parts, key: str, record: ScorerRecord, entry: ShardEntry, before: Before, sidecar: Sidecar) -> bool:
    """Whether a shard's scores are there, new ones or those of an earlier sidecar."""
    return _fresh(parts, key, record, entry) or before.holds(key, record.identity, entry, sidecar)


def _score_whole(
    folder: DatasetFolder,
    agreed: Agreed,
    records: Mapping[str, ScorerRecord],
    entries: Sequence[ShardEntry],
    watch: ScoreWatch,
) -> None:
    parts, sidecar = Parts(folder.state), Sidecar(folder.root)
    before, repeated = Before.of(sidecar), repeated_split(folder.manifest())
    for key, whole in agreed.whole.items():
        record = records[key]
        if all(_there(parts, key, record, entry, before, sidecar) for entry in entries):
            continue
        watch.stage("looking for duplicates", sum(entry.rows for entry in entries), " pairs")
        score_whole(whole.made(key), key, records, entries, parts, sidecar, whole.vectors(folder), repeated)


@dataclass(frozen=True)
class _Beating:
    """A watch that shows life, too."""

    watch: ScoreWatch
    beat: Callable[[], None]

    def stage(self, what: str, total: int, unit: str) -> None:
        self.beat()
        self.watch.stage(what, total, unit)

    def advance(self, count: int) -> None:
        self.beat()
        self.watch.advance(count)

    def say(self, text: str) -> None:
        self.watch.say(text)
