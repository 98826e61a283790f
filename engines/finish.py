"""What a build writes beside its shards: identity and the manifest's head before, rejects, card and manifest after."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..builders.resolve import Stream
from ..manifests.folder import DatasetFolder, ShardRecord, replacing, split_of, write_json, write_text
from ..manifests.recipe import Recipe
from ..writers.card import write_card
from .prepare import Prepared
from .remote_folder import RemoteFolder
from .shard_job import plan_file

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


def write_head(prepared: Prepared, folder: DatasetFolder) -> None:
    """Keep what the manifest will say of recipe and sources, so that the folder can be finished without them."""
    recipe, streams = prepared.recipe, prepared.streams
    indexes = {stream.source.label: stream.index for stream in streams}
    planned = zip(streams, prepared.plan.per_stream(len(streams)), strict=True)
    head = {
        "format": 1,
        "name": recipe.name,
        "description": recipe.description,
        "versions": _versions(),
        "seed": recipe.seed,
        "recipe": portable(recipe),
        "held_out_templates": prepared.wordings.held_out_ids(),
        "splits": {},
        "counts": {
            stream.label: {"planned": sum(counts.values()), "built": 0, "bad": 0, "skipped": 0}
            for stream, counts in planned
        },
        "tasks": _tasks(streams),
        "index_rejects": {label: len(index.rejects()) for label, index in indexes.items()},
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
        "shards": [],
    }
    rejects = [
        {"source": label, "id": reject.id, "kind": "annotation", "reason": reject.reason}
        for label, index in indexes.items()
        for reject in index.rejects()
    ]
    lines = "".join(json.dumps(reject, ensure_ascii=False) + "\n" for reject in rejects)
    write_text(_index_rejects(folder), lines)
    write_json(_head(folder), head)
    if isinstance(folder, RemoteFolder):
        folder.keep(_index_rejects(folder), _head(folder))


def is_begun(folder: DatasetFolder) -> bool:
    """Whether everything that workers and `finish` need lies in the folder."""
    return plan_file(folder.root).exists() and has_head(folder)


def has_head(folder: DatasetFolder) -> bool:
    """Whether everything that `finish` needs, but for the shards, lies in the folder."""
    return _head(folder).exists() and _index_rejects(folder).exists()


def built_shards(folder: DatasetFolder) -> dict[str, ShardRecord]:
    """Shards that need not be built again: in the ledger, with their rejects."""
    return {name: record for name, record in folder.ledger().items() if folder.rejects_part(name).exists()}


def finish(folder: DatasetFolder, records: list[ShardRecord]) -> dict[str, Any]:
    """Join rejects, write the card and, last of all, the manifest; returns the manifest.

    Args:
        folder: begun, all shards built.
        records: of all shards, in the plan's order.
    """
    _join_rejects(folder, records)
    head: dict[str, Any] = json.loads(_head(folder).read_text(encoding="utf-8"))
    for record in records:
        split = split_of(record.name)
        head["splits"][split] = head["splits"].get(split, 0) + record.rows
        for label, kinds in record.counts.items():
            for kind, count in kinds.items():
                head["counts"][label][kind] += count
    head["shards"] = [one.listed for one in records]
    survey = folder.card_survey(records) if isinstance(folder, RemoteFolder) else None
    write_card(folder.root, head, survey=survey)
    write_json(folder.manifest_file, head)
    if isinstance(folder, RemoteFolder):
        folder.publish()
    return head


def _head(folder: DatasetFolder) -> Path:
    return folder.state / "head.json"


def _index_rejects(folder: DatasetFolder) -> Path:
    return folder.state / "index-rejects.jsonl"


def _tasks(streams: list[Stream]) -> dict[str, Any]:
    """What each task asks, and what its decoded targets must reach."""
    found = {stream.task.name: stream.task for stream in streams}
    return {
        name: {"summary": task.summary, "limits": [asdict(limit) for limit in task.limits]}
        for name, task in sorted(found.items())
    }


def _join_rejects(folder: DatasetFolder, records: list[ShardRecord]) -> None:
    with replacing(folder.rejects_file) as part, part.open("w", encoding="utf-8") as joined:
        for file in (_index_rejects(folder), *(folder.rejects_part(record.name) for record in records)):
            joined.write(file.read_text(encoding="utf-8"))
