"""taskpaint sample"""

from __future__ import annotations

from typing import Annotated

import typer

from . import options, regrouping


def sample(
    datasets: regrouping.Datasets,
    out: regrouping.Out = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Draw so many.", show_default=False)] = None,
    share: Annotated[float | None, typer.Option(min=0, max=1, help="Draw this share.", show_default=False)] = None,
    per_task: Annotated[
        int | None, typer.Option(min=1, help="At most so many of each task in a split.", show_default=False)
    ] = None,
    seed: regrouping.Seed = 0,
    only: regrouping.Only = None,
    ids: regrouping.Ids = "error",
    name: regrouping.Name = "",
    rows_per_shard: regrouping.ShardSize = None,
    workers: options.Workers = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draw rows by chance. A smaller sample of the same seed is a part of a larger one.

    [bold]Examples[/bold]

      taskpaint sample out -o small --rows 10000

      taskpaint sample coco ade20k -o even --per-task 5000
    """
    from ..engines.regroup import Sample

    operation = Sample(rows, share, per_task, seed)
    regrouping.run(datasets, out, operation, only, ids, name, rows_per_shard, workers, overwrite, as_json, quiet)
