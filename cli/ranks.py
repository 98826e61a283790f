"""What ranks are started with: by hand, by a launcher, or by a script for Slurm."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from . import report

if TYPE_CHECKING:
    from ..engines.rank_report import RankReport
    from ..manifests.share import Share


def share(rank: str, world_size: int | None) -> Share:
    """This run's share."""
    from ..engines.launcher import find_share

    return find_share(rank, world_size, os.environ)


def words(*options: tuple[str, Any]) -> list[str]:
    """Options as they are given to every rank again: (option, value), (option, values), (flag, whether).

    What was not given is left out: None, nothing in it, or False.
    """
    found: list[str] = []
    for option, given in options:
        if given is True:
            found.append(option)
            continue
        values = given if isinstance(given, list | tuple) else [] if given in (None, "", False) else [given]
        found += [word for value in values for word in (option, str(value))]
    return found


def command(*arguments: str) -> str:
    """A command line of taskpaint, for people."""
    return shlex.join(["taskpaint", *arguments])


def write_script(
    kind: Literal["build", "score", "export"],
    arguments: Sequence[str],
    out: Path | str,
    world_size: int,
    workers: int,
    sbatch: Sequence[str],
    file: Path | None,
    *,
    finish: Sequence[str] = (),
    gpus: int = 0,
) -> None:
    """Print Slurm's script, or write it to a file.

    Args:
        kind: the command.
        arguments: its own, with `out` among them.
        out: the folder, absolute, or URL that the ranks share.
        world_size, workers: jobs of the array, processes of each.
        sbatch: options for it.
        file: where to; None: standard output.
        finish: more options of `taskpaint finish`.
        gpus: of each job.
    """
    from ..engines.slurm import slurm_script

    taskpaint = [sys.executable, "-m", "taskpaint.cli"]
    text = slurm_script(
        [*taskpaint, kind, *arguments],
        [*taskpaint, "finish", str(out), *finish],
        [*taskpaint, "status", str(out)],
        out,
        world_size,
        workers or 1,
        sbatch,
        kind=kind,
        gpus=gpus,
    )
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    report.say(f"wrote {file}; bash {file} submits it")


def tell(found: RankReport, quiet: bool, as_json: bool) -> None:
    """What a rank's run came to, for people or machines."""
    if as_json:
        report.print_json(vars(found))
        return
    if quiet:
        return
    report.say(
        f"rank {found.rank} of {found.world_size}: {found.shards} shards, {found.resumed_shards} of them done before, "
        f"{report.human_seconds(found.seconds)}: {found.root}"
    )
    if found.missing_shards:
        report.say(f"{found.missing_shards} shards of other ranks are not there yet")
    else:
        report.say(f"all shards are there: taskpaint finish {found.root}")
