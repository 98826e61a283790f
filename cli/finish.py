"""taskpaint finish"""

from __future__ import annotations

from typing import Annotated

import typer

from . import options, report
from .building import print_summary


def finish(
    out: options.Place,
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Share of broken items that makes the build fail.")
    ] = 1.0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Join what ranks have built: check that every shard is there, write rejects, card and manifest.

    Needs the folder alone. When shards are missing it names them, and the ranks to run again.

    [bold]Example[/bold]

      taskpaint finish out
    """
    from ..engines.ranks import join

    found = join(out, max_rejects)
    if as_json:
        report.print_json(vars(found))
    elif not quiet:
        print_summary(found)
