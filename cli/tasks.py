"""taskpaint tasks"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import options, report


def tasks(
    name: Annotated[str | None, typer.Argument(help="Show one task in full.", show_default=False)] = None,
    as_json: options.Json = False,
) -> None:
    """List the tasks that can be rendered, what each needs, its options and some of its instructions.

    [bold]Examples[/bold]

      taskpaint tasks

      taskpaint tasks segmentation
    """
    from ..builders.registry import find_task, task_names

    found = [_facts(find_task(one)) for one in ([name] if name else task_names())]
    if as_json:
        report.print_json(found)
    elif name:
        _show(found[0])
    else:
        rows = [[one["name"], one["summary"], one["needs"], sum(one["templates"].values())] for one in found]
        report.print_table("", ["task", "renders", "needs", "templates"], rows)
        report.say("taskpaint tasks NAME shows a task's options and templates")


def _facts(task: Any) -> dict[str, Any]:
    from ..engines.banks import bank_of

    bank = bank_of(task)
    return {
        "name": task.name,
        "summary": task.summary,
        "needs": task.needs_in_words(),
        "templates": {one: sum(template.section == one for template in bank) for one in task.sections},
        "examples": [next(template.text for template in bank if template.section == one) for one in task.sections],
        "options": report.option_rows(task.options_type),
        "decodes": [f"{limit.metric} {_bound(limit)}" for limit in task.limits],
    }


def _bound(limit: Any) -> str:
    return f">= {limit.at_least:g}" if limit.at_least is not None else f"<= {limit.at_most:g}"


def _show(facts: dict[str, Any]) -> None:
    typer.echo(f"{facts['name']}: {facts['summary']}\nneeds: {facts['needs']}")
    if facts["decodes"]:
        typer.echo(f"a target is read back with {', '.join(facts['decodes'])}")
    typer.echo()
    report.print_table("options", ["option", "type", "default", ""], facts["options"])
    typer.echo()
    rows = [
        [one, count, text] for (one, count), text in zip(facts["templates"].items(), facts["examples"], strict=True)
    ]
    report.print_table("instructions", ["section", "templates", "one of them"], rows)
