"""What `taskpaint paraphrase` shows: a line of progress, an estimate, a summary."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

from . import report

if TYPE_CHECKING:
    from ..engines.paraphrase import ParaphraseReport
    from ..paraphrase.llm.cost import Estimate
    from ..paraphrase.llm.tally import Tally

_EVERY_S = 10.0


class GrowthLine:
    """Calls done, accepted, refused, tokens, spend and time left: one line that changes on a terminal, a new one every
    ten seconds elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live: Any = None
        self._started = self._said = time.monotonic()
        self._before: int | None = None

    def __enter__(self) -> GrowthLine:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, tally: Tally) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if self._before is None:
            self._before = tally.finished
        if self._quiet or (self._live is None and now - self._said < _EVERY_S):
            return
        self._said = now
        line = growth_line(tally, now - self._started, self._before)
        if self._live is not None:
            self._live.update(line, refresh=True)
        else:
            report.say(line)

    def notice(self, text: str) -> None:
        """Say something beside the line."""
        if not self._quiet:
            report.say(text)


def growth_line(tally: Tally, seconds: float, finished_before: int) -> str:
    """Progress in one line; the time left follows the pace since the start."""
    refused = sum(tally.outcome.refused.values())
    done = tally.finished - finished_before
    left = tally.requests - tally.finished
    eta = f", {report.human_seconds(left * seconds / done)} left" if done > 0 and left else ""
    tokens = tally.prompt_tokens + tally.completion_tokens
    failed = f", {tally.failures:,} calls failed" if tally.failures else ""
    return (
        f"paraphrasing: {tally.finished:,} of {tally.requests:,} requests, {tally.outcome.accepted:,} accepted, "
        f"{refused:,} refused{failed}, {tokens:,} tokens{_spend(tally.dollars)}{eta}"
    )


def print_estimate(found: Estimate) -> None:
    """What a run would take, for people."""
    least, most = found.completion_tokens
    price = "price unknown; give --price-in and --price-out"
    if found.dollars is not None:
        price = f"${found.dollars[0]:,.2f} to ${found.dollars[1]:,.2f}"
    cached = f" ({found.cached:,} more are cached)" if found.cached else ""
    typer.echo(
        f"{found.calls - found.cached:,} calls{cached}, about {found.prompt_tokens:,} tokens read and {least:,} to "
        f"{most:,} written at four characters a token, {price}; nothing was asked"
    )


def print_growth(done: ParaphraseReport) -> None:
    """What a run came to, for people."""
    if done.refused:
        rows = sorted(done.refused.items(), key=lambda item: -item[1])
        report.print_table("", ["refused by", "candidates"], [list(row) for row in rows])
    tokens = done.prompt_tokens + done.completion_tokens
    uncounted = f", {done.calls_without_token_counts:,} calls uncounted" if done.calls_without_token_counts else ""
    report.say(
        f"{done.accepted:,} accepted, {sum(done.refused.values()):,} refused; {done.calls:,} calls, {done.cached:,} "
        f"from the cache, {tokens:,} tokens{uncounted}{_spend(done.dollars)}: {done.bank}"
    )
    if done.requests_in_batches:
        report.say(
            f"{done.requests_in_batches:,} requests wait for a batch; "
            "run the same command again with --batch to collect"
        )


def _spend(dollars: float | None) -> str:
    return "" if dollars is None else f", ${dollars:,.4f}"
