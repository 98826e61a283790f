"""docs/commands.md: every command and sub-command with its arguments and options."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import typer
from markdown_pieces import WIDTH, code, fenced, heading, paragraph, table
from taskpaint.cli.app import app

_INTRODUCTION = """
Every option can also be set in the environment, under the name in the table. Results go to stdout, progress and
messages to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C.
"""


_EVERYWHERE = ("help", "install_completion", "show_completion")
"""Options that every Typer program has."""


def commands_page() -> str:
    """The page; nothing in it depends on the terminal."""
    root = typer.main.get_command(app)
    parts = [heading(1, "Commands"), paragraph(_INTRODUCTION)]
    parts += [_command(command, context) for command, context in walk(root)]
    return "".join(parts)


def walk(command: Any, parent: Any = None, name: str = "taskpaint") -> list[tuple[Any, Any]]:
    """A click command and all below it, each with a context of its own, in the order of the help text."""
    prefix = {} if parent else {"auto_envvar_prefix": "TASKPAINT"}
    context = type(command).context_class(command, info_name=name, parent=parent, **prefix)
    found = [(command, context)]
    if hasattr(command, "list_commands"):
        for child in command.list_commands(context):
            found += walk(command.get_command(context, child), context, child)
    return found


def _command(command: Any, context: Any) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text, examples = _split_examples(command.help or "")
    parts = [
        heading(2, context.command_path),
        paragraph(text),
        fenced("\n".join(textwrap.wrap(usage, WIDTH, subsequent_indent="    "))),
        fenced(examples, "sh") if examples else "",
        _children(command, context),
        _parameters(command, context, "argument"),
        _parameters(command, context, "option"),
    ]
    return "".join(parts)


def _split_examples(help_text: str) -> tuple[str, str]:
    """What a docstring says, and the command lines under its "Examples"."""
    text, _, examples = re.sub(r"\[/?bold\]", "", help_text).partition("\n\nExample")
    lines = (line.strip() for line in examples.splitlines()[1:])
    return text, "\n".join(line for line in lines if line)


def _children(command: Any, context: Any) -> str:
    if not hasattr(command, "list_commands"):
        return ""
    rows = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        link = f"{context.command_path} {name}".replace(" ", "-")
        rows.append([f"[{name}](#{link})", _split_examples(child.help or "")[0].split("\n\n")[0]])
    return table(["command", ""], rows)


def _parameters(command: Any, context: Any, kind: str) -> str:
    rows = []
    for parameter in command.get_params(context):
        if parameter.param_type_name != kind or parameter.name in _EVERYWHERE:
            continue
        flags, described = parameter.get_help_record(context)
        text, _, notes = described.partition("  [")
        variable = re.search(r"env var: (\w+)", notes)
        name = variable[1] if variable and not parameter.is_eager else ""
        rows.append([code(flags), text, _notes(notes), code(name)])
    if kind == "argument":
        return table(["argument", "", ""], [row[:3] for row in rows])
    return table(["option", "", "", "environment"], rows)


def _notes(notes: str) -> str:
    """Default and bounds, without the environment variable that has a column of its own."""
    kept = [note for note in notes.rstrip("]").split("; ") if note and not note.startswith("env var")]
    return ", ".join(kept)
