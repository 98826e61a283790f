"""taskpaint align score"""

from __future__ import annotations

from typing import Annotated

import typer

from . import options, report
from .align_serve import RunArgument
from .score import Watch, print_scores, scorer_settings


def score(
    run: RunArgument,
    scores: Annotated[str, typer.Option(metavar="NAME,NAME", help="As for taskpaint score.", show_default=False)] = "",
    embedder: Annotated[
        str, typer.Option(metavar="MODEL/PRETRAINED", help="As for taskpaint score.", show_default=False)
    ] = "",
    checkpoint: options.Checkpoint = None,
    head: options.Head = None,
    reference: options.Reference = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of a scorer.", metavar="SCORER.OPTION=VALUE", show_default=False),
    ] = None,
    device: options.Devices = "auto",
    workers: options.Workers = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score every edit of a run, by the scorers of taskpaint score. Nobody who chooses sees the scores.

    [bold]Example[/bold]

      taskpaint align score run --scores pixels,clip_similarity
    """
    from ..engines.align.score import score_run
    from ..engines.score import ScoreOptions

    how = ScoreOptions(
        scores=options.names(scores),
        settings=scorer_settings(setting or [], head, reference),
        embedder=embedder,
        checkpoint=checkpoint,
        devices=options.names(device) or ("auto",),
        workers=workers,
    )
    with report.stoppable(), Watch(quiet or as_json) as watch:
        found = score_run(run, how, watch)
    if as_json:
        report.print_json(vars(found))
    elif not quiet:
        print_scores(found)
