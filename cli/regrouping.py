"""What `taskpaint merge`, `split`, `sample` and `dedup` share: options, a progress bar, what they say at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from . import options, report

if TYPE_CHECKING:
    from ..engines.regroup import RegroupReport

Datasets = Annotated[list[Path], typer.Argument(help="Folders that taskpaint built.", show_default=False)]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Dataset folder to write.", show_default=False)]
Only = Annotated[
    list[str] | None, typer.Option(help="Take this split and no other.", metavar="SPLIT", show_default="all")
]
Ids = Annotated[
    Literal["error", "first", "rename"],
    typer.Option(help="Different rows of one id: write nothing, keep the first folder's, or give later ones an id."),
]
Name = Annotated[str, typer.Option(help="Name of the new dataset.", show_default="its parents' names")]
ShardSize = Annotated[
    int | None,
    typer.Option("--rows-per-shard", min=1, max=100_000, help="At most so many.", show_default="as the largest shard"),
]
Seed = Annotated[int, typer.Option(min=0, help="Another seed draws others.")]

__all__ = ["Datasets", "Ids", "Name", "Only", "Out", "Seed", "ShardSize", "run"]


def run(
    datasets: list[Path],
    out: Path | None,
    operation: Any,
    only: list[str] | None,
    ids: Literal["error", "first", "rename"],
    name: str,
    rows_per_shard: int | None,
    workers: options.Workers,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Regroup with a progress bar, and say what it came to."""
    from ..engines.regroup import RegroupOptions, regroup

    root = options.required(out)
    how = RegroupOptions(tuple(only or ()), ids, name, rows_per_shard, workers, overwrite)
    with report.stoppable(), report.counted("writing", quiet or as_json) as advance:
        summary = regroup(datasets, root, operation, how, advance)
    if as_json:
        report.print_json(vars(summary))
    elif not quiet:
        _print(summary)


def _print(summary: RegroupReport) -> None:
    for reason, count in summary.left_out.items():
        report.say(f"left out: {count:,} rows, {reason}")
    if summary.renamed:
        report.say(f"{summary.renamed:,} rows got another id")
    splits = ", ".join(f"{count:,} {split}" for split, count in summary.splits.items())
    report.say(
        f"{splits} triplets in {summary.shards} shards, {report.human_bytes(summary.bytes)}, "
        f"{report.human_seconds(summary.seconds)}: {summary.root}"
    )
    if summary.scores == "left behind":
        report.say(f"scores were left behind; taskpaint score {summary.root} makes them for the whole")
