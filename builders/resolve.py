"""From a recipe's words to readers and tasks, with every complaint that can be made before work begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..manifests.errors import PluginError, RecipeError, SourceLayoutError, UsageError
from ..manifests.recipe import Block, Recipe, SourceEntry, TaskEntry
from ..manifests.recipe_file import Location, RecipeFile, explain
from ..manifests.storage.mirror import fill, open_mirror
from ..manifests.storage.url import place, refuse_url, under
from .index import SourceIndex, open_index
from .registry import find_source, find_task, source_names, task_names
from .sample import describe
from .source import Source
from .task import Task

TellFetched = Callable[[str, int, int], None]
"""Called with a source's URL, the bytes fetched of it, and those that will be."""


@dataclass(frozen=True)
class Stream:
    """One task fed by one source.

    Attributes:
        source: the recipe's source entry.
        entry: the recipe's task entry.
        index: the source, opened.
        task: the task with its options.
    """

    source: SourceEntry
    entry: TaskEntry
    index: SourceIndex
    task: Task[Any]

    @property
    def label(self) -> str:
        """Names the stream in ids and reports."""
        return f"{self.source.label}-{self.entry.label}"


def check_streams(
    file: RecipeFile,
    root: Path | str,
    paths: Mapping[str, Path | str],
    left_out: dict[str, str] | None = None,
    tell: TellFetched | None = None,
) -> list[tuple[SourceEntry, Source, list[tuple[TaskEntry, Task[Any]]]]]:
    """Find and check every source, task and option of a recipe, without reading annotations.

    Args:
        file: the recipe.
        root: folder or URL that relative source paths start from.
        paths: folders or URLs that stand in for a recipe's, by source label or source name.
        left_out: when given, sources that are missing are not an error: they are left out, and noted here with the
            reason, by label.
        tell: told of files that are fetched from a URL.

    Raises:
        RecipeError: unknown names, options that do not hold, a task that its source cannot feed; with lines.
        SourceLayoutError: folders that are missing or not in the dataset's layout; all of them at once.
        StorageError: the store behind a URL refuses or cannot be reached.
    """
    checked = []
    missing: dict[str, str] = {}
    for position, entry in enumerate(file.recipe.sources):
        where: Location = ("sources", position)
        folder = _folder(entry, root, paths)
        tasks = _tasks_of(file, entry, _named(file, find_source, entry.source, (*where, "source")), where)
        try:
            source = _source(file, entry, where, _mirrored(folder, tell))
            if not source.is_there():
                raise SourceLayoutError(
                    f"source {entry.label}: folder {source.path} is missing; set its path in the recipe or give "
                    f"--path {entry.label}=FOLDER"
                )
            inputs = source.inputs()
            if isinstance(folder, str):
                fill(inputs, partial(tell, folder) if tell else None)
        except SourceLayoutError as fault:
            missing[entry.label] = str(fault)
        else:
            checked.append((entry, source, tasks))
    if missing and (left_out is None or not checked):
        raise SourceLayoutError("\n".join(missing.values()))
    if left_out is not None:
        left_out.update(missing)
    return checked


def check_paths(files: Sequence[RecipeFile], paths: Mapping[str, Path | str]) -> None:
    """Refuse folders that are given for no source of the recipes.

    Raises:
        UsageError: names the sources that there are.
    """
    known = {name for file in files for entry in file.recipe.sources for name in (entry.label, entry.source)}
    for name in paths:
        if name not in known:
            raise UsageError(f"--path {name}: no source is called that; there are: {', '.join(sorted(known))}")


def open_streams(
    checked: list[tuple[SourceEntry, Source, list[tuple[TaskEntry, Task[Any]]]]],
    on_progress: Callable[[str, int], None] | None = None,
) -> list[Stream]:
    """Open the index of every checked source; one Stream for each of its tasks."""
    streams = []
    for entry, source, tasks in checked:
        index = open_index(source, partial(on_progress, entry.label) if on_progress else None)
        streams += [Stream(entry, task_entry, index, task) for task_entry, task in tasks]
    return streams


def _folder(entry: SourceEntry, root: Path | str, paths: Mapping[str, Path | str]) -> Path | str:
    """Where a source lies: a folder, or a URL."""
    given = paths.get(entry.label) or paths.get(entry.source)
    if given:
        return place(given) if isinstance(given, str) else given
    return under(place(root) if isinstance(root, str) else root, os.path.expandvars(entry.path))


