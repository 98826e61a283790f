"""Verify a dataset: every image opens, every target decodes, ids are unique, no photograph is in two splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..builders.permutation import hash_text
from ..builders.registry import find_task
from ..manifests.errors import ItemError, PluginError
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.images import decode_rgb
from ..manifests.recipe import HELD_OUT_INSTRUCTIONS, repeated_split
from ..manifests.storage.dataset import RemoteDataset, open_dataset
from ..manifests.triplet import Triplet, triplet_schema
from ..writers.shards import file_sha256
from .local import default_workers, run_local
from .threads import use_one_thread

_KEPT_PROBLEMS = 1000
_ROW_FAULTS = (ItemError, PluginError, ValueError, KeyError, TypeError, IndexError, AttributeError)


@dataclass
class Figure:
    """A decode figure over many targets."""

    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    failed: int = 0

    def add(self, value: float, holds: bool) -> None:
        """Take in one target's value."""
        self.merge(Figure(1, value, value, value, int(not holds)))

    def merge(self, other: Figure) -> None:
        """Take in another figure."""
        self.count, self.total = self.count + other.count, self.total + other.total
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        self.failed += other.failed

    def summary(self) -> dict[str, float]:
        """For reports."""
        mean = self.total / self.count if self.count else 0.0
        return {"count": self.count, "mean": mean, "min": self.least, "max": self.most, "failed": self.failed}


@dataclass
class ShardVerdict:
    """What one shard's rows showed."""

    split: str
    rows: int = 0
    sha256: str = ""
    problems: list[dict[str, str]] = field(default_factory=list)
    problem_count: int = 0
    figures: dict[tuple[str, str], Figure] = field(default_factory=dict)
    ids: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    photographs: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    contents: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    templates: set[str] = field(default_factory=set)

    def note(self, where: str, problem: str) -> None:
        """Keep a problem; beyond a thousand only their number."""
        self.problem_count += 1
        if len(self.problems) < _KEPT_PROBLEMS:
            self.problems.append({"where": where, "problem": problem})


@dataclass(frozen=True)
class VerifyReport:
    """What a dataset showed.

    Attributes:
        rows: triplets by split.
        problem_count: of all; `problems` holds the first of each shard.
        decode: task -> metric -> count, mean, min, max, failed.
    """

    root: str
    rows: dict[str, int]
    problem_count: int
    problems: list[dict[str, str]]
    decode: dict[str, dict[str, dict[str, float]]]


def verify(root: Path | str, workers: int = 0, on_shard: Callable[[int], None] | None = None) -> VerifyReport:
    """Verify a dataset folder.

    Args:
        root: the folder, or a URL, whose shards are fetched one after the other and not kept.
        workers: processes; 0 for one a processor.
        on_shard: called with the rows of each shard that is done.

    Raises:
        DatasetFolderError: it is no dataset folder.
    """
    folder = open_dataset(root)
    files = folder.shards()
    verdicts: dict[str, ShardVerdict] = {}
    for name, verdict in run_local(_VerifyJob(folder), [file.stem for file in files], workers or default_workers()):
        verdicts[name] = verdict
        if on_shard:
            on_shard(verdict.rows)
    whole = ShardVerdict("all")
    _check_manifest(folder, verdicts, whole)
    _check_unique([verdicts[file.stem] for file in files], whole, repeated_split(folder.manifest()))
    _check_held_out([verdicts[file.stem] for file in files], whole)
    problems, count = list(whole.problems), whole.problem_count
    rows: dict[str, int] = {}
    figures: dict[str, dict[str, Figure]] = {}
    for file in files:
        verdict = verdicts[file.stem]
        problems += verdict.problems
        count += verdict.problem_count
        rows[verdict.split] = rows.get(verdict.split, 0) + verdict.rows
        for (task, metric), figure in verdict.figures.items():
            figures.setdefault(task, {}).setdefault(metric, Figure()).merge(figure)
    decode = {
        task: {metric: figure.summary() for metric, figure in sorted(by_metric.items())}
        for task, by_metric in sorted(figures.items())
    }
    return VerifyReport(str(folder.place), rows, count, problems, decode)


@dataclass(frozen=True)
class _VerifyJob:
    folder: DatasetFolder

    def open(self) -> Callable[[str], ShardVerdict]:
        use_one_thread()
        return self._verify

    def _verify(self, name: str) -> ShardVerdict:
        if not isinstance(self.folder, RemoteDataset):
            return _verdict(name, self.folder.shard_file(name))
        try:
            with self.folder.borrowed(name) as file:
                return _verdict(name, file)
        except FileNotFoundError:
            verdict = ShardVerdict(split_of(name))
            verdict.note(name, "the shard was removed while the dataset was verified")
            return verdict


