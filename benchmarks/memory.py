"""Time and memory of a COCO train2017-sized annotation file: indexing it, then building from it with two workers.

    python benchmarks/memory.py

Memory is the sum of PSS (each page shared by n processes counts one nth) over the command and all its children, read
from /proc/*/smaps_rollup many times a second; the highest is reported. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from synthetic import write_coco

_INTERVAL_S = 0.1
INDEX = """
import sys
from pathlib import Path
from taskpaint.builders.index import open_index
from taskpaint.builders.sources.coco import Coco
print(len(open_index(Coco(Path(sys.argv[1])))))
"""


@dataclass(frozen=True)
class Measured:
    """One step. pss_mib: the most seen at once; processes: the most seen at once; cpu_seconds: of all processes."""

    step: str
    seconds: float
    pss_mib: int
    processes: int
    cpu_seconds: float


def main() -> None:
    """Measure and print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        started = time.monotonic()
        write_coco(work / "coco", "train2017", options.images, options.instances, photos=8)
        written = time.monotonic() - started
        size = sum(file.stat().st_size for file in (work / "coco" / "annotations").iterdir())
        print(f"{size / 1e6:.0f} MB of annotations written in {written:.0f} s", file=sys.stderr)
        source = f"coco:train2017={work / 'coco'}"
        build = [sys.executable, "-m", "taskpaint.cli", "build", "--source", source, "--task", "segmentation"]
        build += ["--task", "keypoints", "-o", str(work / "out"), "-q"]
        build += ["--workers", "2", "--limit", str(options.triplets)]
        steps = [
            run_step(f"index {options.images:,} images", [sys.executable, "-c", INDEX, str(work / "coco")]),
            run_step(f"plan, and build {options.triplets:,} triplets with 2 workers", build),
        ]
    if options.json:
        print(json.dumps([asdict(step) for step in steps], indent=2))
        return
    print("| step | seconds | most PSS, MiB | processes |")
    print("|---|---:|---:|---:|")
    for step in steps:
        print(f"| {step.step} | {step.seconds:.0f} | {step.pss_mib} | {step.processes} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--instances", type=int, default=860_000)
    parser.add_argument("--triplets", type=int, default=2000)
    parser.add_argument("--work", type=Path, help="folder for the made-up dataset, 1 GB; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def run_step(step: str, command: list[str]) -> Measured:
    """Run a command to its end and watch it and its children."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most, processes = 0, 0
    while process.poll() is None:
        family = _family(process.pid)
        most = max(most, sum(_pss_kib(member) for member in family))
        processes = max(processes, len(family))
        time.sleep(_INTERVAL_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(step, time.monotonic() - started, most // 1024, processes, cpu_seconds)


def _family(root: int) -> list[int]:
    """A process and all that descend from it."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children[_parent(entry)].append(int(entry.name))
    found = [root]
    for member in found:
        found += children[member]
    return found


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0


def _pss_kib(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
