"""taskpaint merge"""

from __future__ import annotations

from . import options, regrouping


def merge(
    datasets: regrouping.Datasets,
    out: regrouping.Out = None,
    only: regrouping.Only = None,
    ids: regrouping.Ids = "error",
    name: regrouping.Name = "",
    rows_per_shard: regrouping.ShardSize = None,
    workers: options.Workers = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Put several datasets into one: rows as they are, evenly mixed, with the history of each.

    A photograph that one dataset holds out is left out of the training rows of all. Equal rows count once.

    [bold]Examples[/bold]

      taskpaint merge coco ade20k magicbrush -o mixture

      taskpaint merge seed0 seed1 --ids rename -o both
    """
    from ..engines.regroup import Merge

    operation = Merge()
    regrouping.run(datasets, out, operation, only, ids, name, rows_per_shard, workers, overwrite, as_json, quiet)
