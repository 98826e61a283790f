"""taskpaint recipes"""

from __future__ import annotations

from typing import Annotated

import typer

from . import options, report

app = typer.Typer(help="List, show and check recipes; export their JSON schema.", no_args_is_help=True)


@app.command("list")
def list_recipes(as_json: options.Json = False) -> None:
    """List the recipes that come with taskpaint.

    [bold]Example[/bold]

      taskpaint recipes list
    """
    from ..manifests.recipe_file import load_recipe, shipped_recipes

    found = {name: load_recipe(name).recipe for name in shipped_recipes()}
    if as_json:
        report.print_json({name: recipe.description for name, recipe in found.items()})
    else:
        rows = [
            [name, ", ".join(s.label for s in recipe.sources), recipe.description] for name, recipe in found.items()
        ]
        report.print_table("", ["recipe", "sources", ""], rows)


@app.command("show")
def show(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")],
    as_json: options.Json = False,
) -> None:
    """Print a recipe with every default filled in, task and source options too.

    [bold]Example[/bold]

      taskpaint recipes show quickstart > mine.yaml
    """
    import yaml

    from ..builders.resolve import with_defaults
    from ..manifests.recipe_file import load_recipe

    full = with_defaults(load_recipe(recipe))
    if as_json:
        report.print_json(full)
    else:
        typer.echo(yaml.safe_dump(full, sort_keys=False, allow_unicode=True), nl=False)


@app.command("check")
def check(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")],
    data: Annotated[
        str | None, typer.Option(help="Also look for the sources below this folder or URL.", metavar="PLACE")
    ] = None,
) -> None:
    """Check a recipe; with --data, check that its sources are there too.

    [bold]Example[/bold]

      taskpaint recipes check mine.yaml --data /datasets
    """
    from ..builders.resolve import check_streams, with_defaults
    from ..manifests.recipe_file import load_recipe

    file = load_recipe(recipe)
    with_defaults(file)
    if data is not None:
        check_streams(file, data, {})
    report.say(f"{recipe} holds: {len(file.recipe.sources)} sources")


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of recipes, with the options of every source and task, for editors.

    [bold]Example[/bold]

      taskpaint recipes schema > taskpaint.schema.json
    """
    from ..builders.resolve import recipe_schema

    report.print_json(recipe_schema())
