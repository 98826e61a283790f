"""What a training run is told: defaults, a preset, a stage, a file of one's own, options; the later wins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from ..manifests.errors import UsageError
from ..manifests.recipe import Block
from ..manifests.recipe_file import explain

_HERE = Path(__file__).parent

FREE_TO_CHANGE: Final = frozenset(
    [
        "dataset",
        "out",
        "steps",
        "workers",
        "tracker",
        "log_every",
        "checkpoint_every",
        "keep_checkpoints",
        "validate_every",
        "validation_rows",
        "validation_split",
        "sampling_steps",
        "guidance",
        "image_guidance",
    ]
)
"""Settings that a resumed run may change: none of them changes the model after a given step."""


INHERITED: Final = frozenset(["resolution", "aspect", "sampling_steps", "guidance", "image_guidance"])
"""Settings that go with a model: without others, a stage takes those of the run that made its base."""


class Settings(Block):
    """Everything that decides a run; `settings.json` in the run's folder holds it with every default filled in."""

    dataset: Path = Field(description="folder that taskpaint built")
    out: Path = Field(description="folder of the run and, in the end, of the model")
    base: str = Field("", description="model to begin with: folder or Hub id of a Stable Diffusion 1.x or 2.x")
    preset: Literal["", "tiny"] = Field("", description="tiny: a small model made from nothing, in place of a base")

    split: str = Field("train", description="rows to learn from")
    validation_split: str = Field("validation", description="rows that are drawn while training; may be absent")
    tasks: tuple[str, ...] | None = Field(None, description="only these; empty: all")
    weights: dict[str, float] = Field(
        default_factory=dict, description="how often an epoch shows a task's rows: 0.1 a tenth of them, 2 each twice"
    )
    resolution: int = Field(512, ge=16, le=4096, description="side of the square whose area all pictures get, pixels")
    aspect: Literal["buckets", "square"] = Field(
        "buckets", description="buckets: the nearest of some shapes; square: all pictures squashed to one shape"
    )

    steps: int = Field(10_000, ge=1, description="optimizer steps")
    batch_size: int = Field(16, ge=1, description="pairs a step, on each device, before accumulation")
    accumulate: int = Field(1, ge=1, description="batches whose gradients are added up in a step")
    learning_rate: float = Field(1e-4, gt=0, description="after the warm-up")
    schedule: Literal["constant", "cosine"] = Field("constant", description="of the learning rate, after the warm-up")
    warmup_steps: int = Field(500, ge=0, description="steps in which the learning rate rises from 0")
    weight_decay: float = Field(0.01, ge=0, description="of AdamW")
    max_gradient_norm: float = Field(1.0, gt=0, description="gradients are shortened to this")
    dropout: float = Field(
        0.05, ge=0, le=1 / 3, description="share of pairs without text, as many without picture, as many without both"
    )
    noise_offset: float = Field(
        0.0, ge=0, le=1, description="of a second noise, one number a picture and channel; 0 for none"
    )
    ema: float = Field(0.9999, ge=0, lt=1, description="decay of the weights' running mean, which is saved; 0 for none")
    lora: int = Field(0, ge=0, le=1024, description="rank of low-rank adapters; 0 trains all weights")
    train_text_encoder: bool = Field(False, description="train it too")
    precision: Literal["no", "fp16", "bf16"] = Field("no", description="mixed precision of accelerate")
    gradient_checkpointing: bool = Field(False, description="less memory, more time")
    seed: int = Field(0, ge=0, description="of order, noise, time steps and dropout")
    workers: int = Field(4, ge=0, description="processes that read and decode, on each device; 0 for none")

    log_every: int = Field(10, ge=1, description="steps between lines")
    checkpoint_every: int = Field(1000, ge=1, description="steps")
    keep_checkpoints: int = Field(2, ge=1, description="the last so many")
    validate_every: int = Field(1000, ge=0, description="steps; 0 for never")
    validation_rows: int = Field(8, ge=1, description="rows drawn and scored each time")
    sampling_steps: int = Field(20, ge=1, le=1000, description="denoising steps of these drawings")
    guidance: float = Field(7.0, ge=1, description="how much they listen to the instruction; 1 for no guidance")
    image_guidance: float = Field(1.5, ge=1, description="how much they listen to the source picture")
    tracker: str = Field("", description="a logger that accelerate knows: tensorboard, wandb …; empty for none")

    @model_validator(mode="after")
    def _one_beginning(self) -> Settings:
        if bool(self.base) == bool(self.preset):
            raise ValueError("give either base, a model to begin with, or preset: tiny")
        if self.lora and self.preset:
            raise ValueError("lora adapts a trained model; a preset has random weights, leave out lora")
        if self.lora and self.train_text_encoder:
            raise ValueError("lora adapts the denoiser alone; leave out train_text_encoder")
        for task, weight in self.weights.items():
            if not 0 < weight <= 1000:
                raise ValueError(f"weight {weight:g} of task {task} must be above 0 and at most 1000")
        return self


def shipped(kind: Literal["presets", "stages"]) -> dict[str, Path]:
    """Settings files that come with taskpaint, by name."""
    return {file.stem: file for file in sorted((_HERE / kind).glob("*.yaml"))}


def read_settings(options: Mapping[str, Any], stage: str = "", file: Path | None = None) -> Settings:
    """Put settings together: what the base's run had and hands on, preset, stage, file, options; the later wins.

    Args:
        options: what the command line says; wins over all files.
        stage: name of a shipped stage.
        file: settings in YAML; wins over stage and preset.

    Raises:
        UsageError: an unknown stage, a file that cannot be read, or a value that does not hold.
    """
    own = _read_yaml(file) if file else {}
    layers = [own, options]
    if stage:
        if stage not in (known := shipped("stages")):
            raise UsageError(f"no stage is called {stage!r}; there are: {', '.join(known)}")
        layers.insert(0, _read_yaml(known[stage]))
    preset = next((layer["preset"] for layer in reversed(layers) if layer.get("preset")), "")
    if preset in (known := shipped("presets")) and not options.get("base"):
        layers.insert(0, _read_yaml(known[preset]))
    base = next((layer["base"] for layer in reversed(layers) if layer.get("base")), "")
    layers.insert(0, _inherited(Path(str(base))) if base else {})
    merged = {key: value for layer in layers for key, value in layer.items()}
    try:
        return Settings.model_validate(merged)
    except ValidationError as fault:
        origin = f"settings {file}" if file else "settings"
        raise UsageError("\n".join(explain(fault, Settings, origin, {}))) from fault


def _inherited(base: Path) -> dict[str, Any]:
    """What a base that taskpaint trained hands on; nothing when it comes from elsewhere."""
    try:
        found = json.loads((base / "settings.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: found[key] for key in sorted(INHERITED) if key in found} if isinstance(found, dict) else {}


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"settings {file}{line}: not valid YAML: {getattr(fault, 'problem', fault)}") from fault
    except (OSError, ValueError) as fault:
        raise UsageError(f"settings {file} cannot be read: {fault}") from fault
    if not isinstance(value, dict):
        raise UsageError(f"settings {file} must be a mapping of names to values")
    return value
