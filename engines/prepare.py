"""From recipes to a plan: everything that happens before the first pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..builders.plan import Plan, Shard, make_plan
from ..builders.resolve import Stream, check_paths, check_streams, open_streams
from ..builders.source import Source
from ..builders.task import Task
from ..manifests.errors import RecipeError
from ..manifests.folder import ShardRecord
from ..manifests.recipe import HELD_OUT_INSTRUCTIONS, Recipe, SourceEntry, TaskEntry
from ..manifests.recipe_file import RecipeFile, combine
from .banks import Wordings, wordings


@dataclass(frozen=True)
class BuildOptions:
    """How to run, none of which changes a byte, and how much of the plan to build.

    Attributes:
        root: folder or URL that relative source paths start from.
        paths: folders or URLs that stand in for the recipe's, by source label or name.
        limit: at most this many triplets.
        workers: processes; 0 for as many as there are processors.
        max_rejects: share of broken items, of those tried, that turns the build into a failure.
        overwrite: start anew in a folder that holds another build.
        skip_missing: leave out sources whose folder is not there, and say so in the card.
        spool: local folder in which shards wait on their way to a URL; None for the cache.
    """

    root: Path | str = Path()
    paths: Mapping[str, Path | str] = field(default_factory=dict)
    limit: int | None = None
    workers: int = 0
    max_rejects: float = 1.0
    overwrite: bool = False
    skip_missing: bool = False
    spool: Path | None = None


class Progress:
    """Told how a build goes; the base class says nothing."""

    def fetching(self, url: str, done: int, total: int) -> None:
        """`done` bytes of the `total` that are needed of a source before the build are here."""

    def indexing(self, source: str, count: int) -> None:
        """`count` images of a source are indexed."""

    def planned(self, shards: int, units: int, finished: int) -> None:
        """The plan is made; `finished` of its units were built by an earlier run."""

    def shard(self, shard: Shard, record: ShardRecord) -> None:
        """A shard is finished."""


@dataclass(frozen=True)
class Prepared:
    """Recipes checked against the disk.

    Attributes:
        recipe: all of them as one, with the tasks that each source really feeds.
        streams, plan: what will be built.
        left_out: sources that are missing, label -> reason.
        wordings: what instructions are drawn from.
    """

    recipe: Recipe
    streams: list[Stream]
    plan: Plan
    left_out: dict[str, str]
    wordings: Wordings


def prepare(files: Sequence[RecipeFile], options: BuildOptions, progress: Progress | None = None) -> Prepared:
    """Check recipes against the disk, open the sources and make the plan; writes nothing but indexes.

    Raises:
        UsageError: a recipe or a source does not hold, or the recipes do not go together.
    """
    progress = progress or Progress()
    check_paths(files, options.paths)
    left_out: dict[str, str] = {}
    checked = [
        found
        for file in files
        for found in check_streams(
            file, options.root, options.paths, left_out if options.skip_missing else None, progress.fetching
        )
    ]
    recipe = combine(files, [_in_full(entry, source, tasks) for entry, source, tasks in checked])
    streams = open_streams(checked, progress.indexing)
    words = wordings([stream.task for stream in streams], recipe.instructions, recipe.seed)
    plan = make_plan(recipe, streams, options.limit)
    repeated = recipe.instructions.repeated_split
    if repeated and HELD_OUT_INSTRUCTIONS not in plan.counts:
        raise RecipeError(
            f"instructions.held_out words the {repeated} triplets anew, and the plan has none; "
            f"raise splits.{repeated}, give more images, or set instructions.held_out to 0"
        )
    return Prepared(recipe, streams, plan, left_out, words)


def _in_full(
    entry: SourceEntry, source: Source, tasks: Sequence[tuple[TaskEntry, Task[Any]]]
) -> tuple[SourceEntry, list[TaskEntry]]:
    """A source and its tasks with every default of their options."""
    full = {"split": source.split, "options": source.options.model_dump(mode="json")}
    named = entry.model_copy(update={"name": entry.label, **full})
    return named, [one.model_copy(update={"options": task.options.model_dump(mode="json")}) for one, task in tasks]
