"""taskpaint status"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from . import options, report

if TYPE_CHECKING:
    from ..engines.status import Begun, Status

_SHOWN = 10


def status(
    out: options.Place,
    watch: Annotated[
        float,
        typer.Option(min=0, help="Print again every so many seconds until it ends; 0 for once.", metavar="SECONDS"),
    ] = 0.0,
    as_json: options.Json = False,
) -> None:
    """Show how a build or an export stands: what is done, running and failed, how fast, and how long it will take.

    Of a dataset that is being scored it tells how many shards each scorer has done, and which ranks are at work.

    Reads the folder alone, so it works beside any engine and from any machine that sees it.

    [bold]Examples[/bold]

      taskpaint status out --watch 10

      taskpaint status tars --json
    """
    from ..engines.status import status as read
    from ..manifests.errors import StoppedError

    try:
        while True:
            found = read(out)
            if as_json:
                report.print_json(asdict(found))
            else:
                print_status(found)
            if not watch or found.state in ("finished", "complete"):
                return
            time.sleep(watch)
    except KeyboardInterrupt as fault:
        raise StoppedError("stopped watching; the build goes on") from fault


def print_status(found: Status) -> None:
    """How a build stands, for people."""
    done, planned = found.units["done"], found.units["planned"]
    share = 100 * done / planned if planned else 100.0
    state = f"scoring by ranks {found.state}" if found.stage == "score" else found.state
    typer.echo(
        f"{found.root}: {state}, {share:.1f} %, {found.shards['done']:,} of {found.shards['planned']:,} shards, "
        f"{found.rows:,} triplets, {report.human_bytes(found.bytes)}"
    )
    counts = [f"{found.shards[key]:,} {key}" for key in ("running", "failed", "lost", "waiting") if found.shards[key]]
    speed = [] if found.rate is None else [f"{found.rate:,.1f} triplets a second"]
    left = [] if found.eta_seconds is None else [f"{report.human_seconds(found.eta_seconds)} left"]
    if counts or speed:
        typer.echo(", ".join([*counts, *speed, *left]))
    if len(found.writers) > 1:
        rows = [[one.name, one.shards, one.rows, _ago(one.last)] for one in found.writers]
        report.print_table("", ["ledger", "shards", "triplets", "last shard"], rows)
    for kind in ("failed", "lost", "running"):
        _print_begun(kind, getattr(found, kind))
    for key, count in found.scored.items():
        typer.echo(f"  {key} has scored {count:,} of {found.shards['planned']:,} shards")
    for name, count in found.embedded.items():
        typer.echo(f"  {name} has embedded {count:,} pictures")
    if found.state == "complete":
        typer.echo(f"all shards are there: taskpaint finish {found.root}")


def _print_begun(kind: str, shards: list[Begun]) -> None:
    for one in shards[:_SHOWN]:
        attempt = f", attempt {one.attempt}" if one.attempt > 1 else ""
        silent = f", silent for {report.human_seconds(one.quiet_seconds)}" if kind == "lost" else ""
        reason = f": {one.reason}" if one.reason else ""
        took = report.human_seconds(one.seconds)
        typer.echo(f"  {kind} {one.name} on {one.host}, process {one.pid}, {took}{attempt}{silent}{reason}")
    if len(shards) > _SHOWN:
        typer.echo(f"  and {len(shards) - _SHOWN:,} more {kind}; --json lists them")


def _ago(at: float) -> str:
    return f"{report.human_seconds(max(0.0, time.time() - at))} ago" if at else ""
