"""Every comparison in one table: each row is taskpaint's figure, somebody else's, and their ratio, taken in one run.

    python benchmarks/summary.py --data /datasets           # laid out as the recipe `everything` names them; hours
    python benchmarks/summary.py --quick                    # made-up photographs; minutes, and rough
    python benchmarks/summary.py --data /datasets --only speed,workers

Runs the other scripts of this folder, one after the other, each in a process of its own; what one of them says on
its way goes to standard error. A ratio below 1 is in taskpaint's favour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One comparison. other: what it is compared with; ratio: taskpaint's figure by the other's."""

    part: str
    what: str
    figure: str
    taskpaint: float
    other: str
    others: float
    ratio: float


@dataclass(frozen=True)
class Part:
    """A script, and how its JSON becomes rows.

    Attributes:
        data: its option for the data, and the folder in `--data` that it wants.
        quick: options for a rough run.
    """

    script: str
    data: tuple[str, str] | None
    quick: tuple[str, ...]
    rows: Callable[[Any], Iterator[Row]]


def _speed(found: Any) -> Iterator[Row]:
    for one in found:
        what, figures = f"{one['pipeline']}, {one['size']}", (one["taskpaint_ms"], "floor", one["floor_ms"])
        yield Row("build", what, "CPU ms a triplet", *figures, one["ratio"])


def _tasks(found: Any) -> Iterator[Row]:
    for one in found:
        what, figures = f"{one['entry']}, {one['size']}", (one["taskpaint_ms"], "its codec calls", one["codecs_ms"])
        yield Row("build", what, "CPU ms a triplet", *figures, one["ratio"])


def _peers(found: Any) -> Iterator[Row]:
    for part, name in (("build", "pipeline"), ("write", "pictures of")):
        for one in found[part]:
            own = float(one["taskpaint, ms"])
            for way, times in one.items():
                if isinstance(times, str) and times.startswith("× "):
                    yield Row(part, one[name], "CPU ms a triplet", own, way, *_times(own, float(times[2:])))


def _times(own: float, factor: float) -> tuple[float, float]:
    return own * factor, 1 / factor if factor else float("inf")


def _workers(found: Any) -> Iterator[Row]:
    for one in found:
        for workers, wall_s in one["wall_s"].items():
            if workers != "1":
                figures = (wall_s, "1 worker", one["wall_s"]["1"], 1 / one["speed_up"][workers])
                yield Row("workers", f"{one['pipeline']}, {workers} workers", "seconds, start taken off", *figures)


def _passes(found: Any) -> Iterator[Row]:
    for one in found:
        yield Row("rewrite", one["command"], "seconds", one["s"], "cp", one["cp, s"], one["times cp"])


def _exports(found: Any) -> Iterator[Row]:
    for one in found:
        own, copied = float(one["export, CPU s"]), float(one["cp, CPU s"])
        yield Row("export", one["format"], "CPU seconds", own, "cp", copied, own / max(copied, 1e-9))


def _scale(found: Any) -> Iterator[Row]:
    first, *larger = found["builds"]
    for one in larger:
        for figure in ("CPU ms a triplet, start taken off", "most PSS, MiB"):
            own, least = float(one[figure]), float(first[figure])
            yield Row("size", f"{one['triplets']} triplets", figure, own, first["triplets"], least, own / least)
    *ours, theirs = found["indexes"]
    name = next(iter(theirs))
    for figure in (key for key in theirs if key != name):
        for one in ours:
            own, other = float(one[figure]), float(theirs[figure])
            yield Row("annotations", one[name], figure, own, "pycocotools' load", other, own / other)


def _storage(found: Any) -> Iterator[Row]:
    for one in found:
        figures = (one["store_cpu"], "a folder", one["folder_cpu"], one["cpu_ratio"])
        yield Row("S3 on the loopback", one["what"], "CPU seconds", *figures)


PARTS = {
    "speed": Part("speed.py", ("--data", ""), ("--triplets", "64", "--repeats", "2"), _speed),
    "tasks": Part("tasks.py", ("--data", ""), ("--repeats", "2"), _tasks),
    "peers": Part("peers.py", ("--data", ""), ("--triplets", "24", "--repeats", "1"), _peers),
    "workers": Part("workers.py", ("--coco", "coco"), ("--triplets", "1600", "--repeats", "1"), _workers),
    "passes": Part("passes.py", ("--coco", "coco"), ("--rows", "300", "--rounds", "2"), _passes),
    "exports": Part("exports.py", ("--coco", "coco"), ("--rows", "300", "--rounds", "2"), _exports),
    "scale": Part("scale.py", None, ("--largest", "10000"), _scale),
    "storage": Part("storage.py", ("--coco", "coco"), ("--triplets", "200", "--repeats", "1"), _storage),
}


def main() -> None:
    """Run the parts and print the table."""
    options = _options()
    unknown = sorted(set(options.only) - set(PARTS))
    if unknown:
        raise SystemExit(f"there is no part {unknown[0]}; choose from {', '.join(PARTS)}")
    found: list[Row] = []
    for name in options.only or PARTS:
        part = PARTS[name]
        if name == "tasks" and not options.data:
            print("tasks is left out: it needs --data", file=sys.stderr)
            continue
        for row in part.rows(_run(part, options.data, options.quick)):
            found.append(row)
            if not options.json:
                _print(row, first=len(found) == 1)
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of datasets; without it, made-up photographs as COCO")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="few triplets and repeats: shows that all runs, no more")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _run(part: Part, data: Path | None, quick: bool) -> Any:
    command = [sys.executable, str(Path(__file__).with_name(part.script)), "--json"]
    if data and part.data:
        command += [part.data[0], str(data / part.data[1])]
    command += part.quick if quick else ()
    print(" ".join([part.script, *command[2:]]), file=sys.stderr)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _print(row: Row, *, first: bool) -> None:
    if first:
        print("| | what | figure | taskpaint | against | its figure | ratio |\n|---|---|---|---:|---|---:|---:|")
    figures = f"{row.taskpaint:.2f} | {row.other} | {row.others:.2f} | **{row.ratio:.2f}**"
    print(f"| {row.part} | {row.what} | {row.figure} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
