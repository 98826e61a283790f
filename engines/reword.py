"""Draw new instructions for a dataset: pixels are copied as they are stored, the wording is replaced."""

from __future__ import annotations

import importlib.metadata
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..builders.registry import find_task, task_names
from ..manifests.errors import DatasetFolderError, UsageError
from ..manifests.folder import DatasetFolder, ShardRecord, overlap, replacing, write_json
from ..manifests.recipe import Instructions
from ..writers.card import write_card
from ..writers.shards import file_sha256, output_errors
from .banks import Wordings, wordings
from .cut_finish import DROPPED
from .local import default_workers, run_local
from .reword_job import RewordJob


@dataclass(frozen=True)
class RewordOptions:
    """What to draw from.

    Attributes:
        instructions: banks, languages and draw; what is held out follows from the dataset.
        seed: another seed draws other instructions.
        tasks: whose instructions to redraw; empty for all.
        workers: processes; 0 for as many as there are processors.
        overwrite: start anew in a folder that holds another run.
    """

    instructions: Instructions = field(default_factory=Instructions)
    seed: int = 0
    tasks: tuple[str, ...] = ()
    workers: int = 0
    overwrite: bool = False


@dataclass(frozen=True)
class RewordReport:
    """What a run came to. counts: task -> outcome ("redrawn", or why a row stays as it is) -> rows."""

    root: Path
    rows: int
    counts: dict[str, dict[str, int]]
    shards: int
    resumed_shards: int
    seconds: float


def reword(
    root: Path, out: Path, options: RewordOptions, on_shard: Callable[[int], None] | None = None
) -> RewordReport:
    """Write a dataset again with other instructions, or go on where an earlier run stopped.

    Rows keep their id, their order and every column but `edit_prompt` and `template_id`. A row whose task or section
    has no templates stays as it is. The split of held-out instructions goes on drawing from held-out templates only.

    Args:
        root: the dataset.
        out: the folder to write.
        options: what to draw from, and how to run.
        on_shard: called with the rows of each shard that is done.

    Raises:
        UsageError: something given does not hold.
        DatasetFolderError: `root` is no finished dataset.
        BuildError: `out` cannot be used or written.
    """
    started = time.monotonic()
    _check_apart(root, out)
    source, target = DatasetFolder(root), DatasetFolder(out)
    manifest = source.manifest()
    instructions = _with_held_out(options.instructions, manifest)
    words = _wordings(source, options, instructions, manifest)
    record = {
        "parent": {"manifest_sha256": file_sha256(source.manifest_file)},
        "instructions": {**instructions.model_dump(mode="json"), "banks": _bank_files(instructions)},
        "seed": options.seed,
        "tasks": sorted(words.drawn),
        "versions": {name: importlib.metadata.version(name) for name in ("taskpaint", "pyarrow")},
    }
    names = [file.stem for file in source.shards()]
    with output_errors(out), target.lock():
        target.begin({"reword": record, **words.identity()}, overwrite=options.overwrite)
        finished = target.ledger()
        todo = [name for name in names if name not in finished]
        job = RewordJob(root, out, words, options.seed)
        for _, shard in run_local(job, todo, options.workers or default_workers()):
            target.note(shard)
            if on_shard:
                on_shard(shard.rows)
        shards = target.finished(names)
        counts = _summed(shards)
        _finish(source, target, {**record, "outcomes": counts}, words, shards)
    rows = sum(shard.rows for shard in shards)
    return RewordReport(out, rows, counts, len(names), len(finished), time.monotonic() - started)


def _check_apart(root: Path, out: Path) -> None:
    if overlap(root, out):
        raise UsageError(f"{root} cannot be reworded in place, and {out} lies in it or around it; choose another -o")


def _bank_files(instructions: Instructions) -> list[dict[str, str]]:
    return [{"name": Path(bank).name, "sha256": file_sha256(Path(bank))} for bank in instructions.banks]


def _with_held_out(instructions: Instructions, manifest: Mapping[str, Any]) -> Instructions:
    """The instructions with what the dataset was built to hold out."""
    recipe = manifest.get("recipe") or {}
    built = Instructions.model_validate(recipe.get("instructions", {}))
    return instructions.model_copy(update={"held_out": built.held_out, "held_out_of": built.held_out_of})


def _wordings(
    source: DatasetFolder, options: RewordOptions, instructions: Instructions, manifest: Mapping[str, Any]
) -> Wordings:
    present = _tasks_in(source)
    for name in options.tasks:
        if name not in present:
            raise UsageError(f"--task {name}: the dataset has no such task; it has {', '.join(sorted(present))}")
    wanted = sorted(present & set(options.tasks or present) & set(task_names()))
    return wordings([find_task(name) for name in wanted], instructions, int(manifest.get("seed", 0)))


def _tasks_in(source: DatasetFolder) -> set[str]:
    found: set[str] = set()
    for file in source.shards():
        try:
            with pq.ParquetFile(file) as parquet:
                found.update(parquet.read(columns=["task"])["task"].unique().to_pylist())
        except (OSError, ValueError, KeyError) as fault:
            raise DatasetFolderError(f"{file} cannot be read: {fault}") from fault
    return found


def _finish(
    source: DatasetFolder,
    target: DatasetFolder,
    record: Mapping[str, Any],
    words: Wordings,
    shards: Sequence[ShardRecord],
) -> None:
    """Rejects, dropped rows, card and, last of all, the manifest: the parent's with this rewording added."""
    manifest = source.manifest()
    for file in (source.rejects_file, source.root / DROPPED):
        if file.exists():
            with replacing(target.root / file.name) as part:
                shutil.copyfile(file, part)
    written = {
        **manifest,
        "held_out_templates": {**manifest.get("held_out_templates", {}), **words.held_out_ids()},
        "rewordings": [*manifest.get("rewordings", []), record],
        "shards": [one.listed for one in shards],
    }
    write_card(target.root, written)
    write_json(target.manifest_file, written)


def _summed(shards: Sequence[ShardRecord]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for shard in shards:
        for task, outcomes in shard.counts.items():
            counts.setdefault(task, Counter()).update(outcomes)
    return {task: dict(sorted(outcomes.items())) for task, outcomes in sorted(counts.items())}
