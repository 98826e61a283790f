"""taskpaint verify"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from . import options, report

if TYPE_CHECKING:
    from ..engines.verify import VerifyReport

_SHOWN = 20


def verify(
    out: options.Place,
    workers: options.Workers = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Open every image, decode every target, and look for double ids and leaks between splits.

    Exit code 1 and a list when something is wrong.

    [bold]Example[/bold]

      taskpaint verify out --json > verified.json
    """
    found = run_verify(out, workers, quiet or as_json)
    if as_json:
        report.print_json(vars(found))
    elif not quiet:
        print_verdict(found)
    if found.problem_count:
        raise typer.Exit(1)


def run_verify(out: Path | str, workers: int, quiet: bool) -> VerifyReport:
    """Verify with a progress bar."""
    from ..engines.verify import verify as run
    from ..manifests.storage.dataset import open_dataset

    rows = sum(open_dataset(out).manifest()["splits"].values())
    with report.Meter("verifying", rows, quiet) as meter:
        return run(out, workers, meter.advance)


def print_verdict(found: VerifyReport) -> None:
    """What verification found, for people."""
    rows = [
        [
            task,
            metric,
            int(f["count"]),
            *(f"{f[key]:.4f}" for key in ("mean", "min", "max")),
            int(f["failed"]),
        ]
        for task, metrics in found.decode.items()
        for metric, f in metrics.items()
    ]
    report.print_table("", ["task", "decoded", "targets", "mean", "min", "max", "failed"], rows)
    for problem in found.problems[:_SHOWN]:
        report.say(f"{problem['where']}: {problem['problem']}")
    if found.problem_count > _SHOWN:
        report.say(f"and {found.problem_count - _SHOWN:,} more; --json lists them")
    rows_read = sum(found.rows.values())
    report.say(
        f"{rows_read:,} triplets: {'all is well' if not found.problem_count else f'{found.problem_count:,} problems'}"
    )
