"""What the steps of a run leave behind: lines, curves, drawings and checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from .checkpoints import save_checkpoint, state_of
from .curves import LOSS_COLUMNS, METRIC_COLUMNS, Table, draw_curve, draw_metrics, read_losses, read_metrics
from .model import Parts, RunningMean
from .settings import Settings
from .validation import Validation

Say = Callable[[str], None]


@dataclass
class Logbook:
    """Takes down every step. Only the main process writes.

    Attributes:
        settings: of the run.
        begun: what a checkpoint begins with, see `begun_with`.
        parts: the model.
        mean: of its weights.
        accelerator: accelerate's view of this process.
        first_step: that this process began after.
        tell: told a line now and then.
        began: when, `time.monotonic`.
        losses, scores: tables in the folder; the main process's.
        validation: draws samples.
        metrics: of the last validation, task -> metric -> value.
        drawing_seconds: that samples took.
    """

    settings: Settings
    begun: dict[str, Any]
    parts: Parts
    mean: RunningMean | None
    accelerator: Any
    first_step: int
    tell: Say
    began: float
    losses: Table | None = None
    scores: Table | None = None
    validation: Validation | None = None
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    drawing_seconds: float = 0.0

    @classmethod
    def open(
        cls,
        settings: Settings,
        begun: dict[str, Any],
        parts: Parts,
        mean: RunningMean | None,
        accelerator: Any,
        first_step: int,
        tell: Say,
    ) -> Logbook:
        """Go on with the tables after the checkpoint's step."""
        book = cls(settings, begun, parts, mean, accelerator, first_step, tell, time.monotonic())
        if settings.tracker:
            told = json.loads(settings.model_dump_json())
            accelerator.init_trackers("taskpaint", config={name: _plain(value) for name, value in told.items()})
        if accelerator.is_main_process:
            book.losses = Table(settings.out / "losses.csv", LOSS_COLUMNS, first_step)
            book.scores = Table(settings.out / "metrics.csv", METRIC_COLUMNS, first_step)
            if settings.validate_every:
                book.validation = Validation.of(settings, parts, tell)
        return book

    def note(self, step: int, loss: float, rate: float, norm: float, optimizer: Any) -> None:
        """After a step, counted from 1: its loss, learning rate and norm of the gradients."""
        settings, last = self.settings, step == self.settings.steps
        self.accelerator.log({"loss": loss, "learning_rate": rate, "gradient_norm": norm}, step=step)
        if not self.losses:
            return
        self.losses.add(step, repr(loss), repr(rate), repr(norm))
        if step % settings.log_every == 0:
            seconds = time.monotonic() - self.began - self.drawing_seconds
            speed = self.pictures_since(self.first_step, step) / seconds
            self.tell(f"step {step:,} of {settings.steps:,}: loss {loss:.4f}, {speed:.3g} pictures a second")
        if self.validation and (step % settings.validate_every == 0 or last):
            began = time.monotonic()
            self._validate(self.validation, step)
            self.drawing_seconds += time.monotonic() - began
        if step % settings.checkpoint_every == 0 or last:
            state = self.begun | state_of(self.parts.editor, self.mean, optimizer, self.accelerator)
            save_checkpoint(settings.out, step, state, settings.keep_checkpoints)
            draw_curve(read_losses(settings.out / "losses.csv"), "loss").save(settings.out / "loss.png")

    def pictures_since(self, first_step: int, step: int) -> int:
        """How many all processes have shown from one step to another."""
        a_step = self.settings.batch_size * self.settings.accumulate * self.accelerator.num_processes
        return a_step * (step - first_step)

    def _validate(self, validation: Validation, step: int) -> None:
        self.parts.editor.eval()
        mean = self.mean.shown_by(self.parts.editor) if self.mean else nullcontext()
        with mean, self.accelerator.autocast():
            self.metrics = validation.run(step)
        self.parts.editor.train()
        flat = [(task, name, value) for task, figures in self.metrics.items() for name, value in figures.items()]
        for task, name, value in flat:
            assert self.scores is not None
            self.scores.add(step, task, name, repr(value))
        if flat:
            draw_metrics(read_metrics(self.settings.out / "metrics.csv")).save(self.settings.out / "metrics.png")
        self.accelerator.log({f"{task}/{name}": value for task, name, value in flat}, step=step)
        told = ", ".join(f"{task} {name} {value:.3g}" for task, name, value in flat)
        self.tell(f"step {step:,}: {told or 'samples drawn'}")


def _plain(value: Any) -> Any:
    """What every tracker takes: a number, a text, yes or no, or nothing."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value
