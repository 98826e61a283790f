"""Which rank this process is, as Slurm, MPI or torchrun say it in the environment."""

from __future__ import annotations

from collections.abc import Mapping

from ..manifests.errors import UsageError
from ..manifests.share import Share

_LAUNCHERS = (
    ("SLURM_PROCID", "SLURM_NTASKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("RANK", "WORLD_SIZE"),
)


def find_share(rank: str, world_size: int | None, environment: Mapping[str, str]) -> Share:
    """The share that a run shall build.

    Args:
        rank: a number, or "auto": from a Slurm array job, srun, MPI or torchrun.
        world_size: how many ranks; None: from the environment, with "auto".
        environment: variables of this process.

    Raises:
        UsageError: rank or world size are not known, or do not go together.
    """
    if rank != "auto":
        if not rank.isdecimal():
            raise UsageError(f"--rank {rank}: give a number from 0, or auto")
        if world_size is None:
            raise UsageError(f"--rank {rank} needs --world-size: the number of ranks")
        return Share(int(rank), world_size)
    if "SLURM_ARRAY_TASK_ID" in environment:
        return _slurm_array(world_size, environment)
    for rank_name, size_name in _LAUNCHERS:
        if rank_name in environment and (world_size or size_name in environment):
            return Share(_number(environment, rank_name), world_size or _number(environment, size_name))
    names = ", ".join(["SLURM_ARRAY_TASK_ID", *(name for name, _ in _LAUNCHERS)])
    raise UsageError(f"--rank auto: none of {names} is set; give --rank and --world-size")


def _slurm_array(world_size: int | None, environment: Mapping[str, str]) -> Share:
    rank = _number(environment, "SLURM_ARRAY_TASK_ID")
    if world_size is not None:
        return Share(rank, world_size)
    count, least, most = (_number(environment, f"SLURM_ARRAY_TASK_{name}") for name in ("COUNT", "MIN", "MAX"))
    if (least, most) != (0, count - 1):
        raise UsageError(
            f"--rank auto: the array's {count} tasks do not run from 0 to {count - 1}, so that a part of it may be "
            "meant; give --world-size"
        )
    return Share(rank, count)


def _number(environment: Mapping[str, str], name: str) -> int:
    value = environment.get(name, "")
    if not value.isdecimal():
        raise UsageError(f"--rank auto: {name} is {value!r} and no number; give --rank and --world-size")
    return int(value)
