"""The Typer app: every command, and what happens to errors."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from . import (
    adopt,
    align,
    build,
    card,
    dedup,
    demo,
    edit,
    evaluate,
    export,
    filter,
    finish,
    index,
    merge,
    paraphrase,
    places,
    preview,
    push,
    recipes,
    reword,
    sample,
    score,
    sources,
    split,
    stats,
    status,
    tasks,
    train,
    verify,
)

app = typer.Typer(
    name="taskpaint",
    help="Turn any vision dataset into (instruction, source image, target image) triplets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Every option can also be given as TASKPAINT_<COMMAND>_<OPTION> in the environment.",
)
app.command("demo")(demo.demo)
app.command("build")(build.build)
app.command("status")(status.status)
app.command("finish")(finish.finish)
app.command("sources")(sources.sources)
app.command("tasks")(tasks.tasks)
app.add_typer(recipes.app, name="recipes")
app.add_typer(paraphrase.app, name="paraphrase")
app.command("reword")(reword.reword)
app.add_typer(index.app, name="index")
app.command("stats")(stats.stats)
app.command("preview")(preview.preview)
app.command("verify")(verify.verify)
app.command("score")(score.score)
app.command("filter")(filter.filter)
app.command("adopt")(adopt.adopt)
app.command("merge")(merge.merge)
app.command("split")(split.split)
app.command("sample")(sample.sample)
app.command("dedup")(dedup.dedup)
app.command("export")(export.export)
app.command("card")(card.card)
app.command("push")(push.push)
app.command("train")(train.train)
app.command("edit")(edit.edit)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(align.app, name="align")


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"taskpaint {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turn any vision dataset into (instruction, source image, target image) triplets."""


def run() -> None:
    """Run the command line; errors become one sentence on stderr and an exit code."""
    try:
        command = typer.main.get_command(app)
        places.refuse_urls(command)
        command(auto_envvar_prefix="TASKPAINT")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away; nobody to tell
        sys.exit(1)
    except Exception as fault:
        from ..manifests.errors import TaskpaintError

        if not isinstance(fault, TaskpaintError):
            raise
        _fail(str(fault), fault.exit_code)


def _fail(message: str, code: int) -> None:
    typer.echo(f"taskpaint: {message}", err=True)
    sys.exit(code)
