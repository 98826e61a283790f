"""taskpaint sources"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import options, report


def sources(
    name: Annotated[str | None, typer.Argument(help="Show one source in full.", show_default=False)] = None,
    as_json: options.Json = False,
) -> None:
    """List the datasets that can be read, what each carries, and the folder tree it expects.

    [bold]Examples[/bold]

      taskpaint sources

      taskpaint sources coco
    """
    from ..builders.registry import find_source, source_names

    found = [_facts(find_source(one)) for one in ([name] if name else source_names())]
    if as_json:
        report.print_json(found)
    elif name:
        _show(found[0])
    else:
        report.print_table(
            "",
            ["source", "dataset", "splits", "feeds"],
            [[one["name"], one["title"], ", ".join(one["splits"]), ", ".join(one["feeds"])] for one in found],
        )
        report.say("taskpaint sources NAME shows the folder tree that one expects, its options and its licence")


def _facts(source: Any) -> dict[str, Any]:
    from ..builders.registry import find_task, task_names
    from ..builders.sample import describe

    return {
        "name": source.name,
        "title": source.title,
        "homepage": source.homepage,
        "license": source.license,
        "splits": list(source.splits),
        "carries": describe(source.features),
        "feeds": [task for task in task_names() if find_task(task).fits(source.features)],
        "tree": source.tree,
        "options": report.option_rows(source.options_type),
    }


def _show(facts: dict[str, Any]) -> None:
    typer.echo(f"{facts['name']}: {facts['title']}\n{facts['homepage']}\nlicence: {facts['license']}")
    typer.echo(f"splits: {', '.join(facts['splits'])}\ncarries: {facts['carries']}\nfeeds: {', '.join(facts['feeds'])}")
    typer.echo(f"\n{facts['tree']}")
    if facts["options"]:
        typer.echo()
        report.print_table("options", ["option", "type", "default", ""], facts["options"])
