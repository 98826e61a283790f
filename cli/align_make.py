"""taskpaint align import and generate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options, report
from .score import Watch

NewRun = Annotated[Path, typer.Option("--run", "-o", metavar="RUN", help="Run folder to write.", show_default=False)]


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FROM",
            help="A JSONL file, a folder with items.jsonl, or a folder with one folder an item.",
            show_default=False,
        ),
    ],
    run: NewRun,
    name: Annotated[str, typer.Option(help="What people see as its name.", show_default="the folder's")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Decides in which order each person sees the edits.")] = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a run from pictures made elsewhere.

    A line of JSONL is {"source": FILE, "instruction": TEXT, "candidates": [FILE, …]}; instead of a FILE a candidate
    may be {"image": FILE, "text_guidance": 7.5, "seed": 3, "scores": {"mine": 0.8}, …}. A folder of folders has
    source.png, instruction.txt and the edits in each.

    [bold]Example[/bold]

      taskpaint align import edits.jsonl -o run
    """
    from ..alignment.making import import_run

    found = import_run(source, run, name or run.resolve().name, seed)
    if as_json:
        report.print_json(found.as_json())
    else:
        for refused in found.refused[:10]:
            report.say(f"left out: {refused.where}: {refused.reason}", quiet)
        left_out = f", {len(found.refused):,} left out" if found.refused else ""
        report.say(f"{found.items:,} items, {found.candidates:,} edits{left_out}: {run}", quiet)


def generate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="What taskpaint train wrote, or any InstructPix2Pix model: a folder or a Hub id.",
            show_default=False,
        ),
    ],
    dataset: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="A dataset whose pictures and instructions to draw.", show_default=False),
    ],
    run: NewRun,
    edits: Annotated[int, typer.Option("--edits", "-n", min=2, max=64, help="Edits of each row.")] = 20,
    text_guidance: Annotated[
        str, typer.Option(help="7.5, several as 5,7.5,10, or any between as 3:12.", metavar="VALUES")
    ] = "3:12",
    image_guidance: Annotated[str, typer.Option(help="Likewise, for the picture.", metavar="VALUES")] = "1.2:2.2",
    steps: Annotated[str, typer.Option(help="Of denoising; likewise.", metavar="VALUES")] = "20",
    limit: Annotated[int, typer.Option(min=0, help="Rows, drawn by the seed; 0 for all.")] = 0,
    split: Annotated[str, typer.Option(help="Rows of this split.")] = "train",
    task: Annotated[
        list[str] | None, typer.Option(help="Only rows of this task; may be given again.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides rows, guidance, noise and order.")] = 0,
    batch_size: options.DrawnAtOnce = 8,
    device: options.Device = "auto",
    precision: options.DrawingPrecision = "auto",
    resolution: Annotated[int, typer.Option(min=0, help="As in training, pixels; 0 for the model's own.")] = 0,
    name: Annotated[str, typer.Option(help="What people see as its name.", show_default="the folder's")] = "",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draw several edits of every row, with other guidance and noise each; a run that was stopped goes on.

    [bold]Examples[/bold]

      taskpaint align generate model out -o run --limit 1000

      taskpaint align generate model out -o run --text-guidance 5,7.5,10 --image-guidance 1.2,1.5,2 --edits 18
    """
    from ..alignment.draws import make_draws, parse_span
    from ..engines.align.generate import GenerateOptions
    from ..engines.align.generate import generate as run_generate
    from .align_editor import ModelEditor

    draws = make_draws(
        edits,
        parse_span(text_guidance, "--text-guidance"),
        parse_span(image_guidance, "--image-guidance"),
        parse_span(steps, "--steps"),
        seed,
    )
    how = GenerateOptions(tuple(draws), limit, split, tuple(task or ()), seed, name)
    with report.stoppable():
        editor = ModelEditor(model, device, precision, resolution, batch_size)
        with Watch(quiet or as_json) as watch:
            found = run_generate(dataset, run, editor, how, watch)
    if as_json:
        report.print_json(vars(found))
    else:
        report.say(f"{found.items:,} items, {found.candidates:,} edits, {found.drawn:,} drawn now: {run}", quiet)
