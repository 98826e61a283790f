"""Train with several processes on this machine: one a GPU, or several on the CPU."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from typing import Any

import torch

from ..manifests.errors import StoppedError, TrainingError, UsageError
from .run_folder import check_run
from .settings import Settings
from .train import TrainReport, train


def train_together(settings: Settings, processes: int, *, quiet: bool = False, overwrite: bool = False) -> TrainReport:
    """As `train`, shared by so many processes; what they say goes to stderr.

    torch's own launcher starts them, which is what `accelerate launch` calls too. accelerate's command itself loads
    timm where that is installed, and with it a torchvision that may not fit torch; this does not.

    Args:
        settings: of the run; `batch_size` is that of each process.
        processes: how many, at most one a GPU where there are GPUs.
        quiet: say nothing.
        overwrite: start anew in a folder of another run.

    Raises:
        UsageError: more processes than GPUs, or what `check_run` says.
        TrainingError: what the first process that failed says.
        StoppedError: Ctrl-C.
    """
    if torch.cuda.is_available() and processes > torch.cuda.device_count():
        raise UsageError(f"{processes} processes need as many GPUs; there are {torch.cuda.device_count()}")
    check_run(settings, overwrite=overwrite)
    launcher = import_module("torch.distributed.launcher.api")
    elastic = import_module("torch.distributed.elastic.multiprocessing")
    for name in ("torch.distributed", "torch.multiprocessing"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they tell failures as tables of tracebacks
    config = launcher.LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id="taskpaint",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
    )
    try:
        found = launcher.elastic_launch(config, one_process)(settings.model_dump_json(), processes, quiet, overwrite)
    except elastic.errors.ChildFailedError as fault:
        rank, failure = fault.get_first_failure()
        raise TrainingError(f"process {rank + 1} of {processes}: {_sentence(failure.message)}") from fault
    except elastic.SignalException as fault:
        raise StoppedError("stopped; run the same command again to go on from the last checkpoint") from fault
    report: TrainReport = found[0]
    return report


def one_process(settings: str, processes: int, quiet: bool, overwrite: bool) -> TrainReport:
    """What each process does; a fault is written where the launcher looks for it."""
    errors = import_module("torch.distributed.elastic.multiprocessing.errors")
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    chosen = Settings.model_validate_json(settings)

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    report: TrainReport = errors.record(lambda: train(chosen, say, overwrite=overwrite))()
    return report


def _sentence(message: Any) -> str:
    """The first line of a fault, without the name of its type."""
    told = message["message"] if isinstance(message, dict) else message
    first = str(told).strip().partition("\n")[0]
    name, found, rest = first.partition(": ")
    return rest if found and name.isidentifier() else first
