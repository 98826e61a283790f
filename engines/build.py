"""Build a dataset: the one place where plan, render, wording, codecs and shards are put together."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import orjson
import pyarrow as pa

from ..builders.index import SourceIndex
from ..builders.plan import Plan, Shard, make_plan
from ..builders.resolve import Stream, check_paths, check_streams, open_streams
from ..builders.source import Source
from ..builders.task import Task
from ..builders.unit import Built, build_unit
from ..manifests.errors import ItemError, OutputError, TooManyRejectsError
from ..manifests.folder import DatasetFolder, ShardRecord, write_json, write_text
from ..manifests.recipe import Recipe, SourceEntry, TaskEntry
from ..manifests.recipe_file import RecipeFile, combine
from ..manifests.slots import slots_to_json
from ..manifests.target import PhotoTarget
from ..manifests.triplet import Triplet
from ..paraphrase.templates import Template, section
from ..paraphrase.wording import word
from ..writers.card import write_card
from ..writers.codecs import encode_source, encode_target
from ..writers.shards import output_errors, write_shard
from .banks import bank_of
from .local import default_workers, run_local

_CODECS = ("pyarrow", "numpy", "opencv-python-headless", "simplejpeg", "isal", "pillow", "pycocotools")


@dataclass(frozen=True)
class BuildOptions:
    """How to run, none of which changes a byte, and how much of the plan to build.

    Attributes:
        root: folder that relative source paths start from.
        paths: folders that stand in for the recipe's, by source label or name.
        limit: at most this many triplets.
        workers: processes; 0 for as many as there are processors.
        max_rejects: share of broken items, of those tried, that turns the build into a failure.
        overwrite: start anew in a folder that holds another build.
    """

    root: Path = Path()
    paths: Mapping[str, Path] = field(default_factory=dict)
    limit: int | None = None
    workers: int = 0
    max_rejects: float = 1.0
    overwrite: bool = False


@dataclass(frozen=True)
class BuildReport:
    """What a build came to. counts: stream label -> "planned", "built", "bad", "skipped" -> number."""

    root: Path
    rows: dict[str, int]
    shards: int
    bytes: int
    counts: dict[str, dict[str, int]]
    index_rejects: dict[str, int]
    resumed_shards: int
    seconds: float

    @property
    def bad(self) -> int:
        """Broken items."""
        return sum(counts.get("bad", 0) for counts in self.counts.values())


class Progress:
    """Told how a build goes; the base class says nothing."""

    def indexing(self, source: str, count: int) -> None:
        """`count` images of a source are indexed."""

    def planned(self, shards: int, units: int, finished: int) -> None:
        """The plan is made; `finished` of its units were built by an earlier run."""

    def shard(self, shard: Shard, record: ShardRecord) -> None:
        """A shard is finished."""


@dataclass(frozen=True)
class Prepared:
    """Recipes checked against the disk. recipe: all of them as one, with the tasks that each source really feeds."""

    recipe: Recipe
    streams: list[Stream]
    plan: Plan


def prepare(files: Sequence[RecipeFile], options: BuildOptions, progress: Progress | None = None) -> Prepared:
    """Check recipes against the disk, open the sources and make the plan; writes nothing but indexes.

    Raises:
        UsageError: a recipe or a source does not hold, or the recipes do not go together.
    """
    check_paths(files, options.paths)
    checked = [found for file in files for found in check_streams(file, options.root, options.paths)]
    recipe = combine(files, [_in_full(entry, source, tasks) for entry, source, tasks in checked])
    streams = open_streams(checked, (progress or Progress()).indexing)
    for stream in streams:
        bank_of(stream.task)
    return Prepared(recipe, streams, make_plan(recipe, streams, options.limit))


def build(
    files: Sequence[RecipeFile], out: Path, options: BuildOptions, progress: Progress | None = None
) -> BuildReport:
    """Build recipes into a folder, or go on where an earlier run stopped.

    Args:
        files: one recipe, or several whose sources are mixed.
        out: the dataset folder; new, or of the same build.
        options: how to run.
        progress: told what happens.

    Raises:
        UsageError: before any work, when something given does not hold.
        BuildError: the folder cannot be used or written, or too many items are broken.
    """
    started = time.monotonic()
    progress = progress or Progress()
    prepared = prepare(files, options, progress)
    recipe, streams, plan = prepared.recipe, prepared.streams, prepared.plan
    folder = DatasetFolder(out)
    shards = plan.shards(recipe.output.rows_per_shard)
    with output_errors(out), folder.lock():
        folder.begin(_identity(recipe, streams, plan, options.limit), overwrite=options.overwrite)
        plan.save(_plan_file(out))
        finished = folder.ledger()
        todo = [shard for shard in shards if shard.name not in finished]
        progress.planned(len(shards), len(plan), sum(s.stop - s.start for s in shards if s.name in finished))
        job = ShardJob.of(prepared, out, options.limit)
        for shard, record in run_local(job, todo, options.workers or default_workers()):
            folder.note(record)
            progress.shard(shard, record)
        records = folder.ledger()
        report = _finish(recipe, folder, streams, plan, [records[shard.name] for shard in shards])
    report = BuildReport(**{**vars(report), "resumed_shards": len(finished), "seconds": time.monotonic() - started})
    _judge(report, options.max_rejects)
    return report


@dataclass(frozen=True)
class _Opened:
    """A stream as it travels to a worker: its index is mapped there again, not sent."""

    stream: Any
    digest: str
    index_file: Path

    @classmethod
    def of(cls, stream: Stream) -> _Opened:
        source = stream.index.source
        return cls(
            (
                stream.source,
                stream.entry,
                stream.task,
                type(source),
                source.path,
                source.split,
                source.options,
            ),
            stream.index.digest,
            stream.index.file,
        )

    def open(self, opened: dict[Path, SourceIndex]) -> Stream:
        source_entry, task_entry, task, kind, path, split, options = self.stream
        if self.index_file not in opened:
            opened[self.index_file] = SourceIndex(kind(path, split, options), self.digest, self.index_file)
        return Stream(source_entry, task_entry, opened[self.index_file], task)


@dataclass(frozen=True)
class ShardJob:
    """Builds shards of one plan in any process; see `engines.local.Job`."""

    recipe: Recipe
    out: Path
    limit: int | None
    opened: list[_Opened]

    @classmethod
    def of(cls, prepared: Prepared, out: Path, limit: int | None) -> ShardJob:
        """The job of a build whose plan is saved in the folder."""
        return cls(prepared.recipe, out, limit, [_Opened.of(stream) for stream in prepared.streams])

    def open(self) -> Callable[[Shard], ShardRecord]:
        """Map plan and indexes into memory, one thread a process."""
        cv2.setNumThreads(1)
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        indexes: dict[Path, SourceIndex] = {}
        streams = [item.open(indexes) for item in self.opened]
        plan = Plan.load(_plan_file(self.out), self.recipe.seed, self.limit)
        banks = {stream.task.name: bank_of(stream.task) for stream in streams}
        return lambda shard: self._build(shard, streams, plan, banks)

    def _build(
        self, shard: Shard, streams: list[Stream], plan: Plan, banks: Mapping[str, tuple[Template, ...]]
    ) -> ShardRecord:
        started = time.monotonic()
        folder = DatasetFolder(self.out)
        counts: Counter[tuple[str, str]] = Counter()
        rejects: list[dict[str, Any]] = []

        def rows() -> Iterator[Triplet]:
            for unit in plan.units(shard):
                stream = streams[unit.stream]
                try:
                    triplet = to_triplet(self.recipe, stream, build_unit(self.recipe, streams, unit), banks)
                except ItemError as fault:
                    counts[stream.label, fault.kind] += 1
                    rejects.append(_reject(stream, unit.row, unit.variant, fault))
                    continue
                counts[stream.label, "built"] += 1
                yield triplet

        written = write_shard(folder.shard_file(shard.name), rows(), self.recipe.output.row_group_rows)
        lines = "".join(json.dumps(reject, ensure_ascii=False) + "\n" for reject in rejects)
        with output_errors(folder.rejects_part(shard.name)):
            write_text(folder.rejects_part(shard.name), lines)
        nested: dict[str, dict[str, int]] = {}
        for (label, kind), count in sorted(counts.items()):
            nested.setdefault(label, {})[kind] = count
        seconds = time.monotonic() - started
        return ShardRecord(shard.name, written.rows, written.bytes, written.sha256, nested, round(seconds, 3))


def _plan_file(out: Path) -> Path:
    return DatasetFolder(out).state / "plan.arrow"


def _photograph(recipe: Recipe, built: Built) -> bytes:
    """The photograph at output size: its file's own bytes whenever no pixel has to change."""
    if built.passes_through:
        return built.data
    exact = any(isinstance(t, PhotoTarget) and t.lossless for t in (built.rendered.target, built.rendered.source))
    lossless = exact or (built.view.geometry.is_native and built.header.format != "JPEG")
    return encode_source(built.view.rgb, recipe.output, lossless=lossless)


