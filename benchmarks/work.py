"""The same triplets for taskpaint and for others: built once, then handed out as `Item`s."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from floors import FLOORS
from floors.item import Floor, Item
from floors.table import ROW_GROUP_ROWS, write
from taskpaint.builders.plan import Shard, Unit
from taskpaint.builders.resolve import Stream
from taskpaint.builders.unit import geometry_of, unit_draws, unit_id
from taskpaint.builders.view import View
from taskpaint.engines.build import BuildOptions, BuildReport, build
from taskpaint.engines.prepare import Prepared, prepare
from taskpaint.engines.shard_job import ShardJob
from taskpaint.manifests.images import read_header
from taskpaint.manifests.recipe import Recipe
from taskpaint.manifests.recipe_file import RecipeFile, parse_recipe

SIZES: dict[str, dict[str, Any]] = {"native": {"resize": "native"}, "512": {"resize": "square", "size": 512}}
ROWS_PER_SHARD = 128


@dataclass(frozen=True)
class Work:
    """A pipeline's shards, ready to be built again by taskpaint and by others.

    Attributes:
        run: taskpaint's way to build one of the shards.
        rows: what it built, by shard.
        items: the same triplets as the floor sees them.
    """

    report: BuildReport
    shards: list[Shard]
    run: Callable[[Shard], Any]
    rows: dict[str, list[dict[str, Any]]]
    items: dict[str, list[Item]]


def keys(data: Path) -> list[str]:
    """Pipelines with any source in the folder, each at every size: "mask-native" and so on."""
    there = [name for name, floor in FLOORS.items() if any((data / path).exists() for _, path, _ in floor.sources)]
    return [f"{name}-{size}" for name in there for size in SIZES]


def prepare_work(key: str, data: Path, out: Path, triplets: int) -> Work:
    """Build a pipeline such as "mask-native" once, with about so many triplets tried.

    Args:
        key: pipeline and size.
        data: folder with the datasets' folders.
        out: where to build.
    """
    name, size = key.split("-")
    floor = FLOORS[name]
    file = _recipe(floor, key, size, data, triplets)
    report = build([file], out, BuildOptions(workers=1))
    prepared = prepare([file], BuildOptions())
    shards = prepared.plan.shards(ROWS_PER_SHARD)
    rows = {shard.name: pq.read_table(out / "data" / f"{shard.name}.parquet").to_pylist() for shard in shards}
    items = {shard.name: list(_items(floor, prepared, shard, rows[shard.name])) for shard in shards}
    return Work(report, shards, ShardJob.of(prepared, out, None).open(), rows, items)


def compare(floor: Floor, found: Work, file: Path) -> None:
    """Refuse to measure unless both sides do the same work: pictures byte for byte, annotations by value.

    Args:
        file: to write what the floor makes.
    """
    for shard, rows in found.rows.items():
        write(floor, found.items[shard], file)
        for mine, theirs in zip(pq.read_table(file).to_pylist(), rows, strict=True):
            same = {name: mine[name]["bytes"] == theirs[name]["bytes"] for name in ("input_image", "edited_image")}
            same["annotation"] = json.loads(mine["annotation"]) == json.loads(theirs["annotation"])
            for name, is_same in same.items():
                if not is_same:
                    raise SystemExit(f"{theirs['id']}: {name} differs from the floor's, the ratio would mean nothing")


def _recipe(floor: Floor, name: str, size: str, data: Path, triplets: int) -> RecipeFile:
    sources = [
        {"source": source, "path": str(data / path), "split": split, "name": f"{source}-{split}"}
        for source, path, split in floor.sources
        if (data / path).exists()
    ]
    task = {"task": floor.task, "options": dict(floor.options)}
    value = {
        "name": name,
        "sources": sources,
        "tasks": [{**task, "weight": 1}],
        "image": SIZES[size],
        "splits": {"validation": 0},
        "output": {"rows_per_shard": ROWS_PER_SHARD, "row_group_rows": ROW_GROUP_ROWS},
    }
    once = len(prepare([parse_recipe(json.dumps(value))], BuildOptions()).plan)
    weight = max(1, round(triplets / once))
    return parse_recipe(json.dumps({**value, "tasks": [{**task, "weight": weight}]}))


def _items(floor: Floor, prepared: Prepared, shard: Shard, rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    units = {unit_id(*_named(prepared, unit), unit.variant): unit for unit in prepared.plan.units(shard)}
    for row in rows:
        unit = units[row["id"]]
        stream, item = _named(prepared, unit)
        view = _view(prepared.recipe, stream, unit, item)
        facts = {**row, "params": json.loads(row["params"]), "annotation": json.loads(row["annotation"])}
        pair = view.sample.pair
        yield Item(
            id=row["id"],
            file=str(view.sample.image.path),
            size=view.geometry.source_wh,
            crop=view.geometry.crop_xyxy,
            out=view.size_wh,
            params=facts["params"],
            annotation=facts["annotation"],
            facts=floor.facts(facts, view),
            twin=str(pair.image.path) if pair else "",
        )


def _named(prepared: Prepared, unit: Unit) -> tuple[Stream, str]:
    stream = prepared.streams[unit.stream]
    return stream, stream.index.key_and_id(unit.row)[1]


def _view(recipe: Recipe, stream: Stream, unit: Unit, item: str) -> View:
    """The unit as its task saw it."""
    draw, _ = unit_draws(recipe.seed, stream, item, unit.variant)
    sample = stream.index.sample(unit.row)
    data = sample.image.read()
    header = read_header(data)
    subject = stream.task.choose(sample, draw)
    return View(sample, data, header, geometry_of(recipe, header, subject, draw))
