"""CPU time a triplet, taskpaint against the floor of `floor.py`, both in this process and taking turns.

    python benchmarks/speed.py --coco /datasets/coco

Each ratio is the median over pairs of runs of the same shard, taskpaint's right before or after the floor's. Images
and annotations of both are compared first, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import floor
import orjson
import pyarrow.parquet as pq
from synthetic import write_coco
from taskpaint.builders.geometry import fit
from taskpaint.builders.plan import Shard
from taskpaint.engines.build import BuildOptions, BuildReport, build
from taskpaint.engines.prepare import prepare
from taskpaint.engines.shard_job import ShardJob
from taskpaint.manifests.recipe import Recipe
from taskpaint.manifests.recipe_file import RecipeFile, parse_recipe

SPLITS = ("train2017", "val2017")
SEGMENTATION = {"absent": 0, "opacity": floor.OPACITY}
TASKS: dict[str, dict[str, Any]] = {
    "overlay": {"task": "segmentation", "options": {**SEGMENTATION, "style": "overlay"}},
    "mask": {"task": "segmentation", "options": {**SEGMENTATION, "style": "mask"}},
    "disc": {"task": "keypoints", "options": {"style": "disc", "who": "everyone"}},
}
SIZES: dict[str, dict[str, Any]] = {"native": {"resize": "native"}, "512": {"resize": "square", "size": 512}}
ROWS_PER_SHARD = 128


@dataclass(frozen=True)
class Result:
    """One pipeline at one size.

    Attributes:
        triplets: built, and by how many draws more nothing could be built.
        floor_ms, publish_ms, taskpaint_ms: medians of CPU milliseconds a triplet.
        ratio: median over the pairs of taskpaint / floor; low, high: the quartiles.
        ratio_published: of taskpaint / (floor + publish); taskpaint's shards are always published: synced, renamed and
            hashed, see `floor.publish`.
    """

    pipeline: str
    size: str
    triplets: int
    skipped: int
    floor_ms: float
    publish_ms: float
    taskpaint_ms: float
    ratio: float
    low: float
    high: float
    ratio_published: float


def main() -> None:
    """Measure every pipeline and print a table."""
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        coco = options.coco or _made_up(work / "coco")
        chosen = options.only.split(",") if options.only else [f"{task}-{size}" for task in TASKS for size in SIZES]
        results = [_measure(key, coco, work / key, options.triplets, options.repeats) for key in chosen]
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
        return
    print("| pipeline | size | triplets | floor, ms | to publish, ms | taskpaint, ms | ratio | quartiles | published |")
    print("|---|---|---:|---:|---:|---:|---:|---|---:|")
    for r in results:
        times = f"{r.floor_ms:.2f} | {r.publish_ms:.2f} | {r.taskpaint_ms:.2f}"
        ratios = f"**{r.ratio:.2f}** | {r.low:.2f}–{r.high:.2f} | {r.ratio_published:.2f}"
        print(f"| {r.pipeline} | {r.size} | {r.triplets} | {times} | {ratios} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder; without it, made-up photographs")
    parser.add_argument("--triplets", type=int, default=640, help="of each pipeline and size, at least")
    parser.add_argument("--repeats", type=int, default=5, help="how often every shard is built on each side")
    parser.add_argument("--only", help="pipelines, such as mask-native,disc-512")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _made_up(root: Path) -> Path:
    write_coco(root, "train2017", images=80, instances=560, photos=20)
    return root


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
    items: dict[str, list[floor.Item]]


def prepare_work(key: str, coco: Path, out: Path, triplets: int) -> Work:
    """Build a pipeline such as "mask-native" once, with at least so many triplets."""
    pipeline, size = key.split("-")
    file = _recipe(pipeline, size, coco, triplets)
    report = build([file], out, BuildOptions(workers=1))
    prepared = prepare([file], BuildOptions())
    shards = prepared.plan.shards(ROWS_PER_SHARD)
    rows = {shard.name: _rows(out, shard) for shard in shards}
    annotations = _Annotations(coco)
    items = {name: [annotations.item(row, prepared.recipe) for row in found] for name, found in rows.items()}
    return Work(report, shards, ShardJob.of(prepared, out, None).open(), rows, items)


def _measure(key: str, coco: Path, work: Path, triplets: int, repeats: int) -> Result:
    """Build once and compare the rows with the floor's; then run both in turns, shard by shard."""
    pipeline, size = key.split("-")
    found = prepare_work(key, coco, work / "taskpaint", triplets)
    report, run, items = found.report, found.run, found.items
    draw = floor.PIPELINES[pipeline]
    floor_file = work / "floor.parquet"
    for name, rows in found.rows.items():
        draw(items[name], floor_file)
        _compare(pq.read_table(floor_file).to_pylist(), rows)
    found.rows.clear()
    turns = []
    for repeat in range(repeats):
        for shard in found.shards:
            sides = (
                lambda shard=shard: run(shard),
                lambda shard=shard: draw(items[shard.name], floor_file),
                lambda: floor.publish(floor_file),
            )
            turns.append(_turn(sides, len(items[shard.name]), floor_first=bool(repeat % 2)))
    ratios = sorted(taskpaint / least for taskpaint, least, _ in turns)
    taskpaint_ms, floor_ms, publish_ms = (statistics.median(column) for column in zip(*turns, strict=True))
    return Result(
        pipeline=pipeline,
        size=size,
        triplets=sum(report.rows.values()),
        skipped=sum(count["skipped"] for count in report.counts.values()),
        floor_ms=floor_ms,
        publish_ms=publish_ms,
        taskpaint_ms=taskpaint_ms,
        ratio=statistics.median(ratios),
        low=ratios[len(ratios) // 4],
        high=ratios[len(ratios) * 3 // 4],
        ratio_published=statistics.median(taskpaint / (least + publish) for taskpaint, least, publish in turns),
    )


def _turn(sides: Sequence[Callable[[], Any]], rows: int, *, floor_first: bool) -> list[float]:
    """CPU milliseconds a triplet of taskpaint, the floor, and publishing the floor's file, one after the other."""
    found = [0.0] * len(sides)
    for side in (1, 2, 0) if floor_first else (0, 1, 2):
        started = time.process_time()
        sides[side]()
        found[side] = (time.process_time() - started) * 1000 / rows
    return found


def _recipe(pipeline: str, size: str, coco: Path, triplets: int) -> RecipeFile:
    splits = [split for split in SPLITS if (coco / "annotations" / f"instances_{split}.json").exists()]
    images = sum(
        len(json.loads((coco / "annotations" / f"instances_{split}.json").read_text())["images"]) for split in splits
    )
    value = {
        "name": f"{pipeline}-{size}",
        "sources": [{"source": "coco", "path": str(coco), "split": split} for split in splits],
        "tasks": [{**TASKS[pipeline], "weight": max(1, round(1.5 * triplets / images))}],
        "image": SIZES[size],
        "splits": {"validation": 0},
        "output": {"rows_per_shard": ROWS_PER_SHARD, "row_group_rows": floor.ROW_GROUP_ROWS},
    }
    return parse_recipe(json.dumps(value))


def _rows(root: Path, shard: Shard) -> list[dict[str, Any]]:
    return pq.read_table(root / "data" / f"{shard.name}.parquet").to_pylist()


class _Annotations:
    """The dataset's own files, to look up what a finished row was made from."""

    def __init__(self, coco: Path) -> None:
        self._coco = coco
        self._objects: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
        self._sizes: dict[tuple[str, str], tuple[int, int]] = {}
        for split in SPLITS:
            file = coco / "annotations" / f"instances_{split}.json"
            if file.exists():
                self._read(split, json.loads(file.read_text()))

    def _read(self, split: str, content: dict[str, Any]) -> None:
        names = {category["id"]: category["name"] for category in content["categories"]}
        for image in content["images"]:
            self._sizes[split, f"{image['id']:012d}"] = image["width"], image["height"]
        for one in content["annotations"]:
            key = split, f"{one['image_id']:012d}", names[one["category_id"]]
            self._objects[key].append(one["segmentation"])

    def item(self, row: dict[str, Any], recipe: Recipe) -> floor.Item:
        """The floor's view of a row that taskpaint built."""
        split, image = row["source_split"], row["source_id"]
        params, annotation = json.loads(row["params"]), json.loads(row["annotation"])
        geometry = fit(recipe.image, self._sizes[split, image], None, random.Random(0))
        regions, points = annotation.get("regions", []), annotation.get("points", [])
        names = [found.get("name") or found["joint"] for found in regions or points]
        return floor.Item(
            id=row["id"],
            file=str(self._coco / split / f"{image}.jpg"),
            size=geometry.source_wh,
            crop=geometry.crop_xyxy,
            out=geometry.size_wh,
            names=names,
            colors=[tuple(target["rgb"]) for target in params["targets"]],
            polygons=orjson.dumps(self._objects[split, image, names[0]] if regions else []),
            points=[found["xy"] for found in points],
            visibility=[found["visibility"] for found in points],
            radius=params.get("radius", 0.0),
            lossless=params.get("lossless", False),
        )


def _compare(least: list[dict[str, Any]], built: list[dict[str, Any]]) -> None:
    """Refuse to measure unless both sides do the same work."""
    for mine, theirs in zip(least, built, strict=True):
        for name in ("input_image", "edited_image"):
            if mine[name]["bytes"] != theirs[name]["bytes"]:
                raise SystemExit(f"{theirs['id']}: {name} differs from the floor's, the ratio would mean nothing")
        if json.loads(mine["annotation"]) != json.loads(theirs["annotation"]):
            raise SystemExit(f"{theirs['id']}: annotation differs from the floor's, the ratio would mean nothing")


if __name__ == "__main__":
    main()
