"""Checkpoints: one file each, whole or not there, read without running code that is in them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..manifests.errors import OutputError, ResumeError, TrainingError
from ..manifests.folder import replacing
from .catalogue import rows_digest
from .model import Editor, RunningMean
from .settings import Settings


def checkpoint_files(run: Path) -> list[Path]:
    """Checkpoints of a run, the oldest first."""
    return sorted((run / "checkpoints").glob("step-*.pt"))


def save_checkpoint(run: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write a checkpoint, then remove all but the last few.

    Raises:
        OutputError: it cannot be written; those before it are whole.
    """
    file = run / "checkpoints" / f"step-{step:08d}.pt"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file, alone=True) as part, part.open("wb") as opened:
            torch.save({**state, "step": step}, opened)
    except (OSError, RuntimeError) as fault:  # torch reports a full disk as a RuntimeError
        reason = "is the disk full? " if isinstance(fault, RuntimeError) else ""
        before = "the one before it is whole" if checkpoint_files(run) else "there is none before it"
        raise OutputError(
            f"checkpoint {file} cannot be written: {reason}{fault}; {before}, run the same command again"
        ) from fault
    for old in checkpoint_files(run)[:-keep]:
        old.unlink()
    return file


def load_checkpoint(file: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as fault:
        raise TrainingError(
            f"checkpoint {file} cannot be read: {fault}; delete it to go on from the one before"
        ) from fault
    return state


def begun_with(settings: Settings, processes: int) -> dict[str, Any]:
    """What decides which rows a step shows and is no setting; goes into every checkpoint."""
    return {"processes": processes, "rows_sha256": rows_digest(settings.dataset, settings.split)}


def check_begun(state: Mapping[str, Any], begun: Mapping[str, Any], run: Path) -> None:
    """Whether a run that goes on from a checkpoint shows the rows that it would have shown.

    Raises:
        ResumeError: it has other rows, or not as many processes as before.
    """
    if state["processes"] != begun["processes"]:
        raise ResumeError(
            f"the run was begun with {state['processes']} processes and now has {begun['processes']}; "
            "go on with as many"
        )
    if state["rows_sha256"] != begun["rows_sha256"]:
        raise ResumeError(
            f"the run in {run} was begun with other rows than its dataset has now; name the dataset of then, or train "
            "into another folder with this run's model as --base"
        )


def state_of(editor: Editor, mean: RunningMean | None, optimizer: Any, accelerator: Any) -> dict[str, Any]:
    """What a run needs to go on: weights, their mean, the optimizer and, for fp16, the scale of the loss."""
    return {
        "weights": {name: weight.detach() for name, weight in editor.learning().items()},
        "mean": {"steps": mean.steps, "weights": mean.weights} if mean else None,
        "optimizer": optimizer.state_dict(),
        "scaler": accelerator.scaler.state_dict() if accelerator.scaler else None,
    }


def restore(state: dict[str, Any], editor: Editor, mean: RunningMean | None, optimizer: Any, accelerator: Any) -> int:
    """Put a checkpoint back; its step."""
    with torch.no_grad():
        for name, weight in editor.learning().items():
            weight.copy_(state["weights"][name])
    if mean:
        mean.steps = state["mean"]["steps"]
        for name, average in mean.weights.items():
            average.copy_(state["mean"]["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    if accelerator.scaler:
        accelerator.scaler.load_state_dict(state["scaler"])
    return int(state["step"])
