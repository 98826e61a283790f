"""What the measures of pixels and the search for duplicates cost, beside the decoding that they need.

python benchmarks/measures.py --coco /datasets/coco     # without it, made-up photographs
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from taskpaint.filters.duplicates import DatasetRows, Duplicates
from taskpaint.filters.embedders.nss import NaturalSceneStatistics
from taskpaint.filters.hamming import near_pairs
from taskpaint.filters.measures.change import Change
from taskpaint.filters.measures.entropy import Entropy
from taskpaint.filters.measures.perceptual_hash import PerceptualHash
from taskpaint.filters.measures.resolution import Resolution
from taskpaint.filters.measures.sharpness import Sharpness
from taskpaint.filters.measures.ssim import Ssim
from taskpaint.filters.scorer import PairMeasure
from taskpaint.manifests.images import RGB, decode_rgb

MEASURES: tuple[PairMeasure, ...] = (Resolution(), Sharpness(), Entropy(), Change(), Ssim(), PerceptualHash())
NSS = NaturalSceneStatistics()
SIZES = ((512, 512), (640, 480))
"""Width and height, pixels."""


def photographs(coco: Path | None, count: int = 8) -> list[RGB]:
    """Some photographs; smooth noise where there is no COCO."""
    if coco:
        files = sorted(coco.glob("*2017/*.jpg"))[:count]
        if not files:
            raise SystemExit(f"{coco} has no *2017/*.jpg")
        return [decode_rgb(file.read_bytes()) for file in files]
    noise = np.random.default_rng(0).normal(0, 1, (count, 480, 640, 3)).astype(np.float32)
    return [np.clip(128 + 300 * cv2.GaussianBlur(n, (0, 0), 3) + 15 * n, 0, 255).astype(np.uint8) for n in noise]


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """Median CPU time of one call."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def pixel_costs(pictures: list[RGB], size_wh: tuple[int, int], repeats: int) -> dict[str, float]:
    """Milliseconds a pair: of decoding both JPEGs (quality 95, 4:4:4), of each measure, of `nss` for both."""
    costs: dict[str, list[float]] = {}
    for picture in pictures:
        source = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
        target = cv2.convertScaleAbs(cv2.GaussianBlur(source, (0, 0), 1), alpha=1.1)
        encoded = [simplejpeg.encode_jpeg(image, 95, "RGB", "444") for image in (source, target)]
        work: dict[str, Callable[[], Any]] = {"decode": lambda encoded=encoded: [decode_rgb(data) for data in encoded]}
        for measure in MEASURES:
            work[measure.name] = lambda m=measure, s=source, t=target: m.measure(s, t)
        work["nss"] = lambda s=source, t=target: (NSS.prepare(s), NSS.prepare(t))
        for name, call in work.items():
            costs.setdefault(name, []).append(milliseconds(call, repeats))
    return {name: statistics.mean(values) for name, values in costs.items()}


def duplicate_costs(rows: int) -> dict[str, float]:
    """Seconds for a dataset of so many rows, of which one in twenty is a near-duplicate."""
    generator = np.random.default_rng(0)
    sources, targets = generator.integers(0, 2**64, (2, rows), np.uint64)
    first, second = generator.integers(0, rows, (2, rows // 20))
    sources[second] = sources[first] ^ (np.uint64(1) << generator.integers(0, 64, rows // 20).astype(np.uint64))
    targets[second] = targets[first]
    names = [f"{row:09d}" for row in range(rows)]
    splits = ["validation" if row % 50 == 0 else "train" for row in range(rows)]
    dataset = DatasetRows(names, ["mask"] * rows, splits, names, ["draw it"] * rows)
    start = time.perf_counter()
    pairs = near_pairs(np.unique(sources), 4)
    between = time.perf_counter()
    Duplicates().score(dataset, sources, targets)
    return {
        "rows": rows,
        "near_pairs": len(pairs),
        "near_pairs_seconds": between - start,
        "all_columns_seconds": time.perf_counter() - between,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a COCO folder")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the dataset searched for duplicates")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = photographs(options.coco)
    report: dict[str, Any] = {f"{w}x{h}": pixel_costs(pictures, (w, h), options.repeats) for w, h in SIZES}
    report["duplicates"] = duplicate_costs(options.rows)
    if options.json:
        print(json.dumps(report, indent=1))
        return
    for size, costs in report.items():
        if size == "duplicates":
            print("\nduplicates: " + ", ".join(f"{name} {value:,.1f}" for name, value in costs.items()))
            continue
        measures = sum(costs[measure.name] for measure in MEASURES)
        print(f"\n{size}, ms a pair: " + ", ".join(f"{name} {value:.2f}" for name, value in costs.items()))
        print(
            f"all measures {measures:.2f} ms, {measures / costs['decode']:.2f} x decode, {1000 / measures:.0f} pairs/s"
        )


if __name__ == "__main__":
    main()
