"""taskpaint finish"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options, report
from .building import print_summary
from .export import print_export
from .score import Watch, print_scores

if TYPE_CHECKING:
    from ..engines.build import BuildReport
    from ..engines.export import ExportReport
    from ..engines.score import ScoreReport


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
    from ..engines.stages import begun_stage
    from ..manifests.storage.url import place

    where = place(out)
    stage = "build" if isinstance(where, str) else begun_stage(where)
    if stage != "build" and max_rejects < 1:
        what = "scores" if stage == "score" else "an export"
        raise typer.BadParameter(f"goes with builds, {out} waits for {what} to be joined", param_hint="--max-rejects")
    if isinstance(where, Path) and stage == "export":
        _tell(_join_export(where), print_export, as_json, quiet)
    elif isinstance(where, Path) and stage == "score":
        _tell(_join_scores(where, quiet or as_json), print_scores, as_json, quiet)
    else:
        _tell(_join_build(out, max_rejects), print_summary, as_json, quiet)


def _tell(found: Any, show: Callable[[Any], None], as_json: bool, quiet: bool) -> None:
    if as_json:
        report.print_json(vars(found))
    elif not quiet:
        show(found)


def _join_build(out: str, max_rejects: float) -> BuildReport:
    from ..engines.ranks import join

    return join(out, max_rejects)


def _join_export(out: Path) -> ExportReport:
    from ..engines.export_finish import join_export

    return join_export(out)


def _join_scores(out: Path, quiet: bool) -> ScoreReport:
    from ..engines.score_ranks import join_scores

    with report.stoppable(), Watch(quiet) as watch:
        return join_scores(out, watch)
