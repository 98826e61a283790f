"""Options that spread a command over many machines, and what they come to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..engines.fleet import Fleet
    from ..engines.local import Engine


class EngineName(StrEnum):
    """What runs the shards."""

    local = "local"
    ray = "ray"
    slurm = "slurm"


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
        help="GPUs of each job of Slurm's array; with --engine ray of each process that holds the model: 0.5 puts two "
        "on a GPU, 0 takes processors.",
        show_default="ray: 1 where the cluster has GPUs; slurm: 0",
    ),
]
Rank = Annotated[
    str | None,
    typer.Option(
        help="Do this rank's share only: a number from 0, or auto to ask Slurm, MPI or torchrun.",
        metavar="NUMBER|auto",
        show_default=False,
    ),
]
WorldSize = Annotated[int | None, typer.Option(min=1, help="How many ranks share the work.", show_default=False)]
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


def check_gpus(engine: EngineName, gpus: float | None) -> None:
    """Refuse GPUs that cannot be asked for.

    Raises:
        typer.BadParameter: says why.
    """
    if gpus is None:
        return
    if engine == EngineName.local:
        raise typer.BadParameter("goes with --engine ray or slurm; see --device", param_hint="--gpus-per-task")
    if engine == EngineName.ray and gpus > 1:
        raise typer.BadParameter("a process of Ray takes one GPU or a part of one", param_hint="--gpus-per-task")
    if engine == EngineName.slurm and gpus != int(gpus):
        raise typer.BadParameter("Slurm gives a job whole GPUs", param_hint="--gpus-per-task")


def check_shared(engine: EngineName, rank: str | None, folders: Sequence[str]) -> None:
    """Refuse folders that not all machines see.

    Raises:
        typer.BadParameter: says which.
    """
    from ..manifests.storage.url import place

    hint = "--rank" if rank is not None else f"--engine {engine.value}"
    for folder in folders:
        if (engine != EngineName.local or rank is not None) and isinstance(place(folder), str):
            raise typer.BadParameter(f"needs folders that all nodes see, {folder} is a URL", param_hint=hint)


def engine_of(name: EngineName, ray_address: str | None) -> Engine:
    """What runs the shards."""
    if name == EngineName.ray:
        from ..engines.ray import ray_engine

        return ray_engine(ray_address)
    from ..engines.local import run_local

    return run_local


@contextlib.contextmanager
def fleet_of(name: EngineName, ray_address: str | None, gpus: float | None, workers: int) -> Iterator[Fleet | None]:
    """What embeds, and one connection for all that is done while it lasts; None: this machine."""
    if name != EngineName.ray:
        yield None
        return
    from ..engines.ray import RayFleet, connected

    with connected(ray_address, workers):
        yield RayFleet(ray_address, gpus, workers)
