"""Cost against size: CPU time and memory of builds of 1,000 to 1,000,000 triplets, and the index against pycocotools.

    python benchmarks/scale.py                      # to 100,000 triplets, about 1 GB of disk and a few minutes
    python benchmarks/scale.py --largest 1000000

The photographs are tiny (96x72), so that a codec does not hide what grows with the number of rows: the index, the plan,
the shuffle, the ledger, the manifest. Each image is used four times. Memory as in memory.py; Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import synthetic
from memory import INDEX, Measured, run_step

_USES = 4
_OPEN = """
import sys
from pathlib import Path
from taskpaint.builders.index import open_index
from taskpaint.builders.sources.coco import Coco
found = open_index(Coco(Path(sys.argv[1])))
"""
_MAP = """
import sys
from pathlib import Path
from taskpaint.builders.index import SourceIndex
from taskpaint.builders.sources.coco import Coco
file = next(Path(sys.argv[2]).glob("index/*.arrow"))
found = SourceIndex(Coco(Path(sys.argv[1])), "", file)
found.sample(len(found) // 2)
"""
_COCO_API = """
import contextlib, io, sys
from pathlib import Path
from pycocotools.coco import COCO
with contextlib.redirect_stdout(io.StringIO()):
    found = [COCO(file) for file in sorted(Path(sys.argv[1], "annotations").iterdir())]
"""
_IMPORTS = "import taskpaint.builders.sources.coco, taskpaint.builders.index"
_COCO_API_IMPORTS = "import contextlib, io, pycocotools.coco"


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", type=int, default=1000)
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--work", type=Path, help="folder for what is made and built; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    synthetic.SIZES_WH = ((96, 72),)
    builds, indexes = [], []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        triplets = options.smallest
        while triplets <= options.largest:
            builds.append(_measure(work, triplets))
            print(json.dumps(builds[-1]), file=sys.stderr)
            if triplets * 10 > options.largest:
                indexes = _indexes(work)
            for place in ("coco", "cache", "out"):
                shutil.rmtree(work / place)
            triplets *= 10
    if options.json:
        print(json.dumps({"builds": builds, "indexes": indexes}, indent=2))
        return
    for table in (builds, indexes):
        print("| " + " | ".join(table[0]) + " |")
        print("|---|" + "---:|" * (len(table[0]) - 1))
        for row in table:
            print("| " + " | ".join(str(value) for value in row.values()) + " |")
        print()


def _measure(work: Path, triplets: int) -> dict[str, Any]:
    """Index, then build: the first from nothing, the second with the index there."""
    images = triplets // _USES
    synthetic.write_coco(work / "coco", "train2017", images, 4 * images, photos=40)
    task = {"task": "segmentation", "weight": _USES, "options": {"absent": 0, "style": "mask"}}
    source = {"source": "coco", "path": str(work / "coco"), "split": "train2017"}
    recipe = work / "recipe.yaml"
    recipe.write_text(json.dumps({"sources": [source], "tasks": [task]}))  # JSON is YAML
    bare = _python("imports alone", _IMPORTS)
    indexed = _python("index", INDEX, work / "coco")
    command = [sys.executable, "-m", "taskpaint.cli", "build", str(recipe), "-q", "--workers", "2"]
    start = run_step("start", [*command, "-o", str(work / "start"), "--limit", "2"])
    built = run_step("build", [*command, "-o", str(work / "out")])
    shutil.rmtree(work / "start")
    rows = sum(json.loads((work / "out" / "manifest.json").read_text())["splits"].values())
    return {
        "triplets": f"{rows:,}",
        "index, CPU ms an image": f"{1000 * (indexed.cpu_seconds - bare.cpu_seconds) / images:.2f}",
        "start and plan, CPU s": f"{start.cpu_seconds:.1f}",
        "build, CPU s": f"{built.cpu_seconds:.1f}",
        "CPU ms a triplet, start taken off": f"{1000 * (built.cpu_seconds - start.cpu_seconds) / rows:.2f}",
        "most PSS, MiB": built.pss_mib,
        "processes": built.processes,
    }


def _indexes(work: Path) -> list[dict[str, Any]]:
    """What each process pays for annotations: the index once, then mapped; or the COCO API's load every time."""
    shutil.rmtree(work / "cache")
    ours, theirs = _python("imports alone", _IMPORTS), _python("imports alone", _COCO_API_IMPORTS)
    steps = [
        (_python("taskpaint: parse once and write the index", INDEX, work / "coco"), ours),
        (_python("taskpaint: start of a build, files hashed, index found", _OPEN, work / "coco"), ours),
        (_python("taskpaint: a worker maps the index and reads a sample", _MAP, work / "coco", work / "cache"), ours),
        (_python("pycocotools: every process loads the same three files", _COCO_API, work / "coco"), theirs),
    ]
    size = sum(file.stat().st_size for file in (work / "coco" / "annotations").iterdir())
    return [
        {
            f"{size / 1e6:.0f} MB of annotations": step.step,
            "CPU s, imports taken off": f"{max(0.0, step.cpu_seconds - bare.cpu_seconds):.2f}",
            "most PSS, MiB, imports taken off": max(0, step.pss_mib - bare.pss_mib),
        }
        for step, bare in steps
    ]


def _python(step: str, code: str, *arguments: Path) -> Measured:
    return run_step(step, [sys.executable, "-c", code, *map(str, arguments)])


if __name__ == "__main__":
    main()
