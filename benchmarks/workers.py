"""Wall time of `taskpaint build` with one and with two workers.

    python benchmarks/workers.py --coco /datasets/coco

Start-up (imports, plan, starting the workers) is measured with a build of two triplets and taken off. Where other
programs share the processors, look at the CPU seconds too: equal sums say that nothing but the processors was missing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from synthetic import write_coco

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
            rows.append({"pipeline": pipeline, **_measure(recipe, work / "out", options)})
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(
        "| pipeline | triplets | start-up, s | 1 worker, s | 2 workers, s | speed-up | CPU, 1 worker | CPU, 2 workers |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder; without it, made-up photographs")
    parser.add_argument("--triplets", type=int, default=3200)
    parser.add_argument("--repeats", type=int, default=3, help="one worker and two take turns this often")
    parser.add_argument("--only", default=",".join(PIPELINES), help="pipelines, separated by commas")
    parser.add_argument("--work", type=Path, help="folder for what is built; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


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


def _measure(recipe: Path, out: Path, options: argparse.Namespace) -> dict[str, str]:
    _build(recipe, out, 1, 2)  # writes the index
    pairs, startups = [], []
    for _ in range(options.repeats):
        starts = [_build(recipe, out, workers, 2)[0] for workers in (1, 2)]
        builds = [_build(recipe, out, workers, options.triplets) for workers in (1, 2)]
        startups.append(starts)
        pairs.append(builds)
    gains = [
        (one[0] - start_one) / (two[0] - start_two)
        for (start_one, start_two), (one, two) in zip(startups, pairs, strict=True)
    ]
    start = " and ".join(f"{statistics.median(column):.1f}" for column in zip(*startups, strict=True))
    (one_wall, two_wall), (one_cpu, two_cpu) = (
        [statistics.median(pair[side][figure] for pair in pairs) for side in (0, 1)] for figure in (0, 1)
    )
    return {
        "triplets": str(options.triplets),
        "start-up": start,
        "one": f"{one_wall:.1f}",
        "two": f"{two_wall:.1f}",
        "speed-up": f"{statistics.median(gains):.2f}",
        "cpu one": f"{one_cpu:.1f}",
        "cpu two": f"{two_cpu:.1f}",
    }


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
