"""Estimate a build: try a few units of every stream and scale up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ..builders.plan import Unit
from ..builders.unit import build_unit
from ..manifests.errors import ItemError
from ..manifests.recipe_file import RecipeFile
from .local import default_workers
from .prepare import BuildOptions, Prepared, Progress, prepare
from .shard_job import to_triplet

_TRIED = 12


def estimate(files: Sequence[RecipeFile], options: BuildOptions, progress: Progress | None = None) -> dict[str, Any]:
    """What a build would come to; writes nothing.

    Returns:
        JSON-able: `streams` (planned, tried, built, bytes and seconds a triplet), `splits`, `shards`, `bytes`,
        `seconds` with `workers`.

    Raises:
        UsageError: a recipe or a source does not hold.
    """
    prepared = prepare(files, options, progress)
    plan, streams = prepared.plan, prepared.streams
    planned = [sum(counts.values()) for counts in plan.per_stream(len(streams))]
    share = len(plan) / max(1, sum(planned))
    found = {}
    for position, stream in enumerate(streams):
        tried = _try(prepared, position)
        found[stream.label] = {"planned": round(planned[position] * share), **tried}
    workers = options.workers or default_workers()
    built = [values["planned"] * values["built"] / max(1, values["tried"]) for values in found.values()]
    size = sum(count * values["bytes_each"] for count, values in zip(built, found.values(), strict=True))
    seconds = sum(values["planned"] * values["seconds_each"] for values in found.values()) / workers
    shards = plan.shards(prepared.recipe.output.rows_per_shard)
    return {
        "streams": found,
        "splits": plan.counts,
        "shards": len(shards),
        "bytes": round(size),
        "seconds": round(seconds, 1),
        "workers": workers,
    }


def _try(prepared: Prepared, position: int) -> dict[str, Any]:
    recipe, streams = prepared.recipe, prepared.streams
    stream = streams[position]
    rows = stream.task.eligible(stream.index).nonzero()[0]
    rows = rows[:: max(1, len(rows) // _TRIED)][:_TRIED].tolist()
    built, size = 0, 0
    started = time.perf_counter()
    for row in rows:
        try:
            built_unit = build_unit(recipe, streams, Unit(position, row, 0))
            triplet = to_triplet(recipe, stream, built_unit, prepared.wordings.drawn)
        except ItemError:
            continue
        built += 1
        size += len(triplet.input_image) + len(triplet.edited_image) + len(triplet.annotation) + len(triplet.params)
    seconds = time.perf_counter() - started
    return {
        "tried": len(rows),
        "built": built,
        "bytes_each": round(size / max(1, built)),
        "seconds_each": seconds / max(1, len(rows)),
    }
