"""taskpaint split"""

from __future__ import annotations

from typing import Annotated

import typer

from . import options, regrouping


def split(
    datasets: regrouping.Datasets,
    out: regrouping.Out = None,
    validation: Annotated[float, typer.Option(min=0, max=1, help="Share of photographs.")] = 0.02,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of photographs.")] = 0.0,
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
    """Split datasets anew by photograph: all rows that show one go to the same split.

    The same seed and shares hold out the same photographs as `taskpaint build` does.

    [bold]Example[/bold]

      taskpaint split out -o resplit --validation 0.05 --test 0.05
    """
    from ..engines.regroup import Split

    operation = Split(validation, test, seed)
    regrouping.run(datasets, out, operation, only, ids, name, rows_per_shard, workers, overwrite, as_json, quiet)
