"""What commands say: progress on stderr, results on stdout, bars only on a terminal."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any

import typer


def say(text: str, quiet: bool = False) -> None:
    """A line for people, on stderr so that stdout stays clean."""
    if not quiet:
        typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """A result for machines, on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on stdout; numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for position, name in enumerate(head):
        numeric = bool(rows) and all(isinstance(row[position], (int, float)) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console = Console()
    Console(width=None if console.is_terminal else 160, soft_wrap=False).print(table)


def human_bytes(count: float) -> str:
    """1536 -> "1.5 kB"; powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def human_seconds(seconds: float) -> str:
    """Seconds, minutes or hours in words a glance can take."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Meter:
    """A progress bar on a terminal, a plain line every few seconds elsewhere.

    Use as a context manager; `advance` as work gets done.
    """

    def __init__(self, what: str, total: int, quiet: bool = False, unit: str = "") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._quiet = quiet
        self._done = 0
        self._started = self._said = time.monotonic()
        self._bar: Any = None
        self._update: Callable[[int], None] = self._line

    def __enter__(self) -> Meter:
        if not self._quiet and sys.stderr.isatty():
            self._open_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int) -> None:
        """`count` more are done."""
        self._done += count
        if not self._quiet:
            self._update(count)

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Speed(ProgressColumn):
            """How many a second, once it is known."""

            def render(self, task: Task) -> Text:
                unit = task.fields["unit"]
                return Text(f"{task.speed:.3g}{unit}/s" if unit and task.speed else "")

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True))
        task = self._bar.add_task(self._what, total=self._total, unit=self._unit)
        self._update = lambda count: self._bar.advance(task, count)
        self._bar.start()

    def _line(self, count: int) -> None:
        now = time.monotonic()
        if now - self._said >= 10:
            rate = self._done / (now - self._started)
            left = (self._total - self._done) / rate if rate else 0.0
            speed = f", {rate:.3g}{self._unit} a second" if self._unit else ""
            say(f"{self._what}: {self._done:,} of {self._total:,}{self._unit}{speed}, {human_seconds(left)} left")
            self._said = now


@contextlib.contextmanager
def counted(what: str, quiet: bool = False, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """A meter for work that says how much is done, and of how much; it opens when the first is said."""
    before = 0
    with contextlib.ExitStack() as stack:
        meter: Meter | None = None

        def tell(done: int, total: int) -> None:
            nonlocal meter, before
            if meter is None:
                meter = stack.enter_context(Meter(what, total, quiet, unit))
            meter.advance(done - before)
            before = done

        yield tell


@contextlib.contextmanager
def stoppable(remedy: str = "run the same command again to go on where it stopped") -> Iterator[None]:
    """Ctrl-C as one sentence that says how to go on."""
    from ..manifests.errors import StoppedError

    try:
        yield
    except KeyboardInterrupt as fault:
        raise StoppedError(f"stopped; {remedy}") from fault


def option_rows(options_type: Any) -> list[list[str]]:
    """Name, type, default and description of each option of a pydantic block."""
    schema = options_type.model_json_schema()
    return [
        [name, _kind(field), json.dumps(field.get("default")), field.get("description", "")]
        for name, field in schema.get("properties", {}).items()
    ]


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "anyOf" in field:
        return " | ".join(_kind(one) for one in field["anyOf"] if one.get("type") != "null")
    if "const" in field:
        return str(field["const"])
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    bounds = (
        f" {low if low is not None else ''}..{high if high is not None else ''}"
        if low is not None or high is not None
        else ""
    )
    return f"{field.get('type', 'object')}{bounds}"
