"""CPU time a triplet, taskpaint against the floors of `floors`, both in this process and taking turns.

    python benchmarks/speed.py --data /datasets              # laid out as the recipe `everything` names them
    python benchmarks/speed.py --data /datasets --only outline,dots-512

Every shard is built several times on each side, by turns. Other work on the machine can only add to a time, so that
the least of each is nearest to what the code costs; a ratio is of the sums of these. The quartiles are of single pairs
of runs, and show how noisy the machine was. Images and annotations of both are compared first, byte for byte. Units
that taskpaint tries and refuses cost it time, too; the floor is told of none.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from floors import FLOORS
from floors.table import publish, write
from synthetic import write_coco
from work import compare, keys, prepare_work


@dataclass(frozen=True)
class Result:
    """One pipeline at one size.

    Attributes:
        triplets: built, and by how many tries more nothing could be built.
        floor_ms, publish_ms, taskpaint_ms: CPU milliseconds a triplet, from the quickest run of every shard.
        ratio: taskpaint / floor of these; low, median, high: quartiles of the same over single pairs of runs.
        ratio_published: of taskpaint / (floor + publish); taskpaint's shards are always published: synced, renamed and
            hashed, see `floors.table.publish`.
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
    median: float
    high: float
    ratio_published: float


def main() -> None:
    """Measure pipelines and print a table."""
    options = _options()
    results = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        data = options.data or made_up(work / "data")
        for key in chosen(options.only, data):
            results.append(_measure(key, data, work / key, options.triplets, options.repeats))
            if not options.json:
                _print(results[-1], first=len(results) == 1)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))


def _print(r: Result, *, first: bool) -> None:
    if first:
        columns = ("pipeline", "size", "triplets", "floor, ms", "to publish, ms", "taskpaint, ms", "ratio", "quartiles")
        print(f"| {' | '.join(columns)} | published |")
        print("|---|---|---:|---:|---:|---:|---:|---|---:|")
    built = str(r.triplets) + (f" of {r.triplets + r.skipped}" if r.skipped else "")
    times = f"{r.floor_ms:.2f} | {r.publish_ms:.2f} | {r.taskpaint_ms:.2f}"
    ratios = f"**{r.ratio:.2f}** | {r.low:.2f}, {r.median:.2f}, {r.high:.2f} | {r.ratio_published:.2f}"
    print(f"| {r.pipeline} | {r.size} | {built} | {times} | {ratios} |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of datasets; without it, made-up photographs as COCO")
    parser.add_argument("--triplets", type=int, default=640, help="of each pipeline and size, that are tried")
    parser.add_argument("--repeats", type=int, default=5, help="how often every shard is built on each side")
    parser.add_argument("--only", default="", help="pipelines, such as mask-native,disc-512 or mask,disc")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def chosen(only: str, data: Path) -> list[str]:
    """The pipelines that are asked for, of those that the data can feed; empty: all of them."""
    wanted = set(filter(None, only.split(",")))
    return [key for key in keys(data) if not wanted or wanted & {key, key.partition("-")[0]}]


def made_up(root: Path) -> Path:
    """A folder with a COCO of made-up photographs."""
    write_coco(root / "coco", "train2017", images=80, instances=560, photos=20)
    return root


def _measure(key: str, data: Path, work: Path, triplets: int, repeats: int) -> Result:
    """Build once and compare the rows with the floor's; then run both in turns, shard by shard."""
    pipeline, size = key.split("-")
    found = prepare_work(key, data, work / "taskpaint", triplets)
    report, run, items = found.report, found.run, found.items
    floor = FLOORS[pipeline]
    floor_file = work / "floor.parquet"
    compare(floor, found, floor_file)
    found.rows.clear()
    contents: dict[str, bytes] = {}
    for shard in found.shards:
        write(floor, items[shard.name], floor_file)
        contents[shard.name] = floor_file.read_bytes()
    turns: dict[str, list[list[float]]] = {shard.name: [] for shard in found.shards}
    for repeat in range(repeats):
        for shard in found.shards:
            sides = (
                lambda shard=shard: run(shard),
                lambda shard=shard: write(floor, items[shard.name], floor_file),
                lambda shard=shard: publish(floor_file, contents[shard.name]),
            )
            turns[shard.name].append(_turn(sides, floor_first=bool(repeat % 2)))
    triplets = sum(report.rows.values())
    quickest = [[min(side) for side in zip(*times, strict=True)] for times in turns.values()]
    taskpaint_ms, floor_ms, publish_ms = (1000 * sum(side) / triplets for side in zip(*quickest, strict=True))
    ratios = sorted(taskpaint / least for times in turns.values() for taskpaint, least, _ in times)
    return Result(
        pipeline=pipeline,
        size=size,
        triplets=triplets,
        skipped=sum(count["skipped"] for count in report.counts.values()),
        floor_ms=floor_ms,
        publish_ms=publish_ms,
        taskpaint_ms=taskpaint_ms,
        ratio=taskpaint_ms / floor_ms,
        low=ratios[len(ratios) // 4],
        median=ratios[len(ratios) // 2],
        high=ratios[len(ratios) * 3 // 4],
        ratio_published=taskpaint_ms / (floor_ms + publish_ms),
    )


def _turn(sides: Sequence[Callable[[], Any]], *, floor_first: bool) -> list[float]:
    """CPU seconds of taskpaint, the floor, and publishing the floor's file, one after the other."""
    found = [0.0] * len(sides)
    for side in (1, 2, 0) if floor_first else (0, 1, 2):
        started = time.process_time()
        sides[side]()
        found[side] = time.process_time() - started
    return found


if __name__ == "__main__":
    main()
