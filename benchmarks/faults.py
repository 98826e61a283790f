"""`kill -9` at random moments of build, score, filter and export, and what each kill leaves.

    python benchmarks/faults.py --kills 100 --seed 0

Every command is run to its end first, for the time it takes and the bytes it writes. Then, again and again in a new
folder and with one worker or two, its whole process group is killed at a moment drawn evenly between its first file and
its end. What the folder calls finished is compared with the unbroken run's files, the command is given once more, and
the result is compared again and verified.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synthetic import write_coco
from taskpaint.engines.verify import verify
from taskpaint.manifests.folder import DatasetFolder

RECIPE = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: segmentation, options: {style: mask}}, detection, inpainting]
image: {resize: square, size: 128}
splits: {by: hash, validation: 0.2, identity: content}
output: {rows_per_shard: 12}
"""
SCORES = "resolution,sharpness,duplicates,nss_distance"
COMMANDS = ("build", "score", "filter", "export")


@dataclass
class Tally:
    """What kills of one command left.

    Attributes:
        seconds: workers -> when an unbroken run's first file was there, and when it ended.
        kills: of which `with_work` left something that the next run did not have to make again.
        torn: kills after which something that is called finished was not the unbroken run's, byte for byte.
        resumed: the same command went to its end with exit code 0.
        equal: every file outside the bookkeeping is the unbroken run's, and there is none beside them.
        verified: `taskpaint verify` finds nothing; exports have no such command.
        doubled: kills after which a shard stands twice in the ledger.
        left_over: kills after which an unfinished file is still there in the end.
        too_late: moments drawn that came after the end; they do not count, another is drawn.
    """

    command: str
    seconds: dict[int, tuple[float, float]]
    kills: int = 0
    with_work: int = 0
    torn: int = 0
    resumed: int = 0
    equal: int = 0
    verified: int | None = 0
    doubled: int = 0
    left_over: int = 0
    too_late: int = 0
    faults: list[str] = field(default_factory=list)


