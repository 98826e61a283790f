"""KNN-GIQA's index at size: time to build and to search, recall, score error and memory, beside exact search.

    python benchmarks/knn.py --vectors 1000000 --dim 768

The vectors are made up to lie as embeddings do: unit length, a common mean, clusters within topics, sizes by a power
law, twenty directions inside a cluster. Queries are drawn from the same mixture and are not in the reference.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from taskpaint.engines.index import IndexOptions, Progress, index
from taskpaint.filters.reference.forms import FORMS, USUAL_K, scores
from taskpaint.filters.reference.measure import Demand
from taskpaint.filters.reference.nearest import Asked, nearest
from taskpaint.filters.reference.reference import Reference

_ROWS_A_FILE = 62_500


@dataclass(frozen=True)
class Mixture:
    """Where vectors are drawn from. directions: (atoms, dim) shared by all clusters, of which each uses twenty."""

    mean: np.ndarray
    middles: np.ndarray
    shares: np.ndarray
    directions: np.ndarray
    used: np.ndarray
    spreads: np.ndarray

    @classmethod
    def of(cls, dim: int, clusters: int, seed: int = 0) -> Mixture:
        """Squared length: 0.40 mean, 0.20 topic, 0.15 cluster, 0.20 within, 0.05 in no direction in particular."""
        draw = np.random.default_rng(seed)
        atoms = min(512, dim)
        directions = np.linalg.qr(draw.normal(size=(dim, atoms)))[0].T.astype(np.float32)
        topics = np.sqrt(0.20 / 60) * draw.normal(size=(500, 60)) @ directions[:60]
        around = np.sqrt(0.15 / 100) * draw.normal(size=(clusters, 100)) @ directions[60:160]
        middles = (topics[draw.integers(0, 500, clusters)] + around).astype(np.float32)
        mean = directions[-1] * np.float32(np.sqrt(0.40))
        shares = 1 / np.arange(1, clusters + 1) ** 0.8
        used = np.stack([draw.choice(atoms - 161, 20, replace=False) + 160 for _ in range(clusters)])
        fall = 1 / np.sqrt(np.arange(1, 21))
        spreads = np.sqrt(0.20 / np.sum(fall**2)) * fall * draw.uniform(0.5, 1.4, (clusters, 1))
        return cls(mean, middles, shares / shares.sum(), directions, used, spreads.astype(np.float32))

    def sample(self, count: int, seed: int) -> np.ndarray:
        """(count, dim) float32 of unit length."""
        draw = np.random.default_rng(seed)
        which = draw.choice(len(self.shares), count, p=self.shares)
        weights = np.zeros((count, len(self.directions)), np.float32)
        inside = draw.standard_normal((count, 20), np.float32) * self.spreads[which]
        np.put_along_axis(weights, self.used[which], inside, axis=1)
        dim = self.directions.shape[1]
        found = weights @ self.directions
        found += self.mean + self.middles[which]
        found += np.float32(np.sqrt(0.05 / dim)) * draw.standard_normal((count, dim), np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work, prefix="knn-") as name:
        work = Path(name)
        mixture = Mixture.of(options.dim, options.clusters)
        started = time.monotonic()
        _write(mixture, options.vectors, work / "img_emb")
        _say(f"{options.vectors:,} vectors written in {time.monotonic() - started:.0f} s")
        how = IndexOptions(
            embedder="made up", link=True, factory=options.factory, overwrite=True,
            memory=options.memory * 1e9 if options.memory else None, demand=Demand(sample=options.sample),
            wanted=[(form, USUAL_K[form]) for form in options.form or ["paper"]],
        )  # fmt: skip
        about = index([work / "img_emb"], work / "reference", how, _Shown())
        result = _compare(Reference.open(work / "reference"), mixture.sample(options.queries, seed=-1 % 2**32))
        files = {file.name: file.stat().st_size for file in (work / "reference" / "index").iterdir()}
    result |= {
        "vectors": options.vectors,
        "dim": options.dim,
        "factory": about["index"]["factory"],
        "seconds": about["seconds"],
        "index_megabytes": round(files.get("whole.faiss", 4 * options.vectors * options.dim) / 1e6),
        "vector_megabytes": round(2 * options.vectors * options.dim / 1e6),
        "peak_rss_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 10**6,
        "in_sample": [{key: one[key] for key in ("form", "k", "recall", "error")} for one in about["measured"]],
    }
    print(json.dumps(result, indent=2) if options.json else _table(result))


def _compare(reference: Reference, queries: np.ndarray) -> dict:
    """Search the index and everything for the same queries, each form and K that was measured."""
    rows = []
    for setting in reference.settings():
        searcher = reference.searcher(setting)
        space = searcher.space
        asked = Asked(space.vectors.ready(queries), np.zeros((len(queries), 2), np.uint64), np.full(len(queries), -1))
        how = space.measuring(setting.form)
        nearest(how, searcher.candidates, asked[:64], setting.k, setting.fetch, setting.nprobe)  # pages read once
        started = time.monotonic()
        near = nearest(how, searcher.candidates, asked, setting.k, setting.fetch, setting.nprobe)
        searched = time.monotonic() - started
        started = time.monotonic()
        for place in range(32):
            nearest(how, searcher.candidates, asked[place : place + 1], setting.k, setting.fetch, setting.nprobe)
        alone = (time.monotonic() - started) / 32
        started = time.monotonic()
        truth = nearest(how, space.scan(setting.form), asked, setting.k, setting.k + 16)
        scanned = time.monotonic() - started
        exact, ours = scores(setting.form, truth, space.floor), scores(setting.form, near, space.floor)
        errors = np.abs(ours - exact) / exact
        rows.append(
            {
                **{key: value for key, value in asdict(replace(setting, quantiles=[])).items() if key in _SHOWN},
                "recall": float(np.mean(near <= truth[:, -1:] * (1 + 1e-9))),
                "error_median": float(np.median(errors)),
                "error_p99": float(np.quantile(errors, 0.99)),
                "ms_a_query": 1000 * searched / len(queries),
                "ms_a_query_alone": 1000 * alone,
                "ms_a_query_exact": 1000 * scanned / len(queries),
                "nearest_distance_median": float(np.median(truth[:, 0])),
            }
        )
    return {"queries": len(queries), "held_out": rows}


_SHOWN = ("form", "k", "nprobe", "fetch")


class _Shown(Progress):
    def stage(self, what: str, total: int) -> None:
        _say(f"{time.strftime('%H:%M:%S')} {what}")


def _write(mixture: Mixture, count: int, folder: Path) -> None:
    folder.mkdir()
    for number, start in enumerate(range(0, count, _ROWS_A_FILE)):
        rows = mixture.sample(min(_ROWS_A_FILE, count - start), seed=number + 1)
        np.save(folder / f"img_emb_{number}.npy", rows.astype(np.float16))


def _table(result: dict) -> str:
    seconds = ", ".join(f"{stage} {value:.0f}" for stage, value in result["seconds"].items())
    head = list(result["held_out"][0])
    lines = [
        f"{result['vectors']:,} x {result['dim']}, {result['factory']}; seconds: {seconds}",
        f"index {result['index_megabytes']} MB, vectors {result['vector_megabytes']} MB, peak RSS "
        f"{result['peak_rss_megabytes']} MB (pages of mapped files included); {result['queries']} held-out queries:",
        "",
        "| " + " | ".join(name.replace("_", " ") for name in head) + " |",
        "|---" * len(head) + "|",
        *("| " + " | ".join(_cell(row[name]) for name in head) + " |" for row in result["held_out"]),
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--clusters", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=1000, help="of the reference's own, to measure recall with")
    parser.add_argument("--form", action="append", choices=FORMS, help="of the score; paper without it")
    parser.add_argument("--factory", help="of FAISS; without it, by size and memory")
    parser.add_argument("--memory", type=float, help="GB that the index may take")
    parser.add_argument("--work", type=Path, help="folder for vectors and index; empty: the system's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
