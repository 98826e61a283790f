"""taskpaint align report"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import options, report
from .align_serve import RunArgument

if TYPE_CHECKING:
    from ..alignment.report import RunReport


def report_(run: RunArgument, as_json: options.Json = False) -> None:
    """Sum up what was chosen: people, agreement, and how well each score foretells it. Works while the page is open.

    [bold]Example[/bold]

      taskpaint align report run
    """
    from ..alignment.choices import Choices
    from ..alignment.journal import read_events
    from ..alignment.report import report as sum_up
    from ..alignment.run import RunFolder
    from ..alignment.scores import read_scores

    found = RunFolder(run).read()
    choices = Choices.of(found.items, read_events(found.choices_file))
    summary = sum_up(found, choices, read_scores(found))
    if as_json:
        report.print_json(summary.as_json())
    else:
        _print(summary)


def _print(found: RunReport) -> None:
    head = ["person", "answers", "picked", "none good", "skipped", "flagged", "seconds an item"]
    keys = ("answers", "picks", "none", "skipped", "flagged")
    rows = [
        [person, *(row[key] for key in keys), "–" if row["median_s"] is None else row["median_s"]]
        for person, row in found.people.items()
    ]
    report.print_table("", head, rows)
    counts = ", ".join(f"{items:,} with {count}" for count, items in found.answered.items())
    report.say(f"{found.items:,} items by their number of answers: {counts}")
    if found.kappa is None:
        report.say("agreement: too few items with two answers or more")
    else:
        report.say(
            f"Fleiss' kappa {found.kappa:.3f}, from {found.kappa_items:,} items with two answers or more; "
            f"{found.unanimous:,} of them have the same answer from everybody"
        )
    if found.flagged:
        flagged = ", ".join(f"{item} by {count}" for item, count in found.flagged.items())
        report.say(f"flagged: {flagged}")
    scored = {name: row for name, row in found.scores.items() if row["pairs"]}
    if scored:
        lines = [
            [name, f"{row['value']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}", row["pairs"], row["better"] or "–"]
            for name, row in scored.items()
        ]
        report.print_table("", ["score", "AUC", "95 %", "pairs", "better"], lines)
        for name, row in scored.items():
            if row["caution"]:
                report.say(f"{name}: nothing should be chosen by this: {row['caution']}")