def main() -> None:
    """Kill, resume, compare, and print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        bench = Bench(Path(name))
        draw = random.Random(options.seed)
        commands = options.only.split(",")
        shares = [options.kills // len(commands) + (n < options.kills % len(commands)) for n in range(len(commands))]
        tallies = [bench.faults(command, kills, draw) for command, kills in zip(commands, shares, strict=True)]
    if options.json:
        print(json.dumps([asdict(tally) for tally in tallies], indent=2))
    else:
        _print(tallies)
    sys.exit(any(tally.faults for tally in tallies))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of all commands together")
    parser.add_argument("--only", default=",".join(COMMANDS), help="commands, separated by commas")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--work", type=Path, help="folder for what is written; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _print(tallies: Sequence[Tally]) -> None:
    counts = ("kills", "with_work", "resumed", "verified", "equal", "torn", "doubled", "left_over")
    columns = ("command", "seconds", *counts)
    print("| " + " | ".join(column.replace("_", " ") for column in columns) + " |")
    print("|---|" + "---:|" * (len(columns) - 1))
    for tally in tallies:
        spans = " and ".join(f"{first:.1f} to {last:.1f}" for first, last in tally.seconds.values())
        row = asdict(tally) | {"seconds": spans}
        print("| " + " | ".join("–" if row[column] is None else str(row[column]) for column in columns) + " |")
    for tally in tallies:
        for fault in tally.faults:
            print(fault)


class Bench:
    """A small dataset and the commands that are killed."""

    def __init__(self, work: Path) -> None:
        self._work = work
        write_coco(work / "coco", "train2017", images=60, instances=300, photos=4)
        (work / "recipe.yaml").write_text(RECIPE)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        self._dataset, self._scored = work / "dataset", work / "scored"
        self._finish(self._arguments("build", self._dataset))
        shutil.copytree(self._dataset, self._scored)
        self._finish(self._arguments("score", self._scored))

    def faults(self, command: str, kills: int, draw: random.Random) -> Tally:
        """Kill a command so many times."""
        whole, seconds = self._unbroken(command)
        tally = Tally(command, seconds, verified=None if command == "export" else 0)
        out = self._work / "out"
        while tally.kills < kills:
            self._begin(command, out)
            workers = draw.choice(tuple(seconds))
            if not self._killed(self._arguments(command, out, workers), draw.uniform(*seconds[workers])):
                tally.too_late += 1
                continue
            tally.kills += 1
            self._judge(command, out, whole, tally)
            print(f"{command}: {tally.kills} of {kills}, {len(tally.faults)} faults", file=sys.stderr)
        shutil.rmtree(out, ignore_errors=True)
        return tally

    def _unbroken(self, command: str) -> tuple[dict[str, str], dict[int, tuple[float, float]]]:
        """Files that an unbroken run writes, and the times of `Tally.seconds`."""
        out, found, spans = self._work / "out", [], {}
        for workers in (1, 2):
            taken = [self._timed(command, out, workers) for _ in range(3)]
            first, last = zip(*taken, strict=True)
            spans[workers] = statistics.median(first), statistics.median(last)
            found.append(_digests(out, _visible(out)))
        if found[0] != found[1]:
            raise SystemExit(f"{command} does not write the same with one worker and with two")
        return found[0], spans

    def _timed(self, command: str, out: Path, workers: int) -> tuple[float, float]:
        self._begin(command, out)
        first = out / ".taskpaint" / ("catalogue" if command == "score" else "lock")
        started = time.monotonic()
        with subprocess.Popen(self._arguments(command, out, workers)) as process:
            while process.poll() is None and not first.exists():
                time.sleep(0.01)
            begun = time.monotonic() - started
        if process.returncode:
            raise SystemExit(f"{command} fails without being killed")
        return begun, time.monotonic() - started

    def _begin(self, command: str, out: Path) -> None:
        shutil.rmtree(out, ignore_errors=True)
        if command == "score":
            shutil.copytree(self._dataset, out)

    def _arguments(self, command: str, out: Path, workers: int = 1) -> list[str]:
        given = {
            "build": ["build", str(self._work / "recipe.yaml"), "--data", str(self._work), "-o", str(out)],
            "score": ["score", str(out), "--scores", SCORES],
            "filter": ["filter", str(self._scored), "-o", str(out), "--keep", "target_sharpness >= q20"],
            "export": ["export", str(self._scored), "-o", str(out), "--to", "imagefolder"],
        }
        return [sys.executable, "-m", "taskpaint.cli", *given[command], "-q", "--workers", str(workers)]

    def _finish(self, command: Sequence[str]) -> None:
        subprocess.run(command, check=True, capture_output=True, text=True)

    def _killed(self, command: Sequence[str], seconds: float) -> bool:
        """Start a command and kill it and its workers after so many seconds; False when it had ended before."""
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        return False

    def _judge(self, command: str, out: Path, whole: Mapping[str, str], tally: Tally) -> None:
        """Look at what a kill left, resume, and look again."""
        where = f"{command}, kill {tally.kills}"
        found = _digests(out, _finished(command, out))
        tally.with_work += _has_work(command, out)
        torn = [name for name, digest in found.items() if whole.get(name) != digest]
        tally.torn += bool(torn)
        tally.faults += [f"{where}: {name} is torn" for name in torn]
        done = subprocess.run(self._arguments(command, out), capture_output=True, text=True)
        tally.resumed += done.returncode == 0
        if done.returncode:
            tally.faults.append(f"{where}: {done.stderr.strip()}")
            return
        found = _digests(out, _visible(out))
        tally.equal += found == whole
        tally.faults += [f"{where}: {name} differs" for name in sorted({n for n, _ in found.items() ^ whole.items()})]
        if tally.verified is not None:
            problems = verify(out, workers=1).problems
            tally.verified += not problems
            tally.faults += [f"{where}: {problem}" for problem in problems]
        twice = [name for name, count in _noted(out).items() if count > 1]
        tally.doubled += bool(twice)
        parts = [str(file.relative_to(out)) for file in out.rglob(".*part")]
        tally.left_over += bool(parts)
        tally.faults += [f"{where}: {name} stands twice in the ledger" for name in twice]
        tally.faults += [f"{where}: {name} was left" for name in parts]


def _finished(command: str, out: Path) -> Iterator[Path]:
    """Files that whoever reads the folder would take for finished, or that its ledger says are."""
    if command != "export":
        yield from (DatasetFolder(out).shard_file(name) for name in _noted(out))
        yield from _visible(out)
        return
    for note in (out / ".taskpaint" / "done").glob("*.json"):
        for name in json.loads(note.read_text(encoding="utf-8"))["proof"]:
            place = out / name
            if name.startswith("."):  # lines that wait to be joined; what they become is compared in the end
                continue
            yield from place.rglob("*") if place.is_dir() else [place]
    yield from (file for file in (out / "export.json",) if file.exists())


def _has_work(command: str, out: Path) -> bool:
    """Whether a killed run left something that counts."""
    kept = {"build": "ledger-*", "score": "catalogue/[!.]*", "filter": "ledger-*", "export": "done/[!.]*"}
    return any((out / ".taskpaint").glob(kept[command]))


def _visible(out: Path) -> Iterator[Path]:
    """Files under their final names."""
    for folder, folders, files in os.walk(out):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder) / name for name in files if not name.startswith("."))


def _digests(out: Path, files: Iterator[Path]) -> dict[str, str]:
    """Relative path -> SHA-256, or that it is missing."""
    return {
        str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"
        for file in files
        if not file.is_dir()
    }


def _noted(out: Path) -> Counter[str]:
    """Shards in the ledgers, and how often each stands there."""
    ledgers = DatasetFolder(out).ledgers().values()
    return Counter(record.name for records in ledgers for record in records)


if __name__ == "__main__":
    main()
