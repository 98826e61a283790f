"""Fine-tune an image editor on a dataset: InstructPix2Pix conditioning on any Stable Diffusion 1.x or 2.x.

    taskpaint train out --preset tiny -o run
    accelerate launch -m taskpaint.training.train run.yaml

Reads from top to bottom: data, model, one step's loss, the loop. Whatever is drawn by lot (order, noise, time steps,
dropout) is drawn from the seed and the number of the step, never from the state of a process: a run that was killed
goes on bit for bit, and no random state needs to be kept.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch.utils.data import DataLoader

from ..manifests.errors import OutputError, TaskpaintError, TrainingError, UsageError
from ..manifests.extras import load_extra
from ..manifests.folder import require_same, write_json
from .batches import BatchOrder
from .catalogue import Catalogue
from .checkpoints import checkpoint_files, load_checkpoint, save_checkpoint
from .curves import LOSS_COLUMNS, METRIC_COLUMNS, Table, draw_curve, read_losses
from .model import Editor, Parts, RunningMean, load_parts, save_model, tokenize
from .pictures import Pictures
from .settings import FREE_TO_CHANGE, Settings, read_settings
from .validation import Validation

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainReport:
    """How a run went.

    Attributes:
        out: folder of the model.
        steps: done in all; first_step: where this run went on.
        first_loss, last_loss: means over the first and last tenth of the steps.
        images_per_second: of this run, all devices.
        waiting: share of the time spent waiting for data.
        skipped: pictures that did not open.
        metrics: of the last validation, task -> metric -> value.
    """

    out: str
    steps: int
    first_step: int
    first_loss: float
    last_loss: float
    images_per_second: float
    waiting: float
    skipped: int
    metrics: dict[str, dict[str, float]]


def train(settings: Settings, say: Say = lambda _: None, *, overwrite: bool = False) -> TrainReport:
    """Train, or go on with a run that was interrupted.

    Args:
        settings: of the run.
        say: told a line now and then, by the main process only.
        overwrite: start anew in a folder of another run.

    Raises:
        UsageError: wrong settings, or the folder was begun with others.
        TrainingError: the loss is no number any more; names the rows.
        OutputError: a checkpoint or the model cannot be written.
    """
    accelerate = load_extra("accelerate", "train")
    accelerator = accelerate.Accelerator(
        mixed_precision=settings.precision,
        gradient_accumulation_steps=settings.accumulate,
        log_with=settings.tracker or None,
        project_dir=str(settings.out),
    )
    main = accelerator.is_main_process
    tell: Say = say if main else lambda _: None
    if main:
        begin_run(settings, overwrite=overwrite)
    accelerator.wait_for_everyone()

    # Data: what each step shows follows from the settings alone.
    catalogue = Catalogue.open(settings.dataset, settings.split)
    parts = load_parts(settings, _instructions(catalogue, settings))
    order = BatchOrder(catalogue, settings, parts.multiple)
    tell(f"{len(order):,} rows of {settings.dataset}, {len(order.buckets)} shapes about {settings.resolution} pixels")

    # Model: what learns in float32, what is frozen in the precision of the run.
    frozen_dtype = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[settings.precision]
    parts.vae.to(accelerator.device)
    if frozen_dtype != torch.float32:
        parts.vae.to(frozen_dtype)
    parts.editor.to(accelerator.device)
    learning = list(parts.editor.learning().values())
    where = f"{accelerator.num_processes} x {accelerator.device.type}"
    tell(f"{sum(weight.numel() for weight in learning):,} weights learn, on {where}")
    optimizer = torch.optim.AdamW(learning, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    mean = RunningMean(parts.editor, settings.ema) if settings.ema else None

    # Resume: weights, mean, optimizer and, for fp16, the scale of the loss. Nothing else has a memory.
    first_step = 0
    if saved := checkpoint_files(settings.out):
        state = load_checkpoint(saved[-1])
        first_step = _restore(state, parts.editor, mean, optimizer, accelerator.scaler)
        tell(f"going on after step {first_step:,}")
    model, optimizer = accelerator.prepare(parts.editor, optimizer)
    if settings.tracker:
        accelerator.init_trackers("taskpaint", config=json.loads(settings.model_dump_json()))

    done = first_step * settings.accumulate
    loader = iter(
        DataLoader(
            Pictures(catalogue, partial(tokenize, parts.tokenizer)),
            sampler=_Endless(order, accelerator.process_index, accelerator.num_processes, done),
            batch_size=None,
            num_workers=settings.workers,
            multiprocessing_context="spawn" if settings.workers else None,
            pin_memory=accelerator.device.type == "cuda",
        )
    )
    validation = Validation.of(settings, parts) if main and settings.validate_every else None
    losses = Table(settings.out / "losses.csv", LOSS_COLUMNS, first_step) if main else None
    metrics = Table(settings.out / "metrics.csv", METRIC_COLUMNS, first_step) if main else None
    last_metrics: dict[str, dict[str, float]] = {}
    skipped, waited, began = 0, 0.0, time.monotonic()

    # The loop.
    parts.editor.train()
    for step in range(first_step, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, step)
        total = torch.zeros((), device=accelerator.device)
        norm = torch.zeros((), device=accelerator.device)
        for part in range(settings.accumulate):
            asked = time.monotonic()
            batch = next(loader)
            waited += time.monotonic() - asked
            skipped += _note_skipped(batch["skipped"], settings.out)
            draw = step_generator(settings.seed, step, part, accelerator.process_index)
            with accelerator.accumulate(model):
                with accelerator.autocast():
                    loss = editing_loss(model, parts, batch, settings.dropout, draw)
                if not torch.isfinite(loss):
                    raise TrainingError(
                        f"the loss of step {step + 1} is {loss.item()}, with the rows {', '.join(batch['ids'])}; lower "
                        "learning_rate, or leave out what is wrong with these rows, and run again to go on from the "
                        "last checkpoint"
                    )
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(learning, settings.max_gradient_norm)
                optimizer.step()
                optimizer.zero_grad()
            total += loss.detach() / settings.accumulate
        if mean:
            mean.update(parts.editor)

        # What the step leaves behind.
        value = float(accelerator.reduce(total, "mean"))
        now = step + 1
        if losses:
            losses.add(now, repr(value), repr(learning_rate(settings, step)), repr(float(norm)))
        if settings.tracker:
            accelerator.log({"loss": value, "learning_rate": learning_rate(settings, step)}, step=now)
        if now % settings.log_every == 0:
            speed = settings.batch_size * settings.accumulate * accelerator.num_processes * (now - first_step)
            speed /= time.monotonic() - began
            tell(f"step {now:,} of {settings.steps:,}: loss {value:.4f}, {speed:.3g} pictures a second")
        if validation and metrics and (now % settings.validate_every == 0 or now == settings.steps):
            last_metrics = _validate(validation, parts, mean, now, metrics)
            accelerator.log(_flat(last_metrics), step=now)
            tell(f"step {now:,}: " + ", ".join(f"{name} {value:.3g}" for name, value in _flat(last_metrics).items()))
        if main and (now % settings.checkpoint_every == 0 or now == settings.steps):
            state = _state(parts.editor, mean, optimizer, accelerator.scaler)
            save_checkpoint(settings.out, now, state, settings.keep_checkpoints)
            draw_curve(read_losses(settings.out / "losses.csv"), "loss").save(settings.out / "loss.png")
        accelerator.wait_for_everyone()

    # The end: the running mean is the model.
    seconds = max(time.monotonic() - began, 1e-9)
    if main:
        if mean:
            with mean.shown_by(parts.editor):
                save_model(parts, settings.out)
        else:
            save_model(parts, settings.out)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    shown = settings.batch_size * settings.accumulate * accelerator.num_processes * (settings.steps - first_step)
    curve = [value for _, value in read_losses(settings.out / "losses.csv")]
    tenth = max(1, len(curve) // 10)
    return TrainReport(
        str(settings.out),
        settings.steps,
        first_step,
        float(np.mean(curve[:tenth])),
        float(np.mean(curve[-tenth:])),
        shown / seconds,
        waited / seconds,
        skipped,
        last_metrics,
    )


def editing_loss(
    model: Any, parts: Parts, batch: dict[str, Any], dropout: float, draw: torch.Generator
) -> torch.Tensor:
    """Mean squared error of the denoiser on one batch.

    The target's latents are scaled and get noise; the source's are the mode, unscaled (InstructPix2Pix, its code). One
    uniform draw a pair drops the text, both, or the picture, `dropout` each; pairs whose target is drawn from nothing
    never show a picture.

    Args:
        model: `Editor`, as accelerate prepared it.
        parts: the frozen parts.
        batch: of `Pictures`.
        dropout: share of pairs, at most 1/3.
        draw: on the CPU, so that every device draws the same.
    """
    device, dtype = parts.vae.device, parts.vae.dtype
    with torch.no_grad():
        target = parts.vae.encode(batch["target"].to(device, dtype)).latent_dist.sample(draw)
        target = target.float() * parts.vae.config.scaling_factor
        source = parts.vae.encode(batch["source"].to(device, dtype)).latent_dist.mode().float()
    count = len(target)
    noise = torch.randn(target.shape, generator=draw).to(device)
    timesteps = torch.randint(parts.noise.config.num_train_timesteps, (count,), generator=draw).to(device)
    lot = torch.rand(count, generator=draw)
    no_text = lot < 2 * dropout
    no_picture = ((lot >= dropout) & (lot < 3 * dropout)) | batch["drawn_from_nothing"]
    tokens = torch.where(no_text[:, None], parts.tokens([""]), batch["tokens"]).to(device)
    source = source * (~no_picture).to(device)[:, None, None, None]
    noisy = parts.noise.add_noise(target, noise, timesteps)
    wanted = {"epsilon": noise, "sample": target}.get(parts.noise.config.prediction_type)
    if wanted is None:
        wanted = parts.noise.get_velocity(target, noise, timesteps)
    return F.mse_loss(model(noisy, source, timesteps, tokens).float(), wanted)


def learning_rate(settings: Settings, step: int) -> float:
    """Of a step, counted from 0: a linear rise, then constant or half a cosine down to 0."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.schedule == "constant":
        return settings.learning_rate
    share = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def step_generator(*numbers: int) -> torch.Generator:
    """Randomness of its own for a step: of seed, step, part of the step and process."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator().manual_seed(seed)


def begin_run(settings: Settings, *, overwrite: bool = False) -> None:
    """Claim the folder, or agree that it is the same run as before.

    Raises:
        UsageError: it holds something else.
        ResumeError: the folder was begun with other settings.
        OutputError: it cannot be written.
    """
    now = json.loads(settings.model_dump_json())
    file = settings.out / "settings.json"
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        if overwrite and file.is_file():
            _clear(settings.out)
        if file.is_file():
            before = json.loads(file.read_text("utf-8"))
            free = FREE_TO_CHANGE - ({"steps"} if settings.schedule == "cosine" else set())
            first, second = ({key: one[key] for key in one if key not in free} for one in (before, now))
            require_same(first, second, settings.out)
        elif not overwrite and any(settings.out.iterdir()):
            raise UsageError(f"{settings.out} is not empty and no training run; choose another folder")
        write_json(file, now)
    except (OSError, ValueError) as fault:
        raise OutputError(f"{settings.out} cannot be used: {fault}; choose another folder") from fault


def _clear(run: Path) -> None:
    """Remove what training left there, and nothing else."""
    for folder in ("checkpoints", "samples"):
        shutil.rmtree(run / folder, ignore_errors=True)
    for name in ("settings.json", "losses.csv", "metrics.csv", "loss.png", "skipped.txt"):
        (run / name).unlink(missing_ok=True)


class _Endless:
    """A sampler of `Batch`es that begins where a run stopped."""

    def __init__(self, order: BatchOrder, rank: int, world: int, done: int) -> None:
        self._order, self._where = order, (rank, world, done)

    def __iter__(self) -> Iterator[Any]:
        return self._order.batches(*self._where)


def _instructions(catalogue: Catalogue, settings: Settings) -> Iterator[str]:
    """The preset's words; a base has its own."""
    if settings.preset:
        for group in range(len(catalogue.groups)):
            yield from (row["edit_prompt"] for row in catalogue.read_group(group))


