"""Wall time of `taskpaint build` with one worker and with more.

    python benchmarks/workers.py --coco /datasets/coco                  # 1, 2, 4 … up to the processors there are
    python benchmarks/workers.py --coco /datasets/coco --workers 1,2,16

Start-up (imports, plan, starting the workers) is measured with a build of two triplets and taken off. Where other
programs share the processors, look at the CPU seconds too: equal sums say that nothing but the processors was missing.
Processes that only decode and encode photographs take turns with the builds: their gain is what the machine gives.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import simplejpeg
from synthetic import write_coco

BARE_PHOTOGRAPHS = 960
PIPELINES = {
    "overlay-512": ({"task": "segmentation", "options": {"absent": 0}}, {"resize": "square", "size": 512}),
    "mask-native": ({"task": "segmentation", "options": {"absent": 0, "style": "mask"}}, {"resize": "native"}),
}


def main() -> None:
    """Measure and print a table."""
    options = _options()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        coco = options.coco or _made_up(work / "coco")
        for pipeline in options.only.split(","):
            recipe = _recipe(work, coco, pipeline, options.triplets)
            rows.append({"pipeline": pipeline, **_measure(recipe, work / "out", coco / "train2017", options)})
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print("| pipeline | triplets | workers | start-up, s | build, s | speed-up | of bare codecs | CPU s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        for workers, wall_s in row["wall_s"].items():
            gains = f"**{row['speed_up'][workers]:.2f}** | {row['bare_speed_up'][workers]:.2f}"
            figures = f"{row['start_s'][workers]:.1f} | {wall_s:.1f} | {gains}"
            print(f"| {row['pipeline']} | {row['triplets']} | {workers} | {figures} | {row['cpu_s'][workers]:.1f} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder; without it, made-up photographs")
    parser.add_argument("--triplets", type=int, default=3200)
    parser.add_argument("--repeats", type=int, default=3, help="all numbers of workers take turns this often")
    parser.add_argument("--workers", type=_counts, default=_up_to(os.cpu_count() or 1), help="such as 1,2,4")
    parser.add_argument("--only", default=",".join(PIPELINES), help="pipelines, separated by commas")
    parser.add_argument("--work", type=Path, help="folder for what is built; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _up_to(most: int) -> list[int]:
    """1, 2, 4 … as far as there are processors."""
    return [1 << power for power in range(most.bit_length())]


def _made_up(root: Path) -> Path:
    write_coco(root, "train2017", images=400, instances=2900, photos=20)
    return root


def _recipe(work: Path, coco: Path, pipeline: str, triplets: int) -> Path:
    listed = json.loads((coco / "annotations" / "instances_train2017.json").read_text())["images"]
    task, sizing = PIPELINES[pipeline]
    value = {
        "name": pipeline,
        "sources": [{"source": "coco", "path": str(coco), "split": "train2017"}],
        "tasks": [{**task, "weight": max(1, 1.1 * triplets / len(listed))}],
        "image": sizing,
    }
    file = work / f"{pipeline}.yaml"
    file.write_text(json.dumps(value))  # JSON is YAML
    return file


def _measure(recipe: Path, out: Path, photos: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Medians by number of workers: seconds of start-up, of the build without it, of CPU; and the gain, beside that of
    processes that only decode and encode."""
    _build(recipe, out, 1, 2)  # writes the index
    starts: dict[int, list[float]] = defaultdict(list)
    walls: dict[int, list[float]] = defaultdict(list)
    cpus: dict[int, list[float]] = defaultdict(list)
    bare: dict[int, list[float]] = defaultdict(list)
    for _ in range(options.repeats):
        for workers in options.workers:
            starts[workers].append(_build(recipe, out, workers, 2)[0])
        for workers in options.workers:
            wall_s, cpu_s = _build(recipe, out, workers, options.triplets)
            walls[workers].append(wall_s - starts[workers][-1])
            cpus[workers].append(cpu_s)
            bare[workers].append(_codecs_s(photos, workers))
    gains, bare_gains = (
        {n: [one / more for one, more in zip(seconds[options.workers[0]], seconds[n], strict=True)] for n in seconds}
        for seconds in (walls, bare)
    )
    found = {"start_s": starts, "wall_s": walls, "speed_up": gains, "bare_speed_up": bare_gains, "cpu_s": cpus}
    medians = {
        figure: {str(n): statistics.median(values) for n, values in column.items()} for figure, column in found.items()
    }
    return {"triplets": options.triplets, **medians}


def _codecs_s(photos: Path, workers: int) -> float:
    """Wall seconds in which so many processes decode and encode photographs, and nothing else."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for turns in (1, BARE_PHOTOGRAPHS // workers):  # once to start them
            started = time.monotonic()
            list(pool.map(_codecs, [photos] * workers, [turns] * workers))
    return time.monotonic() - started


def _codecs(photos: Path, turns: int) -> None:
    """Each process reads for itself: what is handed to many would be pickled by one."""
    files = [file.read_bytes() for file in sorted(photos.glob("*.jpg"))[:40]]
    for turn in range(turns):
        simplejpeg.encode_jpeg(simplejpeg.decode_jpeg(files[turn % len(files)]), 95, colorsubsampling="444")


def _build(recipe: Path, out: Path, workers: int, limit: int) -> tuple[float, float]:
    """Wall and CPU seconds of one build from an empty folder."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "taskpaint.cli", "build", str(recipe), "-o", str(out), "-q"]
    command += ["--workers", str(workers), "--limit", str(limit)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
