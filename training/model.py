"""The model that is trained: a text-to-image model widened to see a source picture, and its running mean."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from ..manifests.errors import OutputError, UsageError
from ..manifests.extras import load_extra
from .settings import Settings
from .tiny import tiny_parts

_MODELS: Final = "give a folder in diffusers' form, such as that of a finished taskpaint train, or a Hub id OWNER/NAME"
_LORA_TARGETS: Final = ("to_q", "to_k", "to_v", "to_out.0")


class Editor(nn.Module):
    """Everything that may learn, in one module, as distributed training wants it."""

    def __init__(self, unet: Any, text_encoder: Any, *, train_text_encoder: bool) -> None:
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder
        self._train_text_encoder = train_text_encoder

    def forward(
        self, noisy: torch.Tensor, source: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """What the scheduler asks for: noise, or velocity.

        Args:
            noisy: (N, C, h, w) target latents with noise.
            source: (N, C, h, w) source latents, unscaled.
            timesteps: (N,) int64.
            tokens: (N, L) int64.
        """
        with torch.set_grad_enabled(self._train_text_encoder and torch.is_grad_enabled()):
            words = self.text_encoder(tokens)[0]
        prediction: torch.Tensor = self.unet(torch.cat([noisy, source], dim=1), timesteps, words).sample
        return prediction

    def learning(self) -> dict[str, nn.Parameter]:
        """Parameters that learn, by name."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}


@dataclass
class Parts:
    """A model taken apart. editor: learns; vae: frozen; noise: the scheduler that adds noise in training."""

    editor: Editor
    vae: Any
    tokenizer: Any
    scheduler: Any
    noise: Any

    @property
    def multiple(self) -> int:
        """Sides of pictures must be multiples of this, pixels."""
        down = 2 ** (len(self.editor.unet.config.block_out_channels) - 1)
        return int(2 ** (len(self.vae.config.block_out_channels) - 1) * down)

    def tokens(self, texts: list[str]) -> torch.Tensor:
        """(N, L) int64; longer texts are cut, as everywhere in Stable Diffusion."""
        return tokenize(self.tokenizer, texts)

    def pipeline(self) -> Any:
        """The parts as plain diffusers runs them."""
        diffusers = load_extra("diffusers", "train")
        return diffusers.StableDiffusionInstructPix2PixPipeline(
            vae=self.vae,
            text_encoder=self.editor.text_encoder,
            tokenizer=self.tokenizer,
            unet=self.editor.unet,
            scheduler=self.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )


def tokenize(tokenizer: Any, texts: list[str]) -> torch.Tensor:
    """(N, L) int64."""
    found = tokenizer(
        texts, max_length=tokenizer.model_max_length, padding="max_length", truncation=True, return_tensors="pt"
    )
    tokens: torch.Tensor = found.input_ids
    return tokens


def quiet_libraries() -> None:
    """No progress bars of diffusers and transformers: taskpaint draws its own, on a terminal only."""
    for name in ("diffusers", "transformers"):
        load_extra(f"{name}.utils.logging", "train").disable_progress_bar()


def load_parts(settings: Settings, instructions: Iterable[str]) -> Parts:
    """The model to begin with.

    Args:
        settings: name a base or a preset.
        instructions: of the dataset; the preset learns its words from them.

    Raises:
        UsageError: the base is no Stable Diffusion 1.x or 2.x, or cannot be loaded.
    """
    diffusers = load_extra("diffusers", "train")
    quiet_libraries()
    parts = tiny_parts(instructions, settings.seed) if settings.preset else _parts_of(settings.base)
    unet, text_encoder, vae = parts["unet"], parts["text_encoder"], parts["vae"]
    widen(unet, 2 * vae.config.latent_channels)
    for frozen in (vae, text_encoder, unet):
        frozen.requires_grad_(False)
    text_encoder.requires_grad_(settings.train_text_encoder)
    if settings.lora:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            _add_lora(unet, settings.lora)
    else:
        unet.requires_grad_(True)
    if settings.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    editor = Editor(unet, text_encoder, train_text_encoder=settings.train_text_encoder)
    noise = diffusers.DDPMScheduler.from_config(parts["scheduler"].config)
    return Parts(editor, vae, parts["tokenizer"], parts["scheduler"], noise)


