"""Joining the parts of all scorers into the sidecar, with what it held before and still holds true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...filters.sidecar import ROW_COLUMNS, ScorerRecord, Sidecar, canonical, unique_columns
from ...manifests.errors import DatasetFolderError, UsageError
from ...manifests.folder import write_text
from ...writers.shards import output_errors
from .catalogue import ShardEntry
from .parts import Parts


@dataclass(frozen=True)
class Before:
    """What the sidecar held when the run began."""

    records: Mapping[str, ScorerRecord]
    shards: Mapping[str, str]

    @classmethod
    def of(cls, sidecar: Sidecar) -> Before:
        """Read it; a sidecar that is broken or of another version holds nothing."""
        try:
            return cls(sidecar.records(), sidecar.shards())
        except DatasetFolderError:
            return cls({}, {})

    def holds(self, key: str, identity: Mapping[str, Any], entry: ShardEntry, sidecar: Sidecar) -> bool:
        """Whether the scores of a shard are there, by this scorer, of this data."""
        record = self.records.get(key)
        return (
            record is not None
            and canonical(record.identity) == canonical(identity)
            and self.shards.get(entry.name) == entry.sha256
            and sidecar.file(entry.name).is_file()
        )


@dataclass(frozen=True)
class Joined:
    """What the sidecar holds now.

    Attributes:
        records: its scorers.
        outdated: scorers that it no longer holds, since data changed and they were not asked for.
        rejects: rows with a score that could not be made.
    """

    records: dict[str, ScorerRecord]
    outdated: list[str]
    rejects: int


def plan_records(
    before: Before, asked: Mapping[str, ScorerRecord], entries: Sequence[ShardEntry], sidecar: Sidecar
) -> tuple[dict[str, ScorerRecord], list[str]]:
    """Scorers of the new sidecar in their order, and those that have to be left out because data changed.

    Raises:
        UsageError: two scorers make one column.
    """
    kept: dict[str, ScorerRecord] = {}
    outdated: list[str] = []
    for key, record in before.records.items():
        if key in asked or all(before.holds(key, record.identity, entry, sidecar) for entry in entries):
            kept[key] = asked.get(key, record)
        else:
            outdated.append(key)
    found = {**kept, **asked}
    fault = unique_columns(found.items())
    if fault:
        raise UsageError(f"{fault}; give one of them a label, as in aesthetics:v1, or leave it out")
    return found, outdated


def join(
    sidecar: Sidecar,
    parts: Parts,
    before: Before,
    asked: Mapping[str, ScorerRecord],
    entries: Sequence[ShardEntry],
) -> Joined:
    """Write the sidecar. When it is stopped half-way, scores.json tells only of what is sure to be true.

    Raises:
        OutputError: the disk is full or cannot be written.
    """
    records, outdated = plan_records(before, asked, entries, sidecar)
    shards = {entry.name: entry.sha256 for entry in entries}
    with output_errors(sidecar.folder):
        _tell_only_what_stays(sidecar, before, records, shards)
        told = _told(sidecar)
        lines: list[str] = []
        for entry in entries:
            table, rejected = _joined(sidecar, parts, before, records, entry, told)
            if table is not None:
                sidecar.write(entry.name, table)
            lines += rejected
        _write_lines(sidecar, lines)
        sidecar.describe(records, shards)
        _sweep(sidecar, shards)
        parts.remove()
    return Joined(records, outdated, len(lines))


def _tell_only_what_stays(
    sidecar: Sidecar, before: Before, records: Mapping[str, ScorerRecord], shards: Mapping[str, str]
) -> None:
    stay = {
        key: record
        for key, record in before.records.items()
        if key in records and canonical(records[key].identity) == canonical(record.identity)
    }
    true = {name: digest for name, digest in before.shards.items() if shards.get(name) == digest}
    if before.records and (stay != dict(before.records) or true != dict(before.shards)):
        sidecar.describe(stay, true)


def _joined(
    sidecar: Sidecar,
    parts: Parts,
    before: Before,
    records: Mapping[str, ScorerRecord],
    entry: ShardEntry,
    told: Mapping[str, list[dict[str, Any]]],
) -> tuple[pa.Table | None, list[str]]:
    """A shard's table, None when it is there as it should be; and the lines of its rejects."""
    fresh = [key for key in records if parts.holds(key, entry.name, records[key].identity, entry.sha256)]
    rows = entry.table(ROW_COLUMNS)
    reasons: dict[tuple[int, str, str], list[str]] = {}
    for line in told.get(entry.name, []):
        kept = [key for key in line["scorers"] if key in records and key not in fresh]
        if kept and before.shards.get(entry.name) == entry.sha256:
            reasons.setdefault((line["row"], line["side"], line["reason"]), []).extend(kept)
    old = sidecar.stored(entry.name) if any(key not in fresh for key in records) else None
    columns: dict[str, pa.ChunkedArray] = {name: rows.column(name) for name in ROW_COLUMNS}
    for key, record in records.items():
        table = old
        if key in fresh:
            table, rejects = parts.read(key, entry.name)
            for reject in rejects:
                reasons.setdefault((reject["row"], reject["side"], reject["reason"]), []).append(key)
        assert table is not None
        columns |= {column.name: table.column(column.name) for column in record.columns}
    ids = rows.column("id")
    lines = [
        json.dumps(
            {
                "shard": entry.name,
                "row": row,
                "id": ids[row].as_py(),
                "side": side,
                "reason": reason,
                "scorers": sorted(set(scorers)),
            },
            ensure_ascii=False,
        )
        for (row, side, reason), scorers in sorted(reasons.items())
    ]
    return (pa.table(columns) if fresh or old is None else None), lines


def _told(sidecar: Sidecar) -> dict[str, list[dict[str, Any]]]:
    """Shard -> the rejects that an earlier run wrote."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in _lines(sidecar):
        found.setdefault(str(line.get("shard")), []).append(line)
    return found


def _lines(sidecar: Sidecar) -> Iterator[dict[str, Any]]:
    if sidecar.exists and sidecar.rejects_file.is_file():
        for line in sidecar.rejects_file.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _write_lines(sidecar: Sidecar, lines: Sequence[str]) -> None:
    sidecar.folder.mkdir(parents=True, exist_ok=True)
    write_text(sidecar.rejects_file, "".join(f"{line}\n" for line in lines))


def _sweep(sidecar: Sidecar, shards: Mapping[str, str]) -> None:
    """Remove scores of shards that are no longer there, and unfinished files."""
    for file in sidecar.folder.glob("*.parquet"):
        if file.stem not in shards:
            file.unlink(missing_ok=True)
    for left_over in sidecar.folder.glob(".*.part"):
        left_over.unlink(missing_ok=True)
