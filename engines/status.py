"""How a build, its scores or an export stand, from the folder alone: whatever engine runs, here or elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..manifests.cache import cache_folder
from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder, ShardRecord
from ..manifests.heartbeats import Heartbeat, read_heartbeats
from ..manifests.storage.url import place
from .export_folder import ExportFolder
from .ranks import planned_shards
from .remote_folder import RemoteFolder
from .stages import begun_stage
from .status_stages import embedded_pictures, export_records, ranks_at_scoring, scored_shards

QUIET_SECONDS = 120.0
"""A shard that has shown no life for so long is taken for lost."""
_WINDOW_SECONDS = 900.0


@dataclass(frozen=True)
class Writer:
    """One ledger: of a run on one machine, or of a rank. last: Unix time of its last shard."""

    name: str
    shards: int
    rows: int
    last: float


@dataclass(frozen=True)
class Begun:
    """A shard that was begun and is not done.

    Attributes:
        seconds: since it was begun.
        quiet_seconds: since its last sign of life.
    """

    name: str
    host: str
    pid: int
    attempt: int
    seconds: float
    quiet_seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Status:
    """How a build stands.

    Attributes:
        state: "finished", "running", "stopped", or "complete" when all shards are there and only `taskpaint finish` or
            another `taskpaint build` is missing.
        shards: "planned", "done", "running", "failed", "lost", "waiting" -> number.
        units: triplets "planned", and of them "done": built, or rejected for good.
        rows, bytes: written so far.
        rate: units a second lately, of all workers together; None before the first shard.
        eta_seconds: until the last shard; None unless it runs and the rate is known.
        running: shards that show life.
        lost: shards whose process has been silent for `QUIET_SECONDS`; the next run builds them again.
        failed: shards whose last attempt ended with an error.
        writers: one a ledger.
        stage: "build", "export", or "score" while ranks score the dataset: then running, lost and failed are ranks, and
            counted are the shards that they have not scored yet.
        scored: scorer -> shards that it has scored.
        embedded: embedder -> pictures that it has embedded.
    """

    root: str
    state: str
    shards: dict[str, int]
    units: dict[str, int]
    rows: int
    bytes: int
    rate: float | None
    eta_seconds: float | None
    running: list[Begun] = field(default_factory=list)
    lost: list[Begun] = field(default_factory=list)
    failed: list[Begun] = field(default_factory=list)
    writers: list[Writer] = field(default_factory=list)
    stage: str = "build"
    scored: dict[str, int] = field(default_factory=dict)
    embedded: dict[str, int] = field(default_factory=dict)


def status(root: Path | str, now: float | None = None) -> Status:
    """Read how a build or an export stands, and how far its scores are.

    Args:
        root: the dataset folder, or an export's, or a URL.
        now: Unix time; None for the clock's.

    Raises:
        DatasetFolderError: no build was begun here.
    """
    folder = _looked_at(root)
    scored, embedded = scored_shards(folder), embedded_pictures(folder)
    stage = begun_stage(folder.root)
    if stage == "export":
        sizes, records = export_records(folder.root)
        found = _standing(folder, sizes, records, ExportFolder(folder.root).report_file, now)
        return replace(found, stage="export")
    if stage == "score":
        return replace(_scoring(folder, now), scored=scored, embedded=embedded)
    if not (folder.state / "run.json").exists() and folder.manifest_file.exists():
        return replace(_finished(folder), scored=scored, embedded=embedded)
    sizes = {shard.name: shard.stop - shard.start for shard in planned_shards(folder)}
    records = {name: record for name, record in folder.ledger().items() if name in sizes}
    return replace(_standing(folder, sizes, records, folder.manifest_file, now), scored=scored, embedded=embedded)


def _standing(
    folder: DatasetFolder, sizes: Mapping[str, int], records: Mapping[str, ShardRecord], last: Path, now: float | None
) -> Status:
    """From the units of every shard, those that are done, and the file that is written last."""
    begun = [(beat, seen) for beat, seen in read_heartbeats(folder) if beat.name in sizes and beat.name not in records]
    running, lost, failed = _sorted_out(begun, time.time() if now is None else now)
    done = sum(sizes[name] for name in records)
    rate = units_a_second([(record, sizes[name]) for name, record in records.items()])
    left = sum(sizes.values()) - done
    counts = {"planned": len(sizes), "done": len(records), "running": len(running), "failed": len(failed)}
    counts |= {"lost": len(lost), "waiting": len(sizes) - len(records) - len(begun)}
    return Status(
        str(folder.place),
        _state(counts, last),
        counts,
        {"planned": done + left, "done": done},
        sum(record.rows for record in records.values()),
        sum(record.bytes for record in records.values()),
        rate,
        round(left / rate, 1) if rate and running else None,
        running,
        lost,
        failed,
        _writers(folder),
    )


def _scoring(folder: DatasetFolder, now: float | None) -> Status:
    """How ranks stand that score a dataset; one that runs has all of its shards at work."""
    ranks = ranks_at_scoring(folder)
    known = {f"rank-{rank}": len(left) for rank, left in ranks.left.items()}
    begun = [(beat, seen) for beat, seen in read_heartbeats(folder) if beat.name in known]
    running, lost, failed = _sorted_out(begun, time.time() if now is None else now)
    waiting, done = sum(known.values()), sum(ranks.done.values())
    planned = done + sum(sum(left.values()) for left in ranks.left.values())
    counts = {"planned": len(ranks.done) + waiting, "done": len(ranks.done)}
    for kind, some in (("running", running), ("failed", failed), ("lost", lost)):
        counts[kind] = sum(known[one.name] for one in some)
        waiting -= counts[kind]
    counts["waiting"] = waiting
    state = "running" if running else "stopped" if counts["done"] < counts["planned"] else "complete"
    size = sum(shard["bytes"] for shard in folder.manifest()["shards"] if shard["name"] in ranks.done)
    units = {"planned": planned, "done": done}
    return Status(str(folder.place), state, counts, units, done, size, None, None, running, lost, failed, stage="score")


def _looked_at(root: Path | str) -> DatasetFolder:
    where = place(root) if isinstance(root, str) else root
    if isinstance(where, Path):
        return DatasetFolder(where)
    folder = RemoteFolder.open(where, cache_folder() / "status")
    folder.look()
    return folder


def units_a_second(records: Sequence[tuple[ShardRecord, int]]) -> float | None:
    """Units of shards by the time in which at least one of them was being built, over the last quarter of an hour.

    Pauses between runs do not count, and any number of workers on any machines may overlap.
    """
    spans = [(record.at - record.seconds, record.at, units) for record, units in records if record.at]
    if not spans:
        return None
    since = max(stop for _, stop, _ in spans) - _WINDOW_SECONDS
    units, late = 0.0, []
    for start, stop, count in spans:
        if stop > since:
            share = (stop - max(start, since)) / (stop - start) if stop > start else 1.0
            units += count * share
            late.append((max(start, since), stop))
    busy = _union_length(late)
    return units / busy if busy > 0 else None


def _union_length(spans: Iterable[tuple[float, float]]) -> float:
    length, reached = 0.0, float("-inf")
    for start, stop in sorted(spans):
        length += max(0.0, stop - max(start, reached))
        reached = max(reached, stop)
    return length


def _sorted_out(begun: Sequence[tuple[Heartbeat, float]], now: float) -> tuple[list[Begun], list[Begun], list[Begun]]:
    """Running, lost and failed. Clocks of machines differ a little: no time is below zero."""
    running, lost, failed = list[Begun](), list[Begun](), list[Begun]()
    for beat, seen in begun:
        quiet = max(0.0, now - seen)
        seconds = max(0.0, now - beat.started)
        one = Begun(beat.name, beat.host, beat.pid, beat.attempt, round(seconds, 1), round(quiet, 1), beat.failed)
        (failed if beat.failed else running if quiet < QUIET_SECONDS else lost).append(one)
    return running, lost, failed


def _state(counts: dict[str, int], last: Path) -> str:
    if counts["done"] == counts["planned"]:
        return "finished" if last.exists() else "complete"
    return "running" if counts["running"] else "stopped"


def _writers(folder: DatasetFolder) -> list[Writer]:
    found = []
    for name, records in folder.ledgers().items():
        mine = {record.name: record for record in records}.values()
        last = max((record.at for record in mine), default=0.0)
        found.append(Writer(name, len(mine), sum(record.rows for record in mine), last))
    return found


def _finished(folder: DatasetFolder) -> Status:
    """A finished dataset that was copied without its bookkeeping."""
    manifest: dict[str, Any] = folder.manifest()
    try:
        rows = sum(manifest["splits"].values())
        size = sum(shard["bytes"] for shard in manifest["shards"])
        units = sum(sum(counts[kind] for kind in ("built", "bad", "skipped")) for counts in manifest["counts"].values())
        count = len(manifest["shards"])
    except (KeyError, TypeError, AttributeError) as fault:
        raise DatasetFolderError(f"{folder.manifest_file} is not of a taskpaint build: {fault!r}") from fault
    shards = {"planned": count, "done": count, "running": 0, "failed": 0, "lost": 0, "waiting": 0}
    return Status(str(folder.place), "finished", shards, {"planned": units, "done": units}, rows, size, None, None)
