"""taskpaint align serve"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options, report

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]


def serve(
    run: RunArgument,
    people: Annotated[int, typer.Option("--people", "-k", min=1, help="People who should answer each item.")] = 1,
    picks: Annotated[int, typer.Option(min=1, help="Most edits to pick of an item.")] = 2,
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine only with a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8765,
    origin: Annotated[
        str, typer.Option(metavar="URL", help="Where people see the page, behind a proxy.", show_default=False)
    ] = "",
    lease: Annotated[
        float, typer.Option(min=1, help="Minutes after which an unanswered item goes to somebody else.")
    ] = 10,
    token: Annotated[
        bool, typer.Option("--token", help="Ask for a token on this machine too, where several people share it.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the page on which people pick; Ctrl-C stops it, and the same command goes on.

    [bold]Examples[/bold]

      taskpaint align serve run

      taskpaint align serve run --people 3 --host 0.0.0.0
    """
    from ..alignment.serving import ServeOptions, start

    opened = start(run, ServeOptions(people, picks, lease * 60, host, port, origin, token), report.say)
    typer.echo(f"Choose:   {opened.address}")
    typer.echo(f"Overview: {opened.overview}")
    if opened.needs_token:
        report.say("Both links carry a token: hand on the first, keep the second.", quiet)
    report.say("Ctrl-C stops; every choice that the page called saved is on disk.", quiet)
    try:
        opened.server.serve_forever()
    except KeyboardInterrupt:
        report.say("stopped; the same command goes on", quiet)
    finally:
        opened.server.server_close()
        opened.server.desk.close()
