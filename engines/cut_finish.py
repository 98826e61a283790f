"""What a cut writes beside its shards: the scores' description, dropped rows, rejects, card and manifest."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..filters.sidecar import Sidecar
from ..filters.survival import KEPT
from ..manifests.folder import DatasetFolder, ShardRecord, replacing, split_of, write_json
from ..writers.card import write_card
from .cut_plan import CutShard
from .survey import Survey

DROPPED = "dropped.parquet"


def finish_cut(found: Survey, folder: DatasetFolder, plan: list[CutShard], rows_per_shard: int) -> dict[str, Any]:
    """Write everything beside the shards, the manifest last of all; returns the manifest."""
    records = folder.finished(shard.name for shard in plan)
    sidecar = Sidecar(found.parent.root)
    Sidecar(folder.root).describe(sidecar.records(), {record.name: record.sha256 for record in records})
    _write_dropped(found, folder, sidecar)
    if found.parent.rejects_file.exists():
        with replacing(folder.rejects_file) as part:
            shutil.copyfile(found.parent.rejects_file, part)
    manifest = _manifest(found, records, rows_per_shard)
    write_card(folder.root, manifest)
    write_json(folder.manifest_file, manifest)
    return manifest


def _manifest(found: Survey, records: list[ShardRecord], rows_per_shard: int) -> dict[str, Any]:
    """The parent's manifest with other shards, and the cut added to its cuts."""
    survival = found.survival
    cut = {
        "parent": {"manifest_sha256": found.manifest_sha256, "rows": len(found.rows)},
        "rules": [str(rule) for rule in survival.rules],
        "missing": found.missing,
        "forced": found.forced,
        "rows_per_shard": rows_per_shard,
        "skipped": found.skipped,
        "dropped": int((survival.dropped_by != KEPT).sum()),
        "table": [cell.as_json(survival.rules[cell.rule]) for cell in survival.cells],
        "scorers": found.scorers,
    }
    return {
        **found.manifest,
        "splits": {split: counts["kept"] for split, counts in found.splits.items()},
        "cuts": [*found.manifest.get("cuts", []), cut],
        "shards": [one.listed for one in records],
    }


def _write_dropped(found: Survey, folder: DatasetFolder, sidecar: Sidecar) -> None:
    """Every dropped row with the rule that dropped it and its scores."""
    text = [("id", pa.string()), ("task", pa.string()), ("split", pa.string()), ("rule", pa.string())]
    schema = pa.schema([*text, *((name, pa.float64()) for name in found.columns)])
    with (
        replacing(folder.root / DROPPED) as part,
        pa.OSFile(str(part), "wb") as sink,
        pq.ParquetWriter(sink, schema, compression="zstd") as writer,
    ):
        for position, shard in enumerate(found.rows.shards):
            first, stop = (int(place) for place in found.rows.starts[position : position + 2])
            _dropped_of(found, sidecar, shard, found.survival.dropped_by[first:stop], writer, schema)


def _dropped_of(
    found: Survey, sidecar: Sidecar, shard: str, dropped_by: Any, writer: pq.ParquetWriter, schema: pa.Schema
) -> None:
    rows = np.flatnonzero(dropped_by != KEPT)
    if not len(rows):
        return
    table = sidecar.read(shard).take(pa.array(rows))
    rules = [str(found.survival.rules[position]) for position in dropped_by[rows].tolist()]
    values: dict[str, Any] = {name: table.column(name) for name in ("id", "task", *found.columns)}
    values |= {"split": pa.array([split_of(shard)] * len(rows)), "rule": pa.array(rules)}
    writer.write_table(pa.table([values[field.name].cast(field.type) for field in schema], schema=schema))
