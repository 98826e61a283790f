"""taskpaint train"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from . import options, report


def train(
    dataset: options.Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run and the model.", show_default=False)],
    base: Annotated[
        str, typer.Option(help="Model to begin with: folder or Hub id of a Stable Diffusion 1.x or 2.x.")
    ] = "",
    preset: Annotated[str, typer.Option(help="tiny: a small model made from nothing, in place of a base.")] = "",
    stage: Annotated[str, typer.Option(help="Settings of a stage: adaptation, tasks or alignment.")] = "",
    settings: Annotated[
        Path | None, typer.Option(help="Settings in YAML; win over preset and stage.", show_default=False)
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only this task; repeat.", show_default=False)] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(help="How often an epoch shows a task: depth=0.5; repeat.", metavar="TASK=N", show_default=False),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.", show_default=False)] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pairs a step and device.", show_default=False)] = None,
    rate: Annotated[float | None, typer.Option("--learning-rate", min=0, show_default=False)] = None,
    resolution: Annotated[
        int | None, typer.Option(min=16, help="Side of the square of the same area, pixels.", show_default=False)
    ] = None,
    lora: Annotated[int | None, typer.Option(min=0, help="Rank of adapters; 0 for none.", show_default=False)] = None,
    precision: Annotated[str | None, typer.Option(help="no, fp16 or bf16.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(min=0, show_default=False)] = None,
    tracker: Annotated[
        str | None, typer.Option(help="A logger that accelerate knows, as tensorboard.", show_default=False)
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="On this machine: one a GPU, or several that share the CPU.")
    ] = 1,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Any other setting, as ema=0.999; repeat.", metavar="NAME=VALUE", show_default=False
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Fine-tune an image editor on a dataset; the same command goes on with a run that was interrupted.

    The folder is a model that plain diffusers loads. For several machines: accelerate launch -m
    taskpaint.training.train SETTINGS.yaml

    [bold]Examples[/bold]

      taskpaint train out -o run --preset tiny

      taskpaint train out -o run --base stable-diffusion-v1-5/stable-diffusion-v1-5 --precision bf16

      taskpaint train out -o run --base first-stage --stage tasks --weight depth=0.5 --set ema=0.999

      taskpaint train out -o run --base sd15 --precision bf16 --processes 8
    """
    from ..training.settings import read_settings

    given: dict[str, Any] = {
        "base": base or None,
        "preset": preset or None,
        "tasks": task or None,
        "weights": {name: _value(text) for name, text in options.split_pairs(weight or [], "--weight").items()} or None,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": rate,
        "resolution": resolution,
        "lora": lora,
        "precision": precision,
        "seed": seed,
        "tracker": tracker,
    }
    more = {name: _value(text) for name, text in options.split_pairs(setting or [], "--set").items()}
    told = {name: value for name, value in given.items() if value is not None}
    chosen = read_settings({"dataset": dataset, "out": out, **told, **more}, stage, settings)
    found = run_train(chosen, overwrite, quiet or as_json, processes)
    if as_json:
        report.print_json(vars(found))
    elif not quiet:
        report.say(
            f"{found.steps:,} steps, loss {found.first_loss:.4f} to {found.last_loss:.4f}, "
            f"{found.images_per_second:.3g} pictures a second, {found.waiting:.0%} of the time waiting for data; "
            f"the model is {found.out}"
        )
        if found.skipped:
            report.say(f"{found.skipped:,} pictures did not open, others stood in: {Path(found.out) / 'skipped.txt'}")


def run_train(chosen: Any, overwrite: bool, quiet: bool, processes: int = 1) -> Any:
    """Train, told line by line."""
    from ..manifests.extras import load_extra

    load_extra("torch", "train")
    from ..training.together import train_together
    from ..training.train import train as run

    with report.stoppable("run the same command again to go on from the last checkpoint"):
        if processes > 1:
            return train_together(chosen, processes, quiet=quiet, overwrite=overwrite)
        return run(chosen, lambda line: report.say(line, quiet), overwrite=overwrite)


def _value(text: str) -> Any:
    """What YAML makes of it: a number, yes or no, a list, or the text itself."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise typer.BadParameter(f"{text!r} cannot be read: {fault}", param_hint="--set") from fault
