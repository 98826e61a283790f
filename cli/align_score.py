"""taskpaint align score"""

from __future__ import annotations

from pathlib import Path
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
    head: Annotated[
        Path | None, typer.Option(help="File of the aesthetics head's weights.", metavar="FILE", show_default=False)
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="KNN-GIQA reference, of taskpaint index.", metavar="FOLDER", show_default=False)
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of a scorer.", metavar="SCORER.OPTION=VALUE", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, or several: cuda:0,cuda:1.")] = "auto",
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
        scores=_names(scores),
        settings=scorer_settings(setting or [], head, reference),
        embedder=embedder,
        checkpoint=checkpoint,
        devices=_names(device) or ("auto",),
        workers=workers,
    )
    with report.stoppable(), Watch(quiet or as_json) as watch:
        found = score_run(run, how, watch)
    if as_json:
        report.print_json(vars(found))
    elif not quiet:
        print_scores(found)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
