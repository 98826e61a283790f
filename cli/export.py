"""taskpaint export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import cluster, options, places, ranks, report

if TYPE_CHECKING:
    from ..engines.export import ExportOptions, ExportReport
    from ..engines.local import Engine
    from ..engines.rank_report import RankReport
    from ..manifests.share import Share


def export(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            parser=places.fetched,
            help="A folder that taskpaint built, or its URL.",
            metavar="PLACE",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Name of the format; --list shows them.", metavar="FORMAT", show_default=False)
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="Folder or URL to write, new or empty.", metavar="PLACE", show_default=False),
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Only this task; may be repeated.", metavar="NAME", show_default="all")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Only this split; may be repeated.", metavar="NAME", show_default="all")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Only rows for which it holds: 'width >= 512', 'source_dataset == coco', 'target_aesthetics >= 5'.",
            metavar="CONDITION",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many rows of a split.", show_default="all")
    ] = None,
    shard_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            help="At most so many rows in a tar, MDS or Parquet file, or in a sub-folder.",
            metavar="ROWS",
            show_default="as the dataset's largest shard",
        ),
    ] = None,
    location: Annotated[
        str | None,
        typer.Option(
            help="Where the folder will lie when the trainer runs; begins the paths in its configuration.",
            metavar="PATH",
            show_default="as it is here",
        ),
    ] = None,
    workers: options.Workers = 0,
    engine: cluster.EngineOption = cluster.EngineName.local,
    ray_address: cluster.RayAddress = None,
    rank: cluster.Rank = None,
    world_size: cluster.WorldSize = None,
    script: cluster.Script = None,
    sbatch: cluster.Sbatch = None,
    list_formats: Annotated[bool, typer.Option("--list", help="Show the formats and what reads them.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a dataset in the layout of a trainer, with the configuration that it needs.

    Pictures keep their bytes wherever the format allows, and never lose a pixel. A run that was stopped goes on when
    the same command is given again.

    [bold]Examples[/bold]

      taskpaint export --list

      taskpaint export out --to ai-toolkit -o train-kontext --split train

      taskpaint export out --to webdataset -o tars --where 'width >= 512' --shard-size 5000

      taskpaint export /shared/out --to mds -o /shared/mds --engine ray --ray-address auto

      taskpaint export /shared/out --to mds -o /shared/mds --engine slurm --world-size 16 --script export.sh
    """
    if list_formats:
        _print_formats(as_json)
        return
    if dataset is None or to is None or out is None:
        raise typer.BadParameter(
            "say what to export, --to which FORMAT and to which folder, -o DEST", param_hint="export"
        )
    from ..engines.export import ExportOptions, check_export
    from ..manifests.storage.url import place

    cluster.check(engine, ray_address, rank, world_size, script, sbatch)
    cluster.check_shared(engine, rank, [out])
    folder = place(out)
    there = location or (folder if isinstance(folder, str) else None)
    how = ExportOptions(
        to, tuple(task or []), tuple(split or []), tuple(where or []), limit, shard_size, there, workers
    )
    if isinstance(folder, Path) and rank is not None:
        again = ranks.command("export", *export_arguments(dataset, folder, how))
        found = _run_share(dataset, folder, how, ranks.share(rank, world_size), quiet or as_json, again)
        ranks.tell(found, quiet, as_json)
    elif isinstance(folder, Path) and world_size is not None:
        check_export(dataset, folder, how)
        arguments = export_arguments(dataset, folder, how)
        ranks.write_script("export", arguments, folder.absolute(), world_size, workers, sbatch or [], script)
    else:
        run = cluster.engine_of(engine, ray_address)
        with places.written(out, quiet or as_json) as written:
            summary = places.shown(_run(dataset, written, how, quiet or as_json, run), written, out)
        if as_json:
            report.print_json(vars(summary))
        elif not quiet:
            print_export(summary)


def export_arguments(dataset: Path, out: Path, how: ExportOptions) -> list[str]:
    """What every rank of an export is given again."""
    given = ranks.words(
        ("--to", how.format),
        ("--task", how.tasks),
        ("--split", how.splits),
        ("--where", how.where),
        ("--limit", how.limit),
        ("--shard-size", how.rows_per_shard),
        ("--location", how.location),
        ("--out", out.absolute()),
    )
    return [str(dataset.absolute()), *given]


def _run(dataset: Path, out: Path, how: ExportOptions, quiet: bool, engine: Engine) -> ExportReport:
    from ..engines.export import export as run

    with report.stoppable(), report.counted("exporting", quiet) as advance:
        return run(dataset, out, how, advance, engine)


def _run_share(dataset: Path, out: Path, how: ExportOptions, share: Share, quiet: bool, command: str) -> RankReport:
    from ..engines.export import export_share

    with report.stoppable(), report.counted("exporting", quiet) as advance:
        return export_share(dataset, out, how, share, advance, command)


def print_export(summary: ExportReport) -> None:
    """What an export came to, for people."""
    for reason, count in summary.left_out.items():
        if count:
            report.say(f"left out: {count:,} rows, {reason}")
    splits = ", ".join(f"{count:,} {split}" for split, count in summary.splits.items())
    report.say(
        f"{splits} triplets as {summary.format}, {summary.files:,} files, {report.human_bytes(summary.bytes)}, "
        f"{report.human_seconds(summary.seconds)}: {summary.root}"
    )
    starts = (f"{summary.root}/{name}" for name in summary.configs)
    report.say(f"start from {', '.join(starts)}")


def _print_formats(as_json: bool) -> None:
    from ..engines.export import list_exports

    found = list_exports()
    if as_json:
        report.print_json(found)
        return
    rows = [[one["format"], one["writes"], one["for"], one["rows_without_source"]] for one in found]
    report.print_table("", ["format", "writes", "read by", "rows without a source"], rows)
