"""Every export format: size, seconds and CPU time against `cp` of the same bytes.

    python benchmarks/exports.py                            # 3,000 rows of made-up photographs, about 0.5 GB
    python benchmarks/exports.py --coco /datasets/coco --rows 2000 --rounds 5
    python benchmarks/exports.py --coco /datasets/coco --rows 20000 --only webdataset,mds --workers 2

One worker, in this process (more with --workers), on a dataset that was just read, so that it lies in memory. `cp`
copies what an export has written, file by file, and `sync` waits for the disk as an export does before it calls a shard
done; both sides are timed with everything synced before, and take turns. Speed is the seconds of `cp` by those of the
export: 1 is as fast as copying. CPU time is user and system time of all processes; what the kernel does later for the
disk is in neither. Medians over the rounds. The memory of `taskpaint export`, all processes, is the most seen for a
tenth of the rows and for all.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory import run_step
from synthetic import write_coco
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.export import ExportOptions, ExportReport, export
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.writers.export import export_names


@dataclass(frozen=True)
class Cost:
    """Of one run: seconds of wall time, and of CPU time of all processes."""

    wall_s: float
    cpu_s: float


def main() -> None:
    """Measure and print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        dataset = build_dataset(work, options.coco, options.rows)
        names = options.only.split(",") if options.only else export_names()
        rows = [_measure(form, dataset, work, options) for form in names]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print("| " + " | ".join(rows[0]) + " |")
    print("|---|" + "---:|" * (len(rows[0]) - 1))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder; without it, made-up photographs")
    parser.add_argument("--rows", type=int, default=3000, help="of the dataset")
    parser.add_argument("--rounds", type=int, default=5, help="how often every format is written and copied")
    parser.add_argument("--workers", type=int, default=1, help="processes of an export")
    parser.add_argument("--only", help="formats, such as webdataset,mds")
    parser.add_argument("--work", type=Path, help="folder for what is made and written; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def build_dataset(work: Path, coco: Path | None, rows: int) -> Path:
    """Photographs with masks beside them (small PNG) and with marks in them (JPEG), half and half."""
    if coco is None:
        coco = work / "coco"
        write_coco(coco, "train2017", images=160, instances=1120, photos=20)
    images = len(list((coco / "train2017").iterdir()))
    tasks = [
        {"task": "segmentation", "name": style, "weight": rows / images, "options": {"style": style, "absent": 0}}
        for style in ("mask", "overlay")
    ]
    source = {"source": "coco", "path": str(coco.resolve()), "split": "train2017"}
    recipe = {"sources": [source], "tasks": tasks, "splits": {"validation": 0}, "output": {"rows_per_shard": 500}}
    build([parse_recipe(json.dumps(recipe))], work / "dataset", BuildOptions(limit=rows, workers=2))
    return work / "dataset"


def _measure(form: str, dataset: Path, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    written, again, copied = work / "written", work / "again", work / "copied"
    how = ExportOptions(form, workers=options.workers)
    report = export(dataset, written, how)  # something to copy, and a first reading
    ours: list[Cost] = []
    theirs: list[Cost] = []
    sides: list[Callable[[], None]] = [
        lambda: ours.append(timed(lambda: _export(dataset, again, how))),
        lambda: theirs.append(timed(lambda: copy(written, copied))),
    ]
    for turn in range(options.rounds):
        for side in sides if turn % 2 else reversed(sides):
            side()
        for folder in (again, copied):
            shutil.rmtree(folder)
    shutil.rmtree(written)
    found = _row(form, report, ours, theirs)
    for name, rows in (("a tenth", report.rows // 10), ("all", report.rows)):
        found[f"MiB, {name}"] = _memory_mib(dataset, again, how, rows)
    print(json.dumps(found), file=sys.stderr)
    return found


def _export(dataset: Path, out: Path, how: ExportOptions) -> None:
    export(dataset, out, how)
    os.sync()


def _memory_mib(dataset: Path, out: Path, how: ExportOptions, rows: int) -> int:
    command = [sys.executable, "-m", "taskpaint.cli", "export", str(dataset), "--to", how.format, "-o", str(out)]
    found = run_step(how.format, [*command, "--workers", str(how.workers), "--limit", str(rows), "--quiet"])
    shutil.rmtree(out)
    return found.pss_mib


def copy(written: Path, out: Path) -> None:
    """`cp -r`, on disk in the end."""
    subprocess.run(["cp", "-r", str(written), str(out)], check=True)
    os.sync()


def timed(run: Callable[[], None]) -> Cost:
    """What a run costs when everything before it is on disk."""
    os.sync()
    cpu, wall = _cpu_s(), time.perf_counter()
    run()
    return Cost(time.perf_counter() - wall, _cpu_s() - cpu)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _row(form: str, report: ExportReport, ours: list[Cost], theirs: list[Cost]) -> dict[str, Any]:
    def median(values: list[float]) -> float:
        return statistics.median(values)

    speeds = sorted(copy.wall_s / mine.wall_s for mine, copy in zip(ours, theirs, strict=True))
    return {
        "format": form,
        "rows": report.rows,
        "files": report.files,
        "MB": round(report.bytes / 1e6),
        "export, s": round(median([cost.wall_s for cost in ours]), 2),
        "cp, s": round(median([cost.wall_s for cost in theirs]), 2),
        "speed": round(median(speeds), 2),
        "least and most": f"{speeds[0]:.2f}–{speeds[-1]:.2f}",
        "export, CPU s": round(median([cost.cpu_s for cost in ours]), 2),
        "cp, CPU s": round(median([cost.cpu_s for cost in theirs]), 2),
    }


if __name__ == "__main__":
    main()
