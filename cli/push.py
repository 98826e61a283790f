"""taskpaint push"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from . import options, report

if TYPE_CHECKING:
    from ..engines.push import PushOptions, PushReport


def push(
    out: options.Dataset,
    repo: Annotated[str, typer.Argument(metavar="USER/NAME", help="Dataset repository.", show_default=False)],
    private: Annotated[
        bool | None,
        typer.Option("--private/--public", help="Of a new repository; an old one must agree.", show_default="private"),
    ] = None,
    revision: Annotated[str, typer.Option(help="Branch; made when it is missing.")] = "main",
    include: Annotated[
        list[str] | None,
        typer.Option(help="Upload this too: scores, rejects or dropped.", metavar="WHAT", show_default=False),
    ] = None,
    files_per_commit: Annotated[int, typer.Option(min=1, help="At most so many files in one commit.")] = 100,
    allow_licenses: Annotated[
        bool, typer.Option("--allow-licenses", help="Publish sources whose licence forbids it; you have permission.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Files uploaded at a time.")] = 4,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan as JSON lines; change nothing.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Publish a dataset on the Hugging Face Hub, or go on with a push that stopped.

    Only what has changed is uploaded. The card comes last, so that readers see the old version or the new one. The
    token is HF_TOKEN or that of `hf auth login`, the endpoint HF_ENDPOINT.

    [bold]Examples[/bold]

      taskpaint push out USER/NAME

      taskpaint push out USER/NAME --public --include scores

      taskpaint push out USER/NAME --dry-run
    """
    from ..engines.push import PushOptions
    from ..engines.push_version import EXTRAS

    for what in include or []:
        if what not in EXTRAS:
            raise typer.BadParameter(f"{what!r} is none of {', '.join(EXTRAS)}", param_hint="--include")
    how = PushOptions(repo, revision, private, files_per_commit, tuple(include or []), allow_licenses, threads)
    if dry_run:
        from ..engines.push import dry_push

        for line in dry_push(out, how, _Watch(quiet or as_json)):
            typer.echo(json.dumps(line, ensure_ascii=False))
        return
    found = _run(out, how, quiet or as_json)
    if as_json:
        report.print_json(vars(found))
        return
    kind = "private" if found.private else "public"
    report.say(
        f"{found.repo} ({kind}) is at {found.commit[:12]} of {found.revision}: {found.commits} commits, "
        f"{report.human_seconds(found.seconds)}; row {found.row} was loaded back",
        quiet,
    )


def _run(out: options.Dataset, how: PushOptions, quiet: bool) -> PushReport:
    from ..engines.push import push as run

    watch = _Watch(quiet)
    with report.stoppable("run the same command again, nothing is uploaded twice"):
        try:
            return run(out, how, watch)
        finally:
            watch.end()


class _Watch:
    """Progress of a push for people."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._meter: report.Meter | None = None

    def begin(self, total_bytes: int) -> None:
        """A bar over the bytes of the plan; a new plan begins a new bar."""
        self.end()
        self._meter = report.Meter("uploading", total_bytes, self._quiet, " B")
        self._meter.__enter__()

    def advance(self, count: int) -> None:
        """Move the bar."""
        if self._meter:
            self._meter.advance(count)

    def say(self, text: str) -> None:
        """A sentence on stderr."""
        report.say(text, self._quiet)

    def end(self) -> None:
        """Take the bar away."""
        if self._meter:
            self._meter.__exit__(None, None, None)
            self._meter = None