def _parts_of(base: str) -> dict[str, Any]:
    diffusers = load_extra("diffusers", "train")
    check_model(base, "base")
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(base, safety_checker=None, requires_safety_checker=False)
    except (OSError, ValueError, TypeError, RuntimeError) as fault:
        raise UsageError(f"base {base!r} cannot be loaded: {first_sentence(fault)}; {_MODELS}") from fault
    parts = {name: getattr(pipeline, name, None) for name in ("unet", "text_encoder", "vae", "tokenizer", "scheduler")}
    if missing := [name for name, part in parts.items() if part is None]:
        raise UsageError(f"base {base!r} has no {missing[0]}; it must be a Stable Diffusion 1.x or 2.x")
    if getattr(pipeline, "text_encoder_2", None) is not None:
        raise UsageError(f"base {base!r} has two text encoders; it must be a Stable Diffusion 1.x or 2.x")
    return parts


def check_model(name: str, what: str) -> None:
    """Whether a model's folder is one, told in plainer words than by whoever loads it.

    Args:
        name: a folder, or a Hub id, which is not looked for.
        what: it is to be: "base", "model".

    Raises:
        UsageError: neither a folder nor OWNER/NAME, or a folder without a model.
    """
    folder = Path(name)
    if (folder / "model_index.json").is_file() or (not folder.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", name)):
        return
    if not folder.exists():
        reason = f"there is no such folder; {_MODELS}"
    elif (folder / "settings.json").is_file():
        reason = "its training has not come to an end; give the command of taskpaint train again to go on"
    else:
        reason = f"it holds no model_index.json; {_MODELS}"
    raise UsageError(f"{what} {name!r} cannot be loaded: {reason}")


def first_sentence(fault: BaseException) -> str:
    """Of what a library says; its advice is about its own options."""
    return str(fault).strip().partition("\n")[0].partition(" Please ")[0].rstrip(" .")


def widen(unet: Any, channels: int) -> None:
    """Let the first convolution see more channels; the new ones begin with weight zero (InstructPix2Pix, section 3.2).

    Raises:
        UsageError: it sees another number already.
    """
    old = unet.conv_in
    if old.in_channels == channels:
        return
    if 2 * old.in_channels != channels:
        raise UsageError(f"the base's denoiser takes {old.in_channels} channels; {channels // 2} or {channels} will do")
    new = nn.Conv2d(channels, old.out_channels, old.kernel_size, old.stride, old.padding)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.in_channels] = old.weight
        assert new.bias is not None
        new.bias.copy_(old.bias)
    unet.conv_in = new.to(old.weight.device, old.weight.dtype)
    unet.register_to_config(in_channels=channels)


def _add_lora(unet: Any, rank: int) -> None:
    """Low-rank adapters on the attention; the first convolution learns too, or its new channels would stay zero."""
    peft = load_extra("peft", "train")
    unet.add_adapter(
        peft.LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=_LORA_TARGETS)
    )
    unet.conv_in.requires_grad_(True)


class RunningMean:
    """Exponential moving average of the learning weights, float32."""

    def __init__(self, editor: Editor, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.weights = {name: weight.detach().float().clone() for name, weight in editor.learning().items()}

    @torch.no_grad()
    def update(self, editor: Editor) -> None:
        """Take in a step; the first steps weigh more, as the mean has seen little."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        for name, weight in editor.learning().items():
            self.weights[name].lerp_(weight.detach().float(), 1 - decay)

    @contextmanager
    def shown_by(self, editor: Editor) -> Iterator[None]:
        """The editor draws with the mean for as long."""
        own = {name: weight.detach().clone() for name, weight in editor.learning().items()}
        _put(editor, self.weights)
        try:
            yield
        finally:
            _put(editor, own)


@torch.no_grad()
def _put(editor: Editor, weights: dict[str, torch.Tensor]) -> None:
    for name, weight in editor.learning().items():
        weight.copy_(weights[name])


def save_model(parts: Parts, folder: Path) -> None:
    """Write the model in diffusers' form, adapters merged; a model that lies there stays whole until this one is.

    Raises:
        OutputError: it cannot be written.
    """
    unet = parts.editor.unet
    if getattr(unet, "peft_config", None):
        unet.fuse_lora()
        unet.unload_lora()
    part = folder / ".model.part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        parts.pipeline().save_pretrained(part)
        for entry in sorted(part.iterdir(), key=lambda one: one.name == "model_index.json"):  # the index last
            there = folder / entry.name
            if there.is_dir():
                shutil.rmtree(there)
            entry.replace(there)
        part.rmdir()
    except OSError as fault:
        shutil.rmtree(part, ignore_errors=True)
        raise OutputError(f"the model cannot be written to {folder}: {fault}; the last checkpoint is whole") from fault
