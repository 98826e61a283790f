"""The recipes of `taskpaint build`: files, or sources and tasks of the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from . import options

if TYPE_CHECKING:
    from ..manifests.recipe_file import RecipeFile


def given_recipes(names: list[str], sources: list[str], tasks: list[str], changes: list[str]) -> list[RecipeFile]:
    """Recipes by file or shipped name, or one of sources and tasks; with values changed.

    Raises:
        typer.BadParameter: it is neither, or both.
    """
    from ..manifests.recipe_file import change_recipe, load_recipe, parse_recipe

    if bool(names) == bool(sources):
        raise typer.BadParameter("give recipes, or --source with --task", param_hint="RECIPE")
    if tasks and names:
        raise typer.BadParameter("a recipe says its own tasks; --task goes with --source", param_hint="--task")
    if sources and not tasks:
        raise typer.BadParameter("say what to render with --task NAME", param_hint="--task")
    files = [load_recipe(name) for name in names] or [parse_recipe(_quick(sources, tasks), "command line")]
    pairs = options.split_pairs(changes, "--set")
    return [change_recipe(file, pairs) for file in files] if pairs else files


def _quick(sources: list[str], tasks: list[str]) -> str:
    entries = []
    for name, folder in options.split_pairs(sources, "--source").items():
        dataset, _, split = name.partition(":")
        entries.append({"source": dataset, "path": folder, **({"split": split} if split else {})})
    return json.dumps({"sources": entries, "tasks": tasks})
