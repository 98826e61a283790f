"""Pictures a second of `taskpaint score` against the model's own limit.

    python benchmarks/score.py --coco /datasets/coco                    # CPU, against a bare loop
    python benchmarks/score.py --device cuda --model ViT-L-14-quickgelu # against the model with data ready in memory

On a CPU the floor is a bare loop: decode, transform, stack, call the same model with the same number of threads and the
same batches. On CUDA it is the same function on stacks that lie ready in memory. Both sides take turns; a ratio is the
median over the pairs. Where other programs share the processors, look at the CPU seconds a picture too (all processes,
the starting of workers as well). The rate of taskpaint is that of its steady state, from the first finished batch to
the last; what comes before (starting the workers) is given beside it. The weights are random: they cost what real ones
cost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from synthetic import write_coco
from taskpaint.engines.scoring.catalogue import catalogue
from taskpaint.engines.scoring.embed import EmbedOptions, embed_pictures
from taskpaint.engines.scoring.fit import fitting_size
from taskpaint.engines.scoring.prepare import MissingPictures
from taskpaint.engines.scoring.store import EmbeddingStore
from taskpaint.filters.embedders.clip import ClipEmbedder
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.shards import write_shard


@dataclass(frozen=True)
class Case:
    """What both sides run."""

    embedder: ClipEmbedder
    device: str
    batch_size: int
    workers: int
    pictures: list[bytes]
    folder: DatasetFolder


def main() -> None:
    """Measure and print a table."""
    options = _options()
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        work = Path(name)
        photographs = _photographs(options.coco, work)
        for model in options.model.split(","):
            rows += [
                _measure(_case(work, photographs, model, workers, options), options) for workers in _workers(options)
            ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder; without it, made-up photographs")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="ViT-B-32-quickgelu", help="of open_clip; several with commas")
    parser.add_argument("--pictures", type=int, default=256, help="distinct pictures a run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", default="1", help="processes that decode; 1 decodes in the process itself")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves them as they are")
    parser.add_argument("--batch-size", type=int, default=0)
    parser.add_argument("--work", type=Path, help="folder for what is built; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _workers(options: argparse.Namespace) -> list[int]:
    return [int(count) for count in options.workers.split(",")]


def _photographs(coco: Path | None, work: Path) -> list[bytes]:
    if coco is None:
        write_coco(work / "coco", "train2017", 64, 64, 16)
        coco = work / "coco"
    return [file.read_bytes() for file in sorted(coco.glob("*2017/*.jpg"))[:64]]


def _case(work: Path, photographs: list[bytes], model: str, workers: int, options: argparse.Namespace) -> Case:
    cuda = options.device.startswith("cuda")
    embedder = ClipEmbedder(f"{model}/random:0", precision="bfloat16" if cuda else "float32")
    pictures = [_distinct(photographs[n % len(photographs)], n) for n in range(options.pictures)]
    folder = DatasetFolder(work / f"{model}-{workers}")
    _write(folder, pictures)
    size = options.batch_size
    if not size:
        run = embedder.open(options.device)
        size = fitting_size(run, embedder.prepare(decode_rgb(pictures[0])), options.device)
    return Case(embedder, options.device, size, workers, pictures, folder)


def _distinct(data: bytes, number: int) -> bytes:
    """The same picture as other bytes: a comment is put behind the start of the JPEG."""
    comment = str(number).encode()
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


def _write(folder: DatasetFolder, pictures: list[bytes]) -> None:
    folder.data.mkdir(parents=True)
    folder.state.mkdir()
    pairs = zip(pictures[::2], pictures[1::2], strict=True)
    write_shard(folder.shard_file("train-00000-of-00001"), (_triplet(n, *pair) for n, pair in enumerate(pairs)), 64)


def _triplet(number: int, source: bytes, target: bytes) -> Triplet:
    header = read_header(source)
    about = {"params": "{}", "annotation": "{}", "license": "", "image_key": str(number), "source_id": str(number)}
    return Triplet(
        id=f"t-{number}",
        input_image=source,
        edited_image=target,
        edit_prompt="Edit.",
        task="edit",
        template_id="t",
        source_dataset="made-up",
        source_split="all",
        width=header.width,
        height=header.height,
        **about,
    )


def _measure(case: Case, options: argparse.Namespace) -> dict[str, object]:
    floor = _ready if case.device.startswith("cuda") else _bare_loop
    floor(case, min(2 * case.batch_size, len(case.pictures)))  # warm up
    ratios, floors, ours, starts, floor_cpu, our_cpu = [], [], [], [], [], []
    for repeat in range(options.repeats):
        before = _cpu_seconds()
        floors.append(floor(case, len(case.pictures)))
        floor_cpu.append(_cpu_seconds() - before)
        before = _cpu_seconds()
        rate, start = _taskpaint(case, repeat)
        our_cpu.append(_cpu_seconds() - before)
        ours.append(rate)
        starts.append(start)
        ratios.append(rate / floors[-1])
    return {
        "model": case.embedder.name.partition("/")[0],
        "device": torch.cuda.get_device_name() if case.device.startswith("cuda") else "cpu",
        "batch": case.batch_size,
        "workers": case.workers,
        "floor, pictures/s": round(statistics.median(floors), 2),
        "taskpaint, pictures/s": round(statistics.median(ours), 2),
        "start, s": round(statistics.median(starts), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": " ".join(f"{ratio:.3f}" for ratio in ratios),
        "floor, CPU ms": round(1000 * statistics.median(floor_cpu) / len(case.pictures), 1),
        "taskpaint, CPU ms": round(1000 * statistics.median(our_cpu) / len(case.pictures), 1),
    }


def _cpu_seconds() -> float:
    """Of this process and of all that it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def _bare_loop(case: Case, count: int) -> float:
    """Decode, transform, stack, call; pictures a second."""
    run = case.embedder.open(case.device)
    digest = hashlib.sha256()
    started = time.perf_counter()
    for at in range(0, count, case.batch_size):
        batch = case.pictures[at : min(at + case.batch_size, count)]
        digest.update(run(np.stack([case.embedder.prepare(decode_rgb(data)) for data in batch])))
    return count / (time.perf_counter() - started)


def _ready(case: Case, count: int) -> float:
    """The model on stacks that lie in pinned memory, one after another; pictures a second."""
    run = case.embedder.open(case.device)
    stack = np.stack([case.embedder.prepare(decode_rgb(data)) for data in case.pictures[: case.batch_size]])
    batches = max(count // len(stack), 20)
    started = time.perf_counter()
    for _ in range(batches):
        run(stack)
    return batches * len(stack) / (time.perf_counter() - started)


def _taskpaint(case: Case, repeat: int) -> tuple[float, float]:
    """Pictures a second from the first finished batch to the last, and the seconds up to the first."""
    done: list[tuple[float, int]] = []
    store = EmbeddingStore(case.folder.state / f"store-{repeat}-{time.monotonic_ns()}", case.embedder.dim)
    entries = catalogue(case.folder, 1, lambda rows: None)
    chunks = MissingPictures(entries, store)
    started = time.perf_counter()
    embed_pictures(
        case.folder.root,
        case.embedder,
        chunks,
        store,
        EmbedOptions((case.device,), case.batch_size, case.workers),
        lambda count: done.append((time.perf_counter(), count)),
    )
    first, last = done[0][0], done[-1][0]
    return sum(count for _, count in done[1:]) / (last - first), first - started


if __name__ == "__main__":
    main()
