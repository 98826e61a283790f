"""Options that spread a command over many machines, and what they come to."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import report

if TYPE_CHECKING:
    from ..engines.fleet import Fleet
    from ..engines.local import Engine
    from ..engines.ranks import RankReport
    from ..manifests.share import Share


class EngineName(StrEnum):
    """What runs the shards."""

    local = "local"
    ray = "ray"
    slurm = "slurm"


class SpreadName(StrEnum):
    """What runs the shards of commands that have no ranks."""

    local = "local"
    ray = "ray"


SpreadOption = Annotated[SpreadName, typer.Option(help="What runs the shards: this machine, or a Ray cluster.")]
EngineOption = Annotated[
    EngineName, typer.Option(help="What runs the shards: this machine, a Ray cluster, or a script for Slurm.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="Ray cluster: auto or HOST:PORT; without it, Ray on this machine.", show_default=False),
]
GpusPerTask = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="With --engine ray, GPUs of each process that holds the model: 0.5 puts two on a GPU, 0 takes processors.",
        show_default="1 where the cluster has GPUs",
    ),
]
Rank = Annotated[
    str | None,
    typer.Option(
        help="Build this rank's share only: a number from 0, or auto to ask Slurm, MPI or torchrun.",
        metavar="NUMBER|auto",
        show_default=False,
    ),
]
WorldSize = Annotated[int | None, typer.Option(min=1, help="How many ranks share the build.", show_default=False)]
Script = Annotated[
    Path | None, typer.Option(help="File for Slurm's script; without it, it is printed.", show_default=False)
]
Sbatch = Annotated[
    list[str] | None,
    typer.Option(help="Option for sbatch, with --engine slurm: --sbatch=--partition=cpu.", show_default=False),
]


def check(
    engine: EngineName,
    ray_address: str | None,
    rank: str | None,
    world_size: int | None,
    script: Path | None,
    sbatch: Sequence[str] | None,
) -> None:
    """Refuse options that do not go together.

    Raises:
        typer.BadParameter: says which.
    """
    if engine != EngineName.slurm and (script or sbatch):
        raise typer.BadParameter("goes with --engine slurm", param_hint="--script" if script else "--sbatch")
    if engine != EngineName.ray and ray_address:
        raise typer.BadParameter("goes with --engine ray", param_hint="--ray-address")
    if engine != EngineName.local and rank is not None:
        raise typer.BadParameter(f"goes with --engine local, not {engine.value}", param_hint="--rank")
    if engine == EngineName.slurm and world_size is None:
        raise typer.BadParameter("--engine slurm needs the number of array jobs", param_hint="--world-size")
    if engine != EngineName.slurm and world_size is not None and rank is None:
        raise typer.BadParameter("goes with --rank; --rank auto asks the launcher", param_hint="--world-size")


def share(rank: str, world_size: int | None) -> Share:
    """This run's share."""
    from ..engines.launcher import find_share

    return find_share(rank, world_size, os.environ)


def check_ray(engine: SpreadName, ray_address: str | None, folders: Sequence[str], gpus: float | None = None) -> None:
    """Refuse options that go with Ray alone, and folders that its nodes cannot see.

    Raises:
        typer.BadParameter: says which.
    """
    for hint, given in (("--ray-address", ray_address), ("--gpus-per-task", gpus)):
        if engine != SpreadName.ray and given is not None:
            raise typer.BadParameter("goes with --engine ray", param_hint=hint)
    from ..manifests.storage.url import place

    for folder in folders:
        if engine == SpreadName.ray and isinstance(place(folder), str):
            raise typer.BadParameter(f"needs folders that all nodes see, {folder} is a URL", param_hint="--engine ray")


def engine_of(name: EngineName | SpreadName, ray_address: str | None) -> Engine:
    """What runs the shards."""
    if name.value == EngineName.ray.value:
        from ..engines.ray import ray_engine

        return ray_engine(ray_address)
    from ..engines.local import run_local

    return run_local


@contextlib.contextmanager
def fleet_of(name: SpreadName, ray_address: str | None, gpus: float | None, workers: int) -> Iterator[Fleet | None]:
    """What embeds, and one connection for all that is done while it lasts; None: this machine."""
    if name != SpreadName.ray:
        yield None
        return
    from ..engines.ray import RayFleet, connected

    with connected(ray_address, workers):
        yield RayFleet(ray_address, gpus, workers)


def build_arguments(
    recipes: Sequence[str] | None,
    sources: Sequence[str] | None,
    tasks: Sequence[str] | None,
    paths: Sequence[str] | None,
    changes: Sequence[str] | None,
    data: Path | str,
    limit: int | None,
    skip_missing: bool,
) -> list[str]:
    """The options of a build that every rank is given again."""
    arguments = [*(recipes or []), "--data", str(data)]
    for option, values in (("--source", sources), ("--task", tasks), ("--path", paths), ("--set", changes)):
        arguments += [word for value in values or [] for word in (option, value)]
    if limit is not None:
        arguments += ["--limit", str(limit)]
    return [*arguments, "--skip-missing"] if skip_missing else arguments


def write_script(
    arguments: Sequence[str],
    out: Path,
    world_size: int,
    workers: int,
    max_rejects: float,
    sbatch: Sequence[str],
    file: Path | None,
) -> None:
    """Print Slurm's script, or write it to a file."""
    from ..engines.slurm import slurm_script

    taskpaint = [sys.executable, "-m", "taskpaint.cli"]
    where = str(out.absolute())
    text = slurm_script(
        [*taskpaint, "build", *arguments, "--out", where],
        [*taskpaint, "finish", where, "--max-rejects", f"{max_rejects:g}"],
        [*taskpaint, "status", where],
        out,
        world_size,
        workers or 1,
        sbatch,
    )
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    report.say(f"wrote {file}; bash {file} submits it")


def print_share(found: RankReport) -> None:
    """What a rank's run came to, for people."""
    report.say(
        f"rank {found.rank} of {found.world_size}: {found.shards} shards, {found.resumed_shards} of them built before, "
        f"{report.human_seconds(found.seconds)}: {found.root}"
    )
    if found.missing_shards:
        report.say(f"{found.missing_shards} shards of other ranks are not there yet")
    else:
        report.say(f"all shards are there: taskpaint finish {found.root}")