def _state(editor: Editor, mean: RunningMean | None, optimizer: Any, scaler: Any) -> dict[str, Any]:
    return {
        "weights": {name: weight.detach() for name, weight in editor.learning().items()},
        "mean": {"steps": mean.steps, "weights": mean.weights} if mean else None,
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict() if scaler else None,
    }


def _restore(state: dict[str, Any], editor: Editor, mean: RunningMean | None, optimizer: Any, scaler: Any) -> int:
    with torch.no_grad():
        for name, weight in editor.learning().items():
            weight.copy_(state["weights"][name])
    if mean:
        mean.steps = state["mean"]["steps"]
        for name, average in mean.weights.items():
            average.copy_(state["mean"]["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    if scaler:
        scaler.load_state_dict(state["scaler"])
    return int(state["step"])


def _note_skipped(skipped: list[str], out: Path) -> int:
    if skipped:
        with (out / "skipped.txt").open("a", encoding="utf-8") as opened:
            opened.writelines(f"{one}\n" for one in skipped)
    return len(skipped)


def _validate(
    validation: Validation, parts: Parts, mean: RunningMean | None, step: int, table: Table
) -> dict[str, dict[str, float]]:
    parts.editor.eval()
    if mean:
        with mean.shown_by(parts.editor):
            found = validation.run(step)
    else:
        found = validation.run(step)
    parts.editor.train()
    for task, figures in found.items():
        for metric, value in figures.items():
            table.add(step, task, metric, repr(value))
    return found


def _flat(metrics: dict[str, dict[str, float]]) -> dict[str, float]:
    return {f"{task} {metric}": value for task, figures in metrics.items() for metric, value in figures.items()}


if __name__ == "__main__":
    try:
        train(read_settings({}, file=Path(sys.argv[1])), print)
    except TaskpaintError as fault:
        sys.exit(f"taskpaint: {fault}")
