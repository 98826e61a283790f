"""What building to an S3 server costs against building to a folder, and reading from it.

    python benchmarks/storage.py --coco /datasets/coco

The server is moto's on the loopback, in a process of its own: it has no latency to speak of, and takes a processor
while it works, so the figures tell what the sending costs this side, not what a network costs. The builds take turns; a
ratio is the median over the pairs. CPU seconds are those of the build and its workers, without the server's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from synthetic import write_coco

RECIPE = {
    "name": "storage",
    "tasks": [{"task": "segmentation", "options": {"absent": 0}}],
    "image": {"resize": "square", "size": 512},
}


def main() -> None:
    """Measure and print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as name, _server() as client:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"] = str(work / "cache")
        coco = options.coco or _made_up(work / "coco")
        client.mkdir("bucket")
        rows = _measure(work, coco, options)
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print("| what | folder, s | store, s | ratio | folder, CPU s | store, CPU s | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        cells = [
            row["what"],
            *(f"{row[key]:.2f}" for key in ("folder", "store", "ratio", "folder_cpu", "store_cpu", "cpu_ratio")),
        ]
        print("| " + " | ".join(cells) + " |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder; without it, made-up photographs")
    parser.add_argument("--triplets", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="folder and store take turns this often")
    parser.add_argument("--work", type=Path, help="folder for what is built; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _made_up(root: Path) -> Path:
    write_coco(root, "train2017", images=400, instances=2900, photos=20)
    return root


@contextlib.contextmanager
def _server() -> Iterator[object]:
    """The S3 server, the environment that leads there, and a client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        import s3fs

        yield s3fs.S3FileSystem(use_listings_cache=False)
    finally:
        process.terminate()
        process.wait()


def _measure(work: Path, coco: Path, options: argparse.Namespace) -> list[dict[str, object]]:
    listed = json.loads((coco / "annotations" / "instances_train2017.json").read_text())["images"]
    recipe = RECIPE | {"sources": [{"source": "coco", "path": str(coco), "split": "train2017"}]}
    recipe["tasks"][0]["weight"] = max(1, 1.1 * options.triplets / len(listed))
    file = work / "storage.yaml"
    file.write_text(json.dumps(recipe))  # JSON is YAML
    _build(file, str(work / "first"), options, 2)  # writes the index
    builds, reads = [], []
    for number in range(options.repeats):
        places = [str(work / f"out{number}"), f"s3://bucket/out{number}"]
        turn = 1 if number % 2 else -1
        builds.append([_build(file, place, options, options.triplets) for place in places[::turn]][::turn])
        reads.append([_read(place) for place in places[::turn]][::turn])
        shutil.rmtree(places[0])
    return [_row("build", builds), _row("read every row", reads)]


def _row(what: str, pairs: list[list[tuple[float, float]]]) -> dict[str, object]:
    folder, store, folder_cpu, store_cpu = (
        statistics.median(pair[side][figure] for pair in pairs) for figure in (0, 1) for side in (0, 1)
    )
    ratio, cpu_ratio = (statistics.median(store[f] / folder[f] for folder, store in pairs) for f in (0, 1))
    found = {"folder": folder, "store": store, "ratio": ratio}
    return {"what": what} | found | {"folder_cpu": folder_cpu, "store_cpu": store_cpu, "cpu_ratio": cpu_ratio}


def _build(recipe: Path, out: str, options: argparse.Namespace, limit: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "taskpaint.cli", "build", str(recipe), "-o", out, "-q"]
    return _timed([*command, "--workers", str(options.workers), "--limit", str(limit)])


def _read(place: str) -> tuple[float, float]:
    code = "import sys, taskpaint; print(sum(1 for row in taskpaint.load(sys.argv[1], images='bytes')))"
    return _timed([sys.executable, "-c", code, place])


def _timed(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command and its children."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
