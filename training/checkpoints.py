"""Checkpoints: one file each, whole or not there, read without running code that is in them."""

from __future__ import annotations

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from ..manifests.errors import OutputError, TrainingError


def checkpoint_files(run: Path) -> list[Path]:
    """Checkpoints of a run, the oldest first."""
    return sorted((run / "checkpoints").glob("step-*.pt"))


def save_checkpoint(run: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write a checkpoint, then remove all but the last few.

    Raises:
        OutputError: it cannot be written; those before it are whole.
    """
    file = run / "checkpoints" / f"step-{step:08d}.pt"
    part = file.with_suffix(".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as opened:
            torch.save({**state, "step": step}, opened)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
    except (OSError, RuntimeError) as fault:  # torch reports a full disk as a RuntimeError
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(
            f"checkpoint {file} cannot be written: {fault}; the one before it is whole, run the same command again"
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
