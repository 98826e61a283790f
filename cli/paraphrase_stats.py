"""taskpaint paraphrase stats"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from . import options, report


def stats(
    task: Annotated[
        list[str] | None, typer.Option(help="Only these tasks.", metavar="NAME", show_default="all")
    ] = None,
    bank: Annotated[
        list[Path] | None,
        typer.Option(help="JSONL bank whose sentences join the shipped ones.", metavar="FILE", show_default=False),
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="Languages to count.", show_default="en")] = None,
    drawn: Annotated[int, typer.Option(min=2, max=20_000, help="Instructions to draw for the comparison.")] = 500,
    html: Annotated[Path | None, typer.Option(help="Page with plots to write.", show_default=False)] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say how large and how varied the instruction banks are, beside ten templates a section.

    distinct-2 and self-BLEU are of instructions drawn from the whole bank, and of as many from the first ten templates
    of each section, with the same slot values.

    [bold]Examples[/bold]

      taskpaint paraphrase stats --html banks.html

      taskpaint paraphrase stats --task segmentation --bank my.jsonl --json
    """
    from ..builders.registry import find_task, task_names
    from ..engines.banks import wordings
    from ..manifests.folder import write_text
    from ..manifests.recipe import Instructions
    from ..paraphrase.bank_report import bank_report
    from ..paraphrase.report_page import report_page
    from ..writers.shards import output_errors

    tasks = [find_task(name) for name in task or task_names()]
    instructions = Instructions(banks=tuple(map(str, bank or [])), languages=tuple(language or ["en"]))
    banks = wordings(tasks, instructions, 0).templates
    count = _token_count()
    found = [bank_report(banks[one.name], one.sections, count, drawn) for one in tasks]
    if html is not None:
        with output_errors(html):
            write_text(html, report_page(found))
        report.say(f"{html}: {report.human_bytes(html.stat().st_size)}", quiet or as_json)
    if as_json:
        report.print_json([one.as_json() for one in found])
    elif not quiet:
        report.print_table("", _HEAD, [[*_row(one)] for one in found])


_HEAD = (
    "task", "templates", "sections", "smallest", "words", "tokens", "distinct-2", "baseline", "self-BLEU", "baseline",
    "nearest",
)  # fmt: skip


def _row(one: object) -> list[object]:
    from ..paraphrase.bank_report import BankReport

    assert isinstance(one, BankReport)
    figures = (
        one.filled.distinct_2,
        one.baseline.distinct_2,
        one.filled.self_bleu,
        one.baseline.self_bleu,
        one.nearest,
    )
    size = (one.task, one.templates, one.sections, one.smallest_section, f"{one.words[1]:.1f}")
    return [*size, one.most_clip_tokens or "–", *(f"{value:.3f}" for value in figures)]


def _token_count() -> Callable[[str], int] | None:
    """CLIP's tokenizer where open_clip is installed."""
    from ..manifests.errors import UsageError
    from ..paraphrase.checks.tokens import token_count

    try:
        token_count("")
    except UsageError:
        return None
    return token_count