def _mirrored(folder: Path | str, tell: TellFetched | None) -> Path:
    """The folder, or what stands for a URL on this machine."""
    if isinstance(folder, Path):
        refuse_url(folder, "give the URL as text, not as a Path")
        return folder
    return open_mirror(folder, partial(tell, folder) if tell else None)


def _source(file: RecipeFile, entry: SourceEntry, where: Location, folder: Path) -> Source:
    kind: type[Source] = _named(file, find_source, entry.source, (*where, "source"))
    options = _options(file, kind.options_type, entry.options, (*where, "options"))
    split = entry.split or kind.splits[0]
    return kind(folder, split, options)


def _tasks_of(
    file: RecipeFile, entry: SourceEntry, source: type[Source], where: Location
) -> list[tuple[TaskEntry, Task[Any]]]:
    own = entry.tasks is not None
    found = []
    for position, task_entry in enumerate(file.recipe.tasks_of(entry)):
        place: Location = (*where, "tasks", position) if own else ("tasks", position)
        kind = _named(file, find_task, task_entry.task, place)
        if kind.fits(source.features):
            options = _options(file, kind.options_type, task_entry.options, (*place, "options"))
            found.append((task_entry, kind(options)))
        elif own:
            raise file.error(
                place,
                f"task {kind.name} needs {kind.needs_in_words()}; source {source.name} has "
                f"{describe(source.features)}; drop the task here, or feed it from another source",
            )
    if not found:
        raise file.error(where, f"source {source.name} can feed none of the recipe's tasks; remove it or list its own")
    return found


def _named(file: RecipeFile, find: Callable[[str], Any], name: str, where: Location) -> Any:
    try:
        return find(name)
    except PluginError as fault:
        raise file.error(where, str(fault)) from fault


def _options(file: RecipeFile, kind: type[Block], values: Mapping[str, Any], where: Location) -> Block:
    try:
        return kind.model_validate(values)
    except ValidationError as fault:
        raise RecipeError("\n".join(explain(fault, kind, file.origin, file.lines, where))) from fault


def with_defaults(file: RecipeFile) -> dict[str, Any]:
    """The recipe as JSON-able values with every default filled in, options of sources and tasks too.

    Raises:
        RecipeError: a name or an option does not hold.
    """
    full = file.recipe.model_dump(mode="json")
    for position, entry in enumerate(file.recipe.sources):
        where: Location = ("sources", position)
        kind = _named(file, find_source, entry.source, (*where, "source"))
        source = full["sources"][position]
        source["name"], source["split"] = entry.label, entry.split or kind.splits[0]
        source["options"] = _dumped(_options(file, kind.options_type, entry.options, (*where, "options")))
        _fill_tasks(file, source["tasks"] or [], (*where, "tasks"))
        if source["tasks"] is None:
            del source["tasks"]
    _fill_tasks(file, full["tasks"], ("tasks",))
    return full


def recipe_schema() -> dict[str, Any]:
    """JSON schema of recipes, with the options of every known source and task."""
    schema = Recipe.model_json_schema()
    definitions = schema["$defs"]
    for group, key, names, find in (
        ("SourceEntry", "source", source_names(), find_source),
        ("TaskEntry", "task", task_names(), find_task),
    ):
        entry = definitions[group]
        entry["properties"][key]["enum"] = names
        entry["allOf"] = []
        for name in names:
            options = find(name).options_type.model_json_schema()
            definitions.update(options.pop("$defs", {}))
            entry["allOf"].append(
                {"if": {"properties": {key: {"const": name}}}, "then": {"properties": {"options": options}}}
            )
    entry = definitions.pop("TaskEntry")
    definitions["TaskEntry"] = {"anyOf": [{"type": "string", "enum": task_names()}, entry]}
    return schema


def _fill_tasks(file: RecipeFile, tasks: list[dict[str, Any]], where: Location) -> None:
    for position, entry in enumerate(tasks):
        kind = _named(file, find_task, entry["task"], (*where, position))
        entry["name"] = entry["name"] or entry["task"]
        entry["options"] = _dumped(_options(file, kind.options_type, entry["options"], (*where, position, "options")))


def _dumped(options: Block) -> dict[str, Any]:
    return options.model_dump(mode="json")
