"""taskpaint filter"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from . import options, places, report

if TYPE_CHECKING:
    from ..engines.cut import CutOptions, CutReport
    from ..filters.rule_set import RuleSet

_COUNTS = ("rows", "missing", "alone", "dropped", "left")


def filter(  # the command's name
    dataset: options.Dataset,
    out: options.Out = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="What rows must do to stay: 'edit: target_aesthetics >= 5'.", metavar="RULE", show_default=False
        ),
    ] = None,
    rules: Annotated[
        list[Path] | None, typer.Option(help="YAML file with rules.", metavar="FILE", show_default=False)
    ] = None,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            help="Rules that others published: instructpix2pix, ultraedit …", metavar="NAME", show_default=False
        ),
    ] = None,
    missing: Annotated[
        Literal["keep", "drop", "error"] | None,
        typer.Option(help="What becomes of rows whose score does not exist.", show_default="keep"),
    ] = None,
    missing_scores: Annotated[
        Literal["error", "skip"],
        typer.Option(help="What becomes of a rule for whose score the dataset has no column."),
    ] = "error",
    force: Annotated[bool, typer.Option("--force", help="Cut by scores that their scorer cautions against.")] = False,
    rows_per_shard: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="At most so many.", show_default="as the dataset's largest shard"),
    ] = None,
    workers: options.Workers = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start anew in a folder of another cut.")] = False,
    to: Annotated[
        Path | None,
        typer.Option("--report", help="HTML report to write.", metavar="FILE", show_default="OUT/filter-report.html"),
    ] = None,
    pictures: Annotated[int, typer.Option(min=0, max=200, help="Examples on each side of a rule in the report.")] = 12,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what the rules would leave; write no dataset.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Keep the rows whose scores hold, in a new folder, with a report of what was dropped and why.

    A rule is `[TASK, TASK: | *:] SCORE >= NUMBER`; `abs(SCORE)` leaves the sign aside, and `q20` in place of the
    number is the score below which a fifth of the task's rows lie. Without a task, a rule judges the tasks in which
    its score judges a picture.

    [bold]Examples[/bold]

      taskpaint filter out --preset instructpix2pix --dry-run

      taskpaint filter out -o good --keep 'target_giqa >= q20' --keep 'edit: abs(aesthetics_gap) <= 0.5'

      taskpaint filter out --rules rules.yaml --dry-run --report report.html
    """
    from ..engines.cut import CutOptions, SurveyOptions

    how = CutOptions(SurveyOptions(missing, missing_scores, force), rows_per_shard, workers, overwrite, to, pictures)
    given = _rules(keep or [], rules or [], preset or [])
    if dry_run:
        _dry_run(dataset, given, how, as_json, quiet)
        return
    place = options.required(out)
    with places.written(place, quiet or as_json) as folder:
        summary = places.shown(run_cut(dataset, folder, given, how, quiet or as_json), folder, place)
    if as_json:
        report.print_json(vars(summary))
    elif not quiet:
        print_cut(summary)


def run_cut(dataset: Path, out: Path, rules: RuleSet, how: CutOptions, quiet: bool) -> CutReport:
    """Cut with a progress bar."""
    from ..engines.cut import cut

    with report.stoppable(), report.counted("cutting", quiet) as advance:
        return cut(dataset, out, rules, how, advance)


def print_cut(summary: CutReport) -> None:
    """What a cut came to, for people."""
    _print_table(summary.survey)
    splits = ", ".join(f"{counts['kept']:,} of {counts['rows']:,} {name}" for name, counts in summary.splits.items())
    report.say(
        f"{splits} triplets left in {summary.shards} shards, {report.human_bytes(summary.bytes)}, "
        f"{report.human_seconds(summary.seconds)}: {summary.root}"
    )
    report.say(f"dropped rows: {summary.root}/dropped.parquet; report: {summary.report}")


def _rules(keep: list[str], files: list[Path], presets: list[str]) -> RuleSet:
    from ..filters.rule_set import RuleSet, given_rules, load_preset, load_rules

    sets = [*map(load_preset, presets), *map(load_rules, files), given_rules(keep, "--keep")]
    return sum(sets, RuleSet())


def _dry_run(dataset: Path, rules: RuleSet, how: CutOptions, as_json: bool, quiet: bool) -> None:
    from ..engines.cut import survey_with_report

    found = survey_with_report(dataset, rules, how).as_json()
    if as_json:
        report.print_json(found)
        return
    _print_table(found, quiet)
    splits = ", ".join(f"{counts['kept']:,} of {counts['rows']:,} {name}" for name, counts in found["splits"].items())
    written = f"report: {how.report}" if how.report else "nothing was written"
    report.say(f"{splits} triplets would be left; {written}", quiet)


def _print_table(found: dict[str, Any], quiet: bool = False) -> None:
    rows = [
        [cell["rule"], cell["task"], _figure(cell["threshold"]), *(cell[k] for k in _COUNTS)] for cell in found["table"]
    ]
    head = ["rule", "task", "cuts at", "rows", "no score", "drops alone", "drops", "left"]
    report.print_table("", head, rows)
    for note in found["notes"]:
        report.say(note, quiet)


def _figure(threshold: float | None) -> str:
    return "no scores" if threshold is None else f"{threshold:.4g}"
