"""docs/sources.md, docs/tasks.md and docs/recipes.md, and the two tables of README.md, from the code itself."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from markdown_pieces import code, fenced, heading, key_table, nested_blocks, paragraph, table
from pydantic import BaseModel
from taskpaint.builders.registry import find_source, find_task, source_names, task_names
from taskpaint.builders.sample import describe
from taskpaint.builders.source import Source
from taskpaint.builders.task import Limit, Task
from taskpaint.engines.banks import bank_of
from taskpaint.manifests.recipe import Instructions, Output, Recipe, Sizing, SourceEntry, Splits, TaskEntry
from taskpaint.manifests.recipe_file import load_recipe, shipped_recipes

_SAMPLES = 3

_BLOCKS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Recipe", Recipe),
    ("SourceEntry", SourceEntry),
    ("TaskEntry", TaskEntry),
    ("Sizing", Sizing),
    ("Splits", Splits),
    ("Instructions", Instructions),
    ("Output", Output),
)

_SOURCES_INTRODUCTION = """
A source reads one dataset from disk in the layout in which it is distributed. `taskpaint sources NAME` prints the
same on a terminal. How to add one: [CONTRIBUTING.md](../CONTRIBUTING.md#add-a-dataset-in-one-file).
"""

_TASKS_INTRODUCTION = """
A task turns what a source says about an image into an instruction and a target image, and reads the target back.
`taskpaint tasks NAME` prints the same on a terminal. The pictures come from the drawn world of `taskpaint demo`.
What the decoding figures mean: [decoding.md](decoding.md). How to add one:
[CONTRIBUTING.md](../CONTRIBUTING.md#add-a-task-in-one-file).
"""

_RECIPES_INTRODUCTION = """
A recipe is a YAML file that decides a dataset's bytes, apart from the source files. An unknown key, or a value that
does not hold, stops the build before any work, with the line. `taskpaint recipes schema` prints a JSON schema for
editors, `taskpaint recipes show NAME` a recipe with every default filled in.
"""


def sources_page() -> str:
    """docs/sources.md."""
    return heading(1, "Sources") + paragraph(_SOURCES_INTRODUCTION) + "".join(map(_source, _sources()))


def tasks_page() -> str:
    """docs/tasks.md."""
    return heading(1, "Tasks") + paragraph(_TASKS_INTRODUCTION) + "".join(map(_task, _tasks()))


def recipes_page() -> str:
    """docs/recipes.md."""
    parts = [heading(1, "Recipes"), paragraph(_RECIPES_INTRODUCTION), heading(2, "Keys")]
    for name, model in _BLOCKS:
        parts += [heading(3, name), paragraph(inspect.getdoc(model) or ""), key_table(model)]
    parts.append(heading(2, "Shipped recipes"))
    for name, file in shipped_recipes().items():
        parts += [heading(3, name), paragraph(load_recipe(name).recipe.description), fenced(_text(file), "yaml")]
    return "".join(parts)


def readme_sources() -> str:
    """The table of sources in README.md."""
    rows = []
    for source in _sources():
        link = f"[{source.name}](docs/sources.md#{source.name})"
        rows.append([link, source.title, ", ".join(source.splits), ", ".join(_feeds(source))])
    return table(["source", "dataset", "splits", "feeds"], rows)


def readme_tasks() -> str:
    """The table of tasks in README.md."""
    rows = []
    for task in _tasks():
        link = f"[{task.name}](docs/tasks.md#{task.name})"
        rows.append([link, task.summary, task.needs_in_words(), str(len(bank_of(task)))])
    return table(["task", "what it does", "needs", "templates"], rows)


def _sources() -> list[type[Source]]:
    """Those that ship with taskpaint."""
    return [found for name in source_names() if _ships(found := find_source(name))]


def _tasks() -> list[type[Task[Any]]]:
    """Those that ship with taskpaint."""
    return [found for name in task_names() if _ships(found := find_task(name))]


def _ships(found: type) -> bool:
    return found.__module__.startswith("taskpaint.")


def _source(source: type[Source]) -> str:
    facts = [
        ["homepage", f"<{source.homepage}>"],
        ["licence", source.license],
        ["splits", ", ".join(map(code, source.splits)) + "; the first is the default"],
        ["carries", describe(source.features)],
        ["feeds", ", ".join(f"[{name}](tasks.md#{name})" for name in _feeds(source))],
    ]
    return "".join(
        [
            heading(2, source.name),
            paragraph(source.title),
            table(["", ""], facts),
            fenced(source.tree),
            paragraph(_notes(source)),
            key_table(source.options_type),
        ]
    )


def _task(task: type[Task[Any]]) -> str:
    feeders = [source.name for source in _sources() if task.fits(source.features)]
    facts = [
        ["needs", task.needs_in_words()],
        ["fed by", ", ".join(f"[{name}](sources.md#{name})" for name in feeders) or "no source yet"],
        ["a target is read back with", ", ".join(code(_bound(limit)) for limit in task.limits)],
    ]
    return "".join(
        [
            heading(2, task.name),
            paragraph(f"{task.summary[0].upper()}{task.summary[1:]}."),
            _picture(task.name),
            table(["", ""], facts),
            paragraph(inspect.getdoc(task) or ""),
            paragraph(f"Decoding: {_first_paragraph(task.decode)}"),
            paragraph(f"Figures: {_first_paragraph(task.compare)} {_section(task.compare, 'Returns')}"),
            heading(3, f"Options of {task.name}"),
            key_table(task.options_type),
            *(heading(4, block.__name__) + key_table(block) for block in nested_blocks(task.options_type)),
            heading(3, f"Instructions of {task.name}"),
            _templates(task),
        ]
    )


def _picture(task: str) -> str:
    """A link to the task's picture, once docs/pictures.py has drawn it."""
    drawn = (Path(__file__).parent / "pictures" / f"{task}.png").is_file()
    return f"![{task}](pictures/{task}.png)\n\n" if drawn else ""


def _templates(task: type[Task[Any]]) -> str:
    bank = bank_of(task)
    rows = []
    for section in task.sections:
        mine = [template.text for template in bank if template.section == section]
        rows += [
            [code(section) if not position else "", str(len(mine)) if not position else "", code(text)]
            for position, text in enumerate(mine[:_SAMPLES])
        ]
    return table(["section", "templates", "the first of them"], rows)


def _notes(source: type[Source]) -> str:
    """What the module of a source says of the dataset, after its title line."""
    module = inspect.getmodule(source)
    text = inspect.cleandoc(module.__doc__ or "") if module else ""
    return text.partition("\n\n")[2]


def _first_paragraph(thing: Any) -> str:
    return _blocks(thing)[0]


def _section(thing: Any, name: str) -> str:
    """The text under "Returns:" or another heading of a docstring, if it has one."""
    return next((block[len(name) + 1 :] for block in _blocks(thing) if block.startswith(f"{name}:")), "")


def _blocks(thing: Any) -> list[str]:
    return (inspect.getdoc(thing) or "").split("\n\n")


def _feeds(source: type[Source]) -> list[str]:
    return [task.name for task in _tasks() if task.fits(source.features)]


def _bound(limit: Limit) -> str:
    sign, bound = (">=", limit.at_least) if limit.at_least is not None else ("<=", limit.at_most)
    return f"{limit.metric} {sign} {bound:g}"


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