def to_triplet(recipe: Recipe, stream: Stream, built: Built, banks: Mapping[str, tuple[Template, ...]]) -> Triplet:
    """Word and encode a built unit."""
    rendered = built.rendered
    bank = section(banks[stream.task.name], rendered.section)
    text, template = word(bank, rendered.slots, built.words)
    photo = _photograph(recipe, built)
    params = {**rendered.params, "section": rendered.section, "slots": slots_to_json(rendered.slots)}
    width, height = built.view.size_wh
    return Triplet(
        id=built.id,
        input_image=photo if rendered.source is None else encode_target(rendered.source, photo, recipe.output),
        edited_image=encode_target(rendered.target, photo, recipe.output),
        edit_prompt=text,
        task=stream.task.name,
        template_id=template.template_id,
        params=_json(params),
        annotation=_json(rendered.annotation),
        source_dataset=stream.index.source.name,
        source_split=stream.index.source.split,
        source_id=built.sample.id,
        image_key=built.image_key,
        license=stream.index.source.license,
        width=width,
        height=height,
    )


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _reject(stream: Stream, row: int, variant: int, fault: ItemError) -> dict[str, Any]:
    return {
        "source": stream.source.label,
        "id": stream.index.key_and_id(row)[1],
        "task": stream.entry.label,
        "variant": variant,
        "kind": fault.kind,
        "reason": str(fault),
    }


