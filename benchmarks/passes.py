"""Commands that read a whole dataset, against `cp` of its bytes: verify, filter, reword, sample, split, merge.

    python benchmarks/passes.py                             # 3,000 rows of made-up photographs, about 0.5 GB
    python benchmarks/passes.py --coco /datasets/coco --rows 2000 --rounds 5

One worker, in this process, on a dataset that was just read. What is written is compared with a copy of as many bytes,
on disk in the end on both sides; `verify` writes nothing, it decodes every picture and annotation. Both sides take
turns; medians over the rounds. CPU time is user and system time of all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exports import Cost, build_dataset, copy, timed
from taskpaint.engines.cut import CutOptions, cut
from taskpaint.engines.regroup import RegroupOptions, regroup
from taskpaint.engines.regrouping.operations import Merge, Operation, Sample, Split
from taskpaint.engines.reword import RewordOptions, reword
from taskpaint.engines.verify import verify
from taskpaint.filters.rule_set import RuleSet
from taskpaint.filters.rules import parse_rule

Pass = Callable[[Path, Path], object]
_RULE = "megapixels >= 0"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder; without it, made-up photographs")
    parser.add_argument("--rows", type=int, default=3000, help="of the dataset")
    parser.add_argument("--rounds", type=int, default=5, help="how often every command runs")
    parser.add_argument("--only", help="commands, such as verify,filter")
    parser.add_argument("--work", type=Path, help="folder for what is made and written; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        dataset = build_dataset(work, options.coco, options.rows)
        score = [sys.executable, "-m", "taskpaint.cli", "score", str(dataset), "--scores", "resolution", "--quiet"]
        subprocess.run(score, check=True)
        names = options.only.split(",") if options.only else list(PASSES)
        rows = [measure(name, dataset, work, options.rounds) for name in names]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print("| " + " | ".join(rows[0]) + " |")
    print("|---|" + "---:|" * (len(rows[0]) - 1))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


def _cut(dataset: Path, out: Path) -> object:
    return cut(dataset, out, RuleSet((parse_rule(_RULE),)), CutOptions(workers=1))


def _regroup(operation: Operation) -> Pass:
    return lambda dataset, out: regroup([dataset], out, operation, RegroupOptions(workers=1))


PASSES: dict[str, Pass] = {
    "verify": lambda dataset, _: verify(dataset, workers=1),
    "filter": _cut,
    "reword": lambda dataset, out: reword(dataset, out, RewordOptions(workers=1, seed=1)),
    "sample": _regroup(Sample(None, 0.5, None, 0)),
    "split": _regroup(Split(0.1, 0.1, 0)),
    "merge": _regroup(Merge()),
}


def measure(name: str, dataset: Path, work: Path, rounds: int) -> dict[str, Any]:
    """One command and `cp` in turns."""
    written, copied = work / "written", work / "copied"
    ours: list[Cost] = []
    theirs: list[Cost] = []
    PASSES[name](dataset, written)  # something to copy, and a first reading
    model = dataset if name == "verify" else work / "model"
    if model != dataset:
        written.rename(model)
    sides: list[Callable[[], None]] = [
        lambda: ours.append(timed(lambda: _run(name, dataset, written))),
        lambda: theirs.append(timed(lambda: copy(model, copied))),
    ]
    for turn in range(rounds):
        for side in sides if turn % 2 else reversed(sides):
            side()
        for folder in (written, copied):
            shutil.rmtree(folder, ignore_errors=folder == written)  # verify writes none
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    if model != dataset:
        shutil.rmtree(model)

    def median(values: list[float]) -> float:
        return round(statistics.median(values), 2)

    return {
        "command": name,
        "MB": round(size / 1e6),
        "CPU s": median([cost.cpu_s for cost in ours]),
        "cp, CPU s": median([cost.cpu_s for cost in theirs]),
        "s": median([cost.wall_s for cost in ours]),
        "cp, s": median([cost.wall_s for cost in theirs]),
        "times cp": median([mine.wall_s / copied.wall_s for mine, copied in zip(ours, theirs, strict=True)]),
    }


def _run(name: str, dataset: Path, out: Path) -> None:
    PASSES[name](dataset, out)
    os.sync()


if __name__ == "__main__":
    main()
