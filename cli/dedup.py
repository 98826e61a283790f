"""taskpaint dedup"""

from __future__ import annotations

from typing import Annotated

import typer

from . import options, regrouping


def dedup(
    datasets: regrouping.Datasets,
    out: regrouping.Out = None,
    distance: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=16,
            help="Bits of 64 in which perceptual hashes may differ; 4 finds copies that were scaled or compressed.",
            show_default="equal bytes",
        ),
    ] = None,
    any_instruction: Annotated[
        bool, typer.Option("--any-instruction", help="Rows are duplicates whatever they ask.")
    ] = False,
    leaks: Annotated[
        bool, typer.Option("--keep-leaks", help="Keep rows whose source is in a smaller split under another name.")
    ] = False,
    only: regrouping.Only = None,
    ids: regrouping.Ids = "error",
    name: regrouping.Name = "",
    rows_per_shard: regrouping.ShardSize = None,
    workers: options.Workers = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Leave out duplicates within and across datasets: one task, one split, equal pictures, the same instruction.

    The first row stays, in the order of the folders. A source that a smaller split has under another name is left
    out of the larger one.

    [bold]Examples[/bold]

      taskpaint dedup out -o unique

      taskpaint dedup coco visual-genome -o unique --distance 4
    """
    from ..engines.regroup import Dedup

    operation = Dedup(distance, any_instruction, leaks)
    regrouping.run(datasets, out, operation, only, ids, name, rows_per_shard, workers, overwrite, as_json, quiet)
