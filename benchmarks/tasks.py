"""CPU time of every task against its own codec calls: where time goes that no codec takes.

    python benchmarks/tasks.py --data /datasets                  # laid out as the recipe `everything` names them
    python benchmarks/tasks.py --data /datasets --only depth,edges --size native

Unlike `floors`, which write pipelines anew, this builds each task of the recipe `everything`, notes which
JPEG, PNG and resize calls the build made and with what, and then makes the same calls again in a plain loop and writes
the same table. What taskpaint takes beyond that is annotations, painting, words and
checks. A codec call that the task could do without is in both; the column `calls` shows how many there were a triplet.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import pyarrow as pa
import pyarrow.parquet as pq
import simplejpeg
import taskpaint.manifests
import yaml
from floors.table import ROW_GROUP_ROWS, publish
from taskpaint.builders.registry import find_source, find_task
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.prepare import prepare
from taskpaint.engines.shard_job import ShardJob
from taskpaint.manifests import images
from taskpaint.manifests.errors import SourceLayoutError
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.writers import codecs
from taskpaint.writers.shards import WRITER_OPTIONS

SIZES: dict[str, dict[str, Any]] = {"native": {"resize": "native"}, "512": {"resize": "square", "size": 512}}
CODECS = {
    "decode": (simplejpeg, "decode_jpeg"),
    "decode png": (cv2, "imdecode"),
    "decode other": (images, "_pillow_rgb"),
    "resize": (cv2, "resize"),
    "encode jpeg": (codecs, "encode_jpeg"),
    "encode png": (codecs, "encode_png"),
    "encode palette": (codecs, "encode_palette_png"),
}
ROWS = 64
Call = tuple[str, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Result:
    """One entry of the recipe at one size; CPU milliseconds a triplet, medians.

    Attributes:
        calls: codec calls a triplet, by kind.
        ratio: median over pairs of taskpaint / (codecs + file).
    """

    entry: str
    size: str
    triplets: int
    taskpaint_ms: float
    codecs_ms: float
    ratio: float
    calls: dict[str, float]


@contextlib.contextmanager
def noting(calls: list[Call]) -> Iterator[None]:
    """Inside, every codec call is made and noted."""

    def noted(kind: str, true: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            calls.append((kind, args, options))
            return true(*args, **options)

        return call

    with contextlib.ExitStack() as patches:
        for kind, (module, name) in CODECS.items():
            patches.enter_context(mock.patch.object(module, name, noted(kind, getattr(module, name))))
        yield


def replay(calls: list[Call]) -> None:
    """Make the calls again."""
    for kind, args, options in calls:
        module, name = CODECS[kind]
        getattr(module, name)(*args, **options)


def main() -> None:
    """Measure every entry and print a table."""
    options = _options()
    found = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        for entry in _entries(options.only):
            for size in options.size.split(","):
                found.append(measure(entry, size, options.data, work / f"{entry['name']}-{size}", options.repeats))
                if not options.json:
                    _print(found[-1], first=len(found) == 1)
    if options.json:
        print(json.dumps([asdict(result) for result in found if result], indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the datasets of the recipe `everything`")
    parser.add_argument("--only", default="", help="tasks or entries of the recipe, with commas")
    parser.add_argument("--size", default="native,512", help="native, 512 or both")
    parser.add_argument("--repeats", type=int, default=5, help="how often each side runs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _entries(only: str) -> list[dict[str, Any]]:
    wanted = set(filter(None, only.split(",")))
    return [entry for entry in _everything()["tasks"] if not wanted or wanted & {entry["name"], entry["task"]}]


def _everything() -> dict[str, Any]:
    file = Path(taskpaint.manifests.__file__).parent / "recipes" / "everything.yaml"
    content: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return content


def measure(entry: dict[str, Any], size: str, data: Path, work: Path, repeats: int) -> Result | None:
    """Build an entry once while its codec calls are noted; then time both sides in turns. None: nothing was built."""
    fits = find_task(entry["task"]).fits
    sources = [
        source
        for source in _everything()["sources"]
        if fits(find_source(source["source"]).features) and (data / source["path"]).exists()
    ]
    if not sources:
        return None
    content = {
        "sources": sources,
        "tasks": [{**entry, "weight": 1}],
        "image": SIZES[size],
        "splits": {"validation": 0},
        "output": {"rows_per_shard": ROWS},
    }
    file = parse_recipe(json.dumps(content), entry["name"])
    how = BuildOptions(root=data, workers=1, limit=ROWS, skip_missing=True)
    try:
        build([file], work / "out", how)
    except SourceLayoutError as missing:
        print(f"{entry['name']} is left out: {str(missing).splitlines()[0]}", file=sys.stderr)
        return None
    prepared = prepare([file], how)
    run = ShardJob.of(prepared, work / "out", ROWS).open()
    shard, *_ = prepared.plan.shards(ROWS)
    calls: list[Call] = []
    with noting(calls):
        record = run(shard)
    if not record.rows:
        return None
    table = pq.read_table(work / "out" / "data" / f"{shard.name}.parquet")
    sides = (lambda: run(shard), lambda: _least(calls, table, work / "least.parquet"))
    turns = [_turn(sides, record.rows, first=turn % 2) for turn in range(repeats)]
    ours, least = zip(*turns, strict=True)
    counts = Counter(kind for kind, _, _ in calls)
    return Result(
        entry["name"],
        size,
        record.rows,
        statistics.median(ours),
        statistics.median(least),
        statistics.median(one / other for one, other in turns),
        {kind: round(count / record.rows, 2) for kind, count in counts.items()},
    )


def _least(calls: list[Call], table: pa.Table, file: Path) -> None:
    replay(calls)
    with pq.ParquetWriter(file, table.schema, **WRITER_OPTIONS) as writer:
        for batch in table.to_batches(max_chunksize=ROW_GROUP_ROWS):
            writer.write_batch(batch)
    publish(file, file.read_bytes())


def _turn(sides: Sequence[Callable[[], Any]], rows: int, *, first: int) -> tuple[float, float]:
    """CPU milliseconds a triplet of both sides, one after the other."""
    taken = [0.0, 0.0]
    for side in (first, 1 - first):
        started = time.process_time()
        sides[side]()
        taken[side] = (time.process_time() - started) * 1000 / rows
    return taken[0], taken[1]


def _print(found: Result | None, *, first: bool) -> None:
    if first:
        print("| entry | size | triplets | codecs and file, ms | taskpaint, ms | ratio | codec calls a triplet |")
        print("|---|---|---:|---:|---:|---:|---|")
    if found:
        calls = ", ".join(f"{kind} {count:g}" for kind, count in found.calls.items())
        times = f"{found.codecs_ms:.2f} | {found.taskpaint_ms:.2f} | {found.ratio:.2f}"
        print(f"| {found.entry} | {found.size} | {found.triplets} | {times} | {calls} |", flush=True)


if __name__ == "__main__":
    main()
