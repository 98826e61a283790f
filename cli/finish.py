"""taskpaint finish"""

from __future__ import annotations

from typing import Annotated

import typer

from . import options, report
from .build import print_summary
from .export import print_export


def finish(
    out: options.Place,
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Share of broken items that makes a build fail.")
    ] = 1.0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Join what ranks have done: check that every shard is there, and write what needs all of them.

    Of a build these are rejects, card and manifest; of scores the sidecar, with duplicates looked for in the whole
    dataset; of an export tables, configuration and export.json. Needs the folder alone. When shards are missing it
    names them, and the ranks to run again.

    [bold]Examples[/bold]

      taskpaint finish out

      taskpaint finish tars
    """
    from ..engines.export_finish import join_export
    from ..engines.ranks import join
    from ..engines.stages import begun_stage
    from ..manifests.storage.url import place

    where = place(out)
    stage = "build" if isinstance(where, str) else begun_stage(where)
    if stage != "build" and max_rejects < 1:
        raise typer.BadParameter(f"goes with builds, {out} is of {stage}", param_hint="--max-rejects")
    if stage == "export" and not isinstance(where, str):
        exported = join_export(where)
        if not (as_json or quiet):
            print_export(exported)
    found = join(out, max_rejects)
    if as_json:
        report.print_json(vars(found))
    elif not quiet:
        print_summary(found)
