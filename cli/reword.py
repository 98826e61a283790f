"""taskpaint reword"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from . import options, places, report


def reword(
    dataset: options.Dataset,
    out: options.Out = None,
    bank: Annotated[
        list[Path] | None,
        typer.Option(help="JSONL bank whose sentences join the shipped ones.", metavar="FILE", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other instructions.")] = 0,
    mode: Annotated[
        Literal["rephrased", "fixed"], typer.Option(help="fixed takes the first template of each section.")
    ] = "rephrased",
    draw: Annotated[
        Literal["uniform", "weighted"], typer.Option(help="weighted: as the weights of a bank's entries say.")
    ] = "uniform",
    language: Annotated[
        list[str] | None, typer.Option(help="Languages of the templates to draw.", show_default="en")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Only these tasks.", metavar="NAME", show_default="all")
    ] = None,
    workers: options.Workers = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draw new instructions for a dataset; images and ids stay as they are.

    [bold]Examples[/bold]

      taskpaint reword out -o reworded --seed 1

      taskpaint reword out -o more --bank my.jsonl --draw weighted

      taskpaint reword out -o fixed --mode fixed
    """
    from pydantic import ValidationError

    from ..engines.reword import RewordOptions
    from ..engines.reword import reword as run
    from ..manifests.folder import DatasetFolder
    from ..manifests.recipe import Instructions

    place = options.required(out)
    try:
        instructions = Instructions(
            banks=tuple(map(str, bank or [])), mode=mode, draw=draw, languages=tuple(language or ["en"])
        )
    except ValidationError as fault:
        raise typer.BadParameter(
            f"{fault.errors()[0]['input']!r} is no language tag such as en or pt-BR", param_hint="--language"
        ) from fault
    how = RewordOptions(instructions, seed, tuple(task or []), workers, overwrite)
    rows = sum(DatasetFolder(dataset).manifest()["splits"].values())
    with report.stoppable(), places.written(place, quiet or as_json) as folder:
        with report.Meter("rewording", rows, quiet or as_json) as meter:
            done = run(dataset, folder, how, meter.advance)
        found = places.shown(done, folder, place)
    if as_json:
        report.print_json(vars(found))
        return
    if quiet:
        return
    outcomes = sorted({outcome for counts in found.counts.values() for outcome in counts})
    table = [[name, *(counts.get(outcome, 0) for outcome in outcomes)] for name, counts in found.counts.items()]
    report.print_table("", ["task", *outcomes], table)
    report.say(f"{found.rows:,} triplets in {found.shards} shards, {report.human_seconds(found.seconds)}: {found.root}")
