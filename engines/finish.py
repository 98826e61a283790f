"""What a build writes beside its shards: its identity before, rejects, card and manifest after."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..builders.index import SourceIndex
from ..builders.plan import Plan
from ..builders.resolve import Stream
from ..manifests.folder import DatasetFolder, ShardRecord, write_json
from ..manifests.recipe import Recipe
from ..writers.card import write_card
from .prepare import Prepared

_CODECS = ("pyarrow", "numpy", "opencv-python-headless", "simplejpeg", "isal", "pillow", "pycocotools")


def identity(prepared: Prepared, limit: int | None) -> dict[str, Any]:
    """Everything that decides the bytes; where the sources lie does not."""
    streams = prepared.streams
    return {
        "recipe": portable(prepared.recipe),
        "left_out": sorted(prepared.left_out),
        "limit": limit,
        "planned": prepared.plan.counts,
        "sources": {stream.source.label: stream.index.digest for stream in streams},
        **prepared.wordings.identity(),
        "versions": _versions(),
    }


def portable(recipe: Recipe) -> dict[str, Any]:
    """The recipe with every default, without the folders of this machine."""
    value = recipe.model_dump(mode="json")
    for source in value["sources"]:
        source["path"] = source["source"]
    value["instructions"]["banks"] = [Path(bank).name for bank in recipe.instructions.banks]
    return value


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("taskpaint", *_CODECS)}


def finish(prepared: Prepared, folder: DatasetFolder, records: list[ShardRecord]) -> dict[str, Any]:
    """Join rejects, write the card and, last of all, the manifest; returns the manifest."""
    recipe, streams = prepared.recipe, prepared.streams
    indexes = {stream.source.label: stream.index for stream in streams}
    index_rejects = {label: len(index.rejects()) for label, index in indexes.items()}
    _join_rejects(folder, indexes, records)
    counts = _counts(streams, prepared.plan, records)
    rows: dict[str, int] = {}
    for record in records:
        split = record.name.partition("-")[0]
        rows[split] = rows.get(split, 0) + record.rows
    manifest = {
        "format": 1,
        "name": recipe.name,
        "description": recipe.description,
        "versions": _versions(),
        "seed": recipe.seed,
        "recipe": portable(recipe),
        "held_out_templates": prepared.wordings.held_out_ids(),
        "splits": rows,
        "counts": counts,
        "index_rejects": index_rejects,
        "left_out": sorted(prepared.left_out),
        "sources": {
            label: {
                "dataset": index.source.name,
                "title": index.source.title,
                "split": index.source.split,
                "license": index.source.license,
                "homepage": index.source.homepage,
                "images": len(index),
                "digest": index.digest,
            }
            for label, index in indexes.items()
        },
        "shards": [{"name": r.name, "rows": r.rows, "bytes": r.bytes, "sha256": r.sha256} for r in records],
    }
    write_card(folder.root, manifest)
    write_json(folder.manifest_file, manifest)
    return manifest


def _join_rejects(folder: DatasetFolder, indexes: Mapping[str, SourceIndex], records: list[ShardRecord]) -> None:
    part = folder.rejects_file.with_name(".rejects.jsonl.part")
    with part.open("w", encoding="utf-8") as joined:
        for label, index in indexes.items():
            for reject in index.rejects():
                line = {"source": label, "id": reject.id, "kind": "annotation", "reason": reject.reason}
                joined.write(json.dumps(line, ensure_ascii=False) + "\n")
        for record in records:
            joined.write(folder.rejects_part(record.name).read_text(encoding="utf-8"))
    part.replace(folder.rejects_file)


def _counts(streams: list[Stream], plan: Plan, records: list[ShardRecord]) -> dict[str, dict[str, int]]:
    counts = {
        stream.label: {"planned": sum(planned.values()), "built": 0, "bad": 0, "skipped": 0}
        for stream, planned in zip(streams, plan.per_stream(len(streams)), strict=True)
    }
    for record in records:
        for label, kinds in record.counts.items():
            for kind, count in kinds.items():
                counts[label][kind] += count
    return counts