def _verdict(name: str, file: Path) -> ShardVerdict:
    verdict = ShardVerdict(split_of(name))
    ids, photographs, contents = [], [], []
    try:
        verdict.sha256 = file_sha256(file)
        for row in _rows(file, verdict):
            verdict.rows += 1
            ids.append(hash_text(str(row["id"])))
            photographs.append(hash_text(str(row["image_key"])))
            verdict.templates.add(str(row["template_id"]))
            if '"text_to_image":true' not in str(row["params"]):  # these share one blank source
                contents.append(_digest(row["input_image"]))
            check_row(row, f"{name}, row {verdict.rows - 1}, {row['id']}", verdict)
    except (pa.ArrowException, OSError) as fault:
        verdict.note(name, f"shard cannot be read: {fault}")
    verdict.ids, verdict.photographs, verdict.contents = (
        np.array(values, np.uint64) for values in (ids, photographs, contents)
    )
    return verdict


def check_row(row: Mapping[str, Any], where: str, verdict: ShardVerdict) -> None:
    """Open, decode and compare one row, noting problems and figures."""
    try:
        triplet = Triplet.from_row(dict(row))
        source, target = decode_rgb(triplet.input_image), decode_rgb(triplet.edited_image)
        for name, pixels in (("input_image", source), ("edited_image", target)):
            if pixels.shape[:2] != (triplet.height, triplet.width):
                verdict.note(
                    where,
                    f"{name} is {pixels.shape[1]}x{pixels.shape[0]}, the row says {triplet.width}x{triplet.height}",
                )
                return
        task = find_task(triplet.task)
        params, annotation = json.loads(triplet.params), json.loads(triplet.annotation)
        found = task.compare(task.decode(target, source, params), annotation, params)
        for limit in task.limits:
            value = found[limit.metric]
            holds = limit.holds(value)
            verdict.figures.setdefault((triplet.task, limit.metric), Figure()).add(value, holds)
            if not holds:
                verdict.note(where, f"decoded {limit.metric} is {value:.4g}, beyond what the task allows")
    except _ROW_FAULTS as fault:
        verdict.note(where, f"{type(fault).__name__}: {fault}")


def _rows(file: Path, verdict: ShardVerdict) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(file, memory_map=True) as parquet:
        if parquet.schema_arrow != triplet_schema():
            verdict.note(file.stem, "columns are not those of a taskpaint triplet")
            return
        if (parquet.schema_arrow.metadata or {}).get(b"huggingface") != triplet_schema().metadata[b"huggingface"]:
            verdict.note(file.stem, "the features that `datasets` reads are missing or changed")
        for batch in parquet.iter_batches(batch_size=16):
            yield from batch.to_pylist()


def _digest(image: Any) -> int:
    data = image.get("bytes") if isinstance(image, dict) else None
    return int.from_bytes(hashlib.blake2b(data or b"", digest_size=8).digest(), "little")


def _check_manifest(folder: DatasetFolder, verdicts: Mapping[str, ShardVerdict], whole: ShardVerdict) -> None:
    shards = {shard["name"]: shard for shard in folder.manifest().get("shards", [])}
    for name in sorted(shards.keys() - verdicts.keys()):
        whole.note(name, "the manifest lists this shard; its file is missing")
    for name in sorted(verdicts.keys() - shards.keys()):
        whole.note(name, "this shard is not in the manifest")
    for name, verdict in sorted(verdicts.items()):
        listed = shards.get(name)
        if listed is None:
            continue
        if verdict.rows != listed["rows"]:
            whole.note(name, f"{verdict.rows} rows were read, the manifest says {listed['rows']}")
        if verdict.sha256 != listed["sha256"]:
            whole.note(name, "the file's sha256 is not the manifest's; it was changed or damaged")


def _check_held_out(verdicts: list[ShardVerdict], whole: ShardVerdict) -> None:
    """The templates of the split of held-out instructions may stand in no other split."""
    held_out, others = set[str](), set[str]()
    for verdict in verdicts:
        (held_out if verdict.split == HELD_OUT_INSTRUCTIONS else others).update(verdict.templates)
    shared = sorted(held_out & others)
    if shared:
        whole.note(
            "all shards", f"{len(shared)} templates of {HELD_OUT_INSTRUCTIONS} are in other splits too: {shared[0]} …"
        )


def _check_unique(verdicts: list[ShardVerdict], whole: ShardVerdict, repeated: str) -> None:
    ids = np.concatenate([np.zeros(0, np.uint64), *(verdict.ids for verdict in verdicts)])
    twins = len(ids) - len(np.unique(ids))
    if twins:
        whole.note("all shards", f"{twins} ids occur more than once")
    splits = sorted({verdict.split for verdict in verdicts})
    for what, remedy in (("photographs", ""), ("contents", "; build with splits.identity: content")):
        seen = {
            split: np.unique(np.concatenate([getattr(v, what) for v in verdicts if v.split == split]))
            for split in splits
        }
        for position, first in enumerate(splits):
            for second in splits[position + 1 :]:
                if {first, second} == {repeated, HELD_OUT_INSTRUCTIONS}:
                    continue
                shared = len(np.intersect1d(seen[first], seen[second]))
                if shared:
                    name = "photographs" if what == "photographs" else "identical source images"
                    whole.note("all shards", f"{shared} {name} are in both {first} and {second}{remedy}")
