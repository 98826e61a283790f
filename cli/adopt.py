"""taskpaint adopt"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options, report


def adopt(
    dataset: Annotated[str, typer.Argument(help="A folder, or OWNER/NAME on the Hub.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Dataset folder to write.", show_default=False)
    ] = None,
    source_column: Annotated[
        str, typer.Option(help="Column of the picture before the edit.", metavar="NAME", show_default="found by name")
    ] = "",
    target_column: Annotated[
        str, typer.Option(help="Column of the picture after it.", metavar="NAME", show_default="found by name")
    ] = "",
    instruction_column: Annotated[
        str, typer.Option(help="Column of the instruction.", metavar="NAME", show_default="found by name")
    ] = "",
    id_column: Annotated[
        str, typer.Option(help="Column of an id, unique in a split.", metavar="NAME", show_default="the row's number")
    ] = "",
    photograph_column: Annotated[
        str,
        typer.Option(
            help="Column that is the same in all rows that show one photograph.", metavar="NAME", show_default="the id"
        ),
    ] = "",
    license: Annotated[
        str, typer.Option(help="Licence of the rows.", metavar="TEXT", show_default="as the card says")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the new dataset.", show_default="the dataset's")] = "",
    split: Annotated[
        list[str] | None, typer.Option(help="Take this split and no other.", metavar="SPLIT", show_default="all")
    ] = None,
    config: Annotated[
        str, typer.Option(help="Configuration (subset) of the dataset.", metavar="NAME", show_default=False)
    ] = "",
    revision: Annotated[
        str, typer.Option(help="Branch, tag or commit on the Hub.", metavar="NAME", show_default=False)
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many triplets.", show_default=False)] = None,
    workers: options.Workers = 0,
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Share of broken rows that makes the run fail.")
    ] = 1.0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make an editing dataset of others a dataset folder, so that it can be scored, filtered, merged and exported.

    Columns are found by the names that MagicBrush, InstructPix2Pix, UltraEdit, OmniEdit, HQ-Edit and their kin have.
    Pictures stay the bytes they are, and rows the split they are in.

    [bold]Examples[/bold]

      taskpaint adopt osunlp/MagicBrush -o magicbrush

      taskpaint adopt my_edits -o edits --source-column before --target-column after --license CC-BY-4.0
    """
    from ..engines.adopt import AdoptOptions, find_adoption
    from ..engines.build import BuildOptions
    from .building import print_summary, run_build

    place = options.required(out)
    how = AdoptOptions(
        config,
        revision,
        tuple(split or ()),
        source_column,
        target_column,
        instruction_column,
        id_column,
        photograph_column,
        license,
        name,
    )
    found = find_adoption(dataset, how)
    silent = quiet or as_json
    taken = ", ".join(f"{role} {column}" for role, column in found.columns.items())
    report.say(f"columns: {taken}; splits: {', '.join(found.splits)}", silent)
    if not found.license:
        report.say("the licence is not stated; give it with --license TEXT", silent)
    running = BuildOptions(limit=limit, workers=workers, max_rejects=max_rejects, overwrite=overwrite)
    summary = run_build([found.recipe], place, running, silent)
    if as_json:
        report.print_json(vars(summary))
    elif not quiet:
        print_summary(summary)
