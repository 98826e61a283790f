"""The folder of a run: whose it is, and that one run alone writes to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..manifests.errors import OutputError, UsageError
from ..manifests.folder import require_same, write_json
from ..manifests.locks import take
from .settings import FREE_TO_CHANGE, Settings

_LOCK = ".lock"


def check_run(settings: Settings, *, overwrite: bool = False) -> None:
    """Whether the folder is free, or holds the same run; changes nothing.

    Raises:
        UsageError: it holds something else.
        ResumeError: the folder was begun with other settings.
        OutputError: it cannot be read.
    """
    file = settings.out / "settings.json"
    try:
        if file.is_file() and not overwrite:
            now, before = json.loads(settings.model_dump_json()), json.loads(file.read_text("utf-8"))
            free = FREE_TO_CHANGE - ({"steps"} if settings.schedule == "cosine" else set())
            first, second = ({key: one[key] for key in one if key not in free} for one in (before, now))
            require_same(first, second, settings.out)
        elif not overwrite and settings.out.exists() and any(entry.name != _LOCK for entry in settings.out.iterdir()):
            raise UsageError(f"{settings.out} is not empty and no training run; choose another folder")
    except (OSError, ValueError) as fault:
        raise OutputError(f"{settings.out} cannot be used: {fault}; choose another folder") from fault


@contextmanager
def claimed(settings: Settings, *, overwrite: bool = False) -> Iterator[None]:
    """Hold the folder against other runs, after `check_run`; it is let go when this process ends, however it does.

    Raises:
        FolderBusyError: another run holds it.
        OutputError: it cannot be written.
    """
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        lock = (settings.out / _LOCK).open("a")
    except OSError as fault:
        raise OutputError(f"{settings.out} cannot be used: {fault}; choose another folder") from fault
    with lock:
        take(lock, f"another taskpaint train is writing to {settings.out}; wait for it or choose another folder")
        try:
            if overwrite:
                _clear(settings.out)
            write_json(settings.out / "settings.json", json.loads(settings.model_dump_json()))
        except OSError as fault:
            raise OutputError(f"{settings.out} cannot be used: {fault}; choose another folder") from fault
        yield


def _clear(run: Path) -> None:
    """Remove what training left there, and nothing else."""
    for folder in ("checkpoints", "samples"):
        shutil.rmtree(run / folder, ignore_errors=True)
    for name in ("settings.json", "losses.csv", "metrics.csv", "loss.png", "metrics.png", "skipped.txt"):
        (run / name).unlink(missing_ok=True)
