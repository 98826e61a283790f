"""Write edits of a run as a dataset folder."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ...alignment.run import Item
from ...manifests.errors import BadItem
from ...manifests.folder import DatasetFolder, ShardRecord, write_json, write_text
from ...manifests.triplet import Triplet
from ...writers.card import write_card
from ...writers.shards import output_errors, write_shard
from .pairs import pair_of

_ROW_GROUP_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A row to be written: id, item, place of the edit, and how it was made and chosen."""

    id: str
    item: Item
    place: int
    alignment: Mapping[str, Any]


@dataclass
class Written:
    """What was written. rows: by split; rejects: rows that could not be."""

    rows: dict[str, int] = field(default_factory=dict)
    rejects: list[dict[str, str]] = field(default_factory=list)


def write_dataset(
    root: Path,
    folder: DatasetFolder,
    rows: Iterable[Row],
    about: Mapping[str, Any],
    shard_rows: int = 1000,
    advance: Callable[[int], None] = lambda count: None,
) -> Written:
    """Write shards, rejects, card and, last of all, the manifest. The folder was begun and is locked.

    Args:
        root: of the run.
        about: what the manifest says besides rows and shards: name, description, seed, alignment.
        advance: told of each row that is done.

    Raises:
        OutputError: the folder cannot be written.
    """
    written = Written()
    by_split: dict[str, list[Row]] = {}
    for row in rows:
        by_split.setdefault(row.item.split, []).append(row)
    records = [
        record
        for split in sorted(by_split)
        for record in _write_split(root, folder, split, by_split[split], shard_rows, written, advance)
    ]
    with output_errors(folder.root):
        lines = [json.dumps(reject, ensure_ascii=False) + "\n" for reject in written.rejects]
        write_text(folder.rejects_file, "".join(lines))
        manifest = _manifest(by_split, records, written, about)
        write_card(folder.root, manifest)
        write_json(folder.manifest_file, manifest)
    return written


def _write_split(
    root: Path,
    folder: DatasetFolder,
    split: str,
    rows: list[Row],
    shard_rows: int,
    written: Written,
    advance: Callable[[int], None],
) -> list[ShardRecord]:
    """Shards of one split; their names tell how many there are, which is known only at the end."""
    triplets = _triplets(root, rows, written, advance)
    parts: list[tuple[Path, Any]] = []
    with output_errors(folder.data):
        (folder.state / "parts").mkdir(parents=True, exist_ok=True)
    while some := list(islice(triplets, shard_rows)):
        part = folder.state / "parts" / f"{split}-{len(parts):05d}.parquet"
        parts.append((part, write_shard(part, some, _ROW_GROUP_ROWS)))
    records = []
    for number, (part, shard) in enumerate(parts):
        name = f"{split}-{number:05d}-of-{len(parts):05d}"
        with output_errors(folder.shard_file(name)):
            part.replace(folder.shard_file(name))
        records.append(ShardRecord(name, shard.rows, shard.bytes, shard.sha256))
        folder.note(records[-1])
    written.rows[split] = sum(record.rows for record in records)
    return records


def _triplets(root: Path, rows: list[Row], written: Written, advance: Callable[[int], None]) -> Iterator[Triplet]:
    for row in rows:
        try:
            yield pair_of(root, row.item, row.place, row.id, row.alignment)
        except BadItem as fault:
            written.rejects.append({"source": "run", "id": row.id, "task": "edit", "kind": "bad", "reason": str(fault)})
        advance(1)


def _manifest(
    by_split: Mapping[str, list[Row]], records: list[ShardRecord], written: Written, about: Mapping[str, Any]
) -> dict[str, Any]:
    planned = sum(map(len, by_split.values()))
    built = sum(record.rows for record in records)
    counts = {"planned": planned, "built": built, "bad": planned - built, "skipped": 0}
    return {
        "format": 1,
        "versions": {"taskpaint": importlib.metadata.version("taskpaint")},
        **about,
        "splits": dict(written.rows),
        "counts": {"run/edit": counts},
        "sources": _sources(row for rows in by_split.values() for row in rows),
        "shards": [one.listed for one in records],
    }


def _sources(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    pictures: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        name = row.item.source_dataset or "alignment"
        pictures.setdefault((name, row.item.license or "not stated"), set()).add(row.item.source)
    return {
        f"{name}-{number}" if number else name: {"dataset": name, "title": name, "split": "", "license": license_text,
                                                  "homepage": "", "images": len(found)}
        for number, ((name, license_text), found) in enumerate(sorted(pictures.items()))
    }  # fmt: skip
