"""Fine-tune an image editor on a dataset: InstructPix2Pix conditioning on any Stable Diffusion 1.x or 2.x.

    taskpaint train out --preset tiny -o run
    taskpaint train out --preset tiny -o run --processes 8
    accelerate launch --num_processes 8 -m taskpaint.training.train run.yaml

Reads from top to bottom: data, model, one step's loss, the loop. Whatever is drawn by lot (order, noise, time steps,
dropout) is drawn from the seed and the number of the step, never from the state of a process: a run that was killed
goes on bit for bit, and no random state needs to be kept.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch.utils.data import DataLoader

from ..manifests.errors import TaskpaintError, TrainingError, UsageError
from ..manifests.extras import load_extra
from .batches import BatchOrder
from .catalogue import Catalogue
from .checkpoints import begun_with, check_begun, checkpoint_files, load_checkpoint, restore
from .curves import read_losses
from .logbook import Logbook, Say
from .model import Parts, RunningMean, load_parts, save_model, tokenize
from .pictures import Pictures
from .run_folder import check_run, claimed
from .settings import Settings, read_settings


@dataclass(frozen=True)
class TrainReport:
    """How a run went.

    Attributes:
        out: folder of the model.
        steps: done in all; first_step: where this run went on.
        first_loss, last_loss: means over the first and last tenth of the steps.
        images_per_second: of this run, all devices; without the time in which samples were drawn.
        waiting: share of that time spent waiting for data.
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
        FolderBusyError: another run is training into the folder.
        TrainingError: the loss is no number any more; names the rows.
        OutputError: a checkpoint or the model cannot be written.
    """
    accelerator = _accelerator(settings)
    tell: Say = say if accelerator.is_main_process else lambda _: None
    if accelerator.is_main_process:
        check_run(settings, overwrite=overwrite)

    # Data: what each step shows follows from the settings alone.
    catalogue = Catalogue.open(settings.dataset, settings.split)
    parts = load_parts(settings, _instructions(catalogue, settings))
    order = BatchOrder(catalogue, settings, parts.multiple)
    tell(f"{len(order):,} rows of {settings.dataset}, {len(order.buckets)} shapes about {settings.resolution} pixels")

    # Model: all weights stay float32, and are saved so; autocast computes in the precision of the run.
    parts.vae.to(accelerator.device)
    parts.editor.to(accelerator.device)
    learning = list(parts.editor.learning().values())
    where = f"{accelerator.num_processes} x {accelerator.device.type}"
    tell(f"{sum(weight.numel() for weight in learning):,} weights learn, on {where}")
    optimizer = torch.optim.AdamW(learning, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    mean = RunningMean(parts.editor, settings.ema) if settings.ema else None

    # The folder is claimed only now, when all that is asked for is there.
    with claimed(settings, overwrite=overwrite) if accelerator.is_main_process else nullcontext():
        accelerator.wait_for_everyone()

        # Resume: weights, mean, optimizer and, for fp16, the scale of the loss. Nothing else has a memory.
        first_step, begun = 0, begun_with(settings, accelerator.num_processes)
        if saved := checkpoint_files(settings.out):
            state = load_checkpoint(saved[-1])
            check_begun(state, begun, settings.out)
            first_step = restore(state, parts.editor, mean, optimizer, accelerator)
            tell(f"going on after step {first_step:,}")

        model, optimizer = accelerator.prepare(parts.editor, optimizer)
        batches = _batches(catalogue, order, parts, accelerator, settings, first_step * settings.accumulate)
        book = Logbook.open(settings, begun, parts, mean, accelerator, first_step, tell)
        skipped, waited, began = 0, 0.0, time.monotonic()

        # The loop.
        parts.editor.train()
        for step in range(first_step, settings.steps):
            rate = learning_rate(settings, step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss, norm = (torch.zeros((), device=accelerator.device) for _ in range(2))
            for part in range(settings.accumulate):
                asked = time.monotonic()
                batch = next(batches)
                waited += time.monotonic() - asked
                skipped += _note_skipped(batch["skipped"], settings.out)
                share = part * accelerator.num_processes + accelerator.process_index
                with accelerator.accumulate(model):
                    with accelerator.autocast():
                        one = editing_loss(
                            model,
                            parts,
                            batch,
                            settings.dropout,
                            settings.noise_offset,
                            step_generator(settings.seed, step, share),
                        )
                    if not torch.isfinite(one):
                        raise TrainingError(_no_number(step + 1, one.item(), batch["ids"]))
                    accelerator.backward(one)
                    if accelerator.sync_gradients:
                        norm = accelerator.clip_grad_norm_(learning, settings.max_gradient_norm)
                    optimizer.step()
                    optimizer.zero_grad()
                loss += one.detach() / settings.accumulate
            if mean:
                mean.update(parts.editor)
            book.note(step + 1, float(accelerator.reduce(loss, "mean")), rate, float(norm), optimizer)
            accelerator.wait_for_everyone()

        # The end: the running mean is the model.
        seconds = max(time.monotonic() - began - book.drawing_seconds, 1e-9)
        if accelerator.is_main_process:
            with mean.shown_by(parts.editor) if mean else nullcontext():
                save_model(parts, settings.out)
        skipped = int(accelerator.reduce(torch.tensor(skipped, device=accelerator.device), "sum"))
        accelerator.end_training()
        curve = [value for _, value in read_losses(settings.out / "losses.csv")]
        tenth = max(1, len(curve) // 10)
        return TrainReport(
            str(settings.out),
            settings.steps,
            first_step,
            float(np.mean(curve[:tenth])),
            float(np.mean(curve[-tenth:])),
            book.pictures_since(first_step, settings.steps) / seconds,
            waited / seconds,
            skipped,
            book.metrics,
        )


def editing_loss(
    model: Any, parts: Parts, batch: dict[str, Any], dropout: float, noise_offset: float, draw: torch.Generator
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
        noise_offset: deviation of a noise that all pixels of a channel share (Guttenberg 2023, "Diffusion with offset
            noise"). The mean over many pixels tells a flat target's colour through any noise of single pixels.
        draw: on the CPU, so that every device draws the same.
    """
    device = parts.vae.device
    with torch.no_grad():
        target = parts.vae.encode(batch["target"].to(device)).latent_dist.sample(draw)
        target = target.float() * parts.vae.config.scaling_factor
        source = parts.vae.encode(batch["source"].to(device)).latent_dist.mode().float()
    count = len(target)
    noise = torch.randn(target.shape, generator=draw).to(device)
    timesteps = torch.randint(parts.noise.config.num_train_timesteps, (count,), generator=draw).to(device)
    lot = torch.rand(count, generator=draw)
    if noise_offset:
        noise += noise_offset * torch.randn(*noise.shape[:2], 1, 1, generator=draw).to(device)
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
    """Randomness of its own: of the seed, the step, and the position of a batch in it, whichever process has it."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator().manual_seed(seed)


def _accelerator(settings: Settings) -> Any:
    """accelerate's view of this process and its device.

    Raises:
        UsageError: the tracker is unknown or not installed; accelerate would log nothing and say nothing.
    """
    accelerate = load_extra("accelerate", "train")
    if settings.tracker:
        there = sorted(str(one) for one in load_extra("accelerate.tracking", "train").get_available_trackers())
        if settings.tracker not in there:
            raise UsageError(
                f"tracker {settings.tracker!r} is not installed; there are: {', '.join(there) or 'none'}; "
                f"pip install {settings.tracker}, or leave it out: losses.csv and metrics.csv are written anyway"
            )
    accelerate.state.AcceleratorState._reset_state()  # or another run of this process would have to be as precise
    return accelerate.Accelerator(
        mixed_precision=settings.precision,
        gradient_accumulation_steps=settings.accumulate,
        log_with=settings.tracker or None,
        project_dir=str(settings.out),
        cpu=not torch.accelerator.is_available(),  # or processes that share a CPU would not know of each other
    )


def _batches(
    catalogue: Catalogue, order: BatchOrder, parts: Parts, accelerator: Any, settings: Settings, done: int
) -> Iterator[dict[str, Any]]:
    """This process's batches without end, as tensors; `done` of them are left out."""
    return iter(
        DataLoader(
            Pictures(catalogue, partial(tokenize, parts.tokenizer)),
            sampler=_Endless(order, accelerator.process_index, accelerator.num_processes, done),
            batch_size=None,
            num_workers=settings.workers,
            multiprocessing_context="spawn" if settings.workers else None,
            pin_memory=accelerator.device.type == "cuda",
        )
    )


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


def _no_number(step: int, loss: float, ids: list[str]) -> str:
    return (
        f"the loss of step {step} is {loss}, with the rows {', '.join(ids)}; the same command would come to the same: "
        "lower learning_rate, or leave out what is wrong with these rows, and begin anew, with --overwrite or elsewhere"
    )


def _note_skipped(skipped: list[str], out: Path) -> int:
    if skipped:
        with (out / "skipped.txt").open("a", encoding="utf-8") as opened:
            opened.writelines(f"{one}\n" for one in skipped)
    return len(skipped)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: accelerate launch -m taskpaint.training.train SETTINGS.yaml")
    try:
        train(read_settings({}, file=Path(sys.argv[1])), print)
    except TaskpaintError as fault:
        sys.exit(f"taskpaint: {fault}")
