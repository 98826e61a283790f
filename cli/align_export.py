"""taskpaint align export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options, report
from .align_serve import RunArgument

if TYPE_CHECKING:
    from ..engines.align.auto import AutoRule


def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Dataset folder to write.", show_default=False)],
    people: Annotated[int, typer.Option(min=1, help="Answers that an item needs.")] = 1,
    agreement: Annotated[float, typer.Option(min=0, max=1, help="Least share of them that picked an edit.")] = 0.5,
    picks: Annotated[
        int | None, typer.Option(min=1, help="Most edits of an item.", show_default="2; with --auto 1")
    ] = None,
    flags: Annotated[int, typer.Option(min=0, help="Leave out items that more people flagged.")] = 0,
    preferences: Annotated[
        Literal["parquet", "jsonl", "none"], typer.Option(help="Form of the pairs of a better and a worse edit.")
    ] = "parquet",
    margin: Annotated[
        float, typer.Option(min=0.01, max=1, help="Least difference of two edits' shares that makes a pair.")
    ] = 0.5,
    pairs: Annotated[int, typer.Option(min=1, help="Most pairs of an item.")] = 4,
    auto: Annotated[
        str,
        typer.Option(
            metavar="SCORE",
            help="Choose by this score, in place of people; SCORE:higher or SCORE:lower says which way is better.",
            show_default=False,
        ),
    ] = "",
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="With --auto: a rule that an edit must keep.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(help="Of the dataset.", show_default="the run's")] = "",
    shard_rows: Annotated[int, typer.Option(min=1, help="Rows of a shard.")] = 1000,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a dataset of the chosen edits, for the stage `alignment` of training, and pairs for training by preference.

    [bold]Examples[/bold]

      taskpaint align export run -o chosen --people 3 --agreement 0.6

      taskpaint align export run -o chosen --auto clip_direction --keep 'clip_image >= 0.7'
    """
    from ..alignment.selection import Thresholds
    from ..engines.align.export import ExportOptions
    from ..engines.align.export import export as run_export

    if keep and not auto:
        raise typer.BadParameter("rules choose only together with --auto", param_hint="--keep")
    rule = _auto_rule(auto, keep or [], picks or 1) if auto else None
    thresholds = Thresholds(people, agreement, picks or 2, flags)
    how = ExportOptions(thresholds, rule, preferences, margin, pairs, name, shard_rows, overwrite)
    found = run_export(run, out, how)
    if as_json:
        report.print_json(vars(found))
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in found.rows.items())
    if found.rejects:
        report.say(f"{found.rejects:,} edits could not be written: {out / 'rejects.jsonl'}", quiet)
    preferred = f", {found.pairs:,} pairs in {out / 'preferences'}" if found.pairs else ""
    report.say(f"{rows} triplets of {found.items:,} of {found.of_items:,} items{preferred}: {out}", quiet)


def _auto_rule(auto: str, keep: list[str], picks: int) -> AutoRule:
    from ..engines.align.auto import AutoRule
    from ..filters.rules import parse_rule

    score, colon, way = auto.rpartition(":")
    if colon and way in ("higher", "lower"):
        return AutoRule(score, way == "lower", [parse_rule(rule, "--keep") for rule in keep], picks)
    return AutoRule(auto, None, [parse_rule(rule, "--keep") for rule in keep], picks)