def _identity(recipe: Recipe, streams: list[Stream], plan: Plan, limit: int | None) -> dict[str, Any]:
    """Everything that decides the bytes; where the sources lie does not."""
    return {
        "recipe": portable(recipe),
        "limit": limit,
        "planned": plan.counts,
        "sources": {stream.source.label: stream.index.digest for stream in streams},
        "templates": {
            stream.task.name: [template.template_id for template in bank_of(stream.task)] for stream in streams
        },
        "versions": _versions(),
    }


def _in_full(
    entry: SourceEntry, source: Source, tasks: Sequence[tuple[TaskEntry, Task[Any]]]
) -> tuple[SourceEntry, list[TaskEntry]]:
    """A source and its tasks with every default of their options."""
    full = {"split": source.split, "options": source.options.model_dump(mode="json")}
    named = entry.model_copy(update={"name": entry.label, **full})
    return named, [one.model_copy(update={"options": task.options.model_dump(mode="json")}) for one, task in tasks]


def portable(recipe: Recipe) -> dict[str, Any]:
    """The recipe with every default, without the folders of this machine."""
    value = recipe.model_dump(mode="json")
    for source in value["sources"]:
        source["path"] = source["source"]
    return value


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("taskpaint", *_CODECS)}


def _finish(
    recipe: Recipe, folder: DatasetFolder, streams: list[Stream], plan: Plan, records: list[ShardRecord]
) -> BuildReport:
    """Join rejects, write the card and, last of all, the manifest."""
    indexes = {stream.source.label: stream.index for stream in streams}
    index_rejects = {label: len(index.rejects()) for label, index in indexes.items()}
    _join_rejects(folder, indexes, records)
    counts = _counts(streams, plan, records)
    rows: dict[str, int] = {}
    for record in records:
        split = record.name.partition("-")[0]
        rows[split] = rows.get(split, 0) + record.rows
    manifest = {
        "format": 1,
        "name": recipe.name,
        "description": recipe.description,
        "versions": _versions(),
        "seed": recipe.seed,
        "recipe": portable(recipe),
        "splits": rows,
        "counts": counts,
        "index_rejects": index_rejects,
        "sources": {
            label: {
                "dataset": index.source.name,
                "title": index.source.title,
                "split": index.source.split,
                "license": index.source.license,
                "homepage": index.source.homepage,
                "images": len(index),
                "digest": index.digest,
            }
            for label, index in indexes.items()
        },
        "shards": [{"name": r.name, "rows": r.rows, "bytes": r.bytes, "sha256": r.sha256} for r in records],
    }
    write_card(folder.root, manifest)
    write_json(folder.manifest_file, manifest)
    size = sum(record.bytes for record in records)
    return BuildReport(folder.root, rows, len(records), size, counts, index_rejects, 0, 0.0)


def _join_rejects(folder: DatasetFolder, indexes: Mapping[str, SourceIndex], records: list[ShardRecord]) -> None:
    part = folder.rejects_file.with_name(".rejects.jsonl.part")
    with part.open("w", encoding="utf-8") as joined:
        for label, index in indexes.items():
            for reject in index.rejects():
                line = {"source": label, "id": reject.id, "kind": "annotation", "reason": reject.reason}
                joined.write(json.dumps(line, ensure_ascii=False) + "\n")
        for record in records:
            joined.write(folder.rejects_part(record.name).read_text(encoding="utf-8"))
    part.replace(folder.rejects_file)


def _counts(streams: list[Stream], plan: Plan, records: list[ShardRecord]) -> dict[str, dict[str, int]]:
    counts = {
        stream.label: {"planned": sum(planned.values()), "built": 0, "bad": 0, "skipped": 0}
        for stream, planned in zip(streams, plan.per_stream(len(streams)), strict=True)
    }
    for record in records:
        for label, kinds in record.counts.items():
            for kind, count in kinds.items():
                counts[label][kind] += count
    return counts


def _judge(report: BuildReport, max_rejects: float) -> None:
    tried = sum(counts["built"] + counts["bad"] for counts in report.counts.values())
    if not sum(report.rows.values()):
        raise OutputError(f"not one triplet could be built; the reasons are in {report.root / 'rejects.jsonl'}")
    if tried and report.bad / tried > max_rejects:
        raise TooManyRejectsError(
            f"{report.bad} of {tried} items are broken, more than --max-rejects {max_rejects:g} allows; "
            f"the reasons are in {report.root / 'rejects.jsonl'}"
        )
