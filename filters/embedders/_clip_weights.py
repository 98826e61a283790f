"""Where CLIP's weights come from: a local file, the Hub's cache, the Hub, or a seed."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...manifests.errors import UsageError
from ...manifests.extras import load_extra

_RANDOM: Final = re.compile(r"random:(\d{1,9})")
_HUB_FILES: Final = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


@dataclass(frozen=True)
class Weights:
    """Weights that were found, not yet loaded.

    Attributes:
        file: None for random ones.
        sha256: of the file; empty for random ones.
        seed: of random ones.
    """

    file: Path | None = None
    sha256: str = ""
    seed: int | None = None


@dataclass(frozen=True)
class ModelName:
    """MODEL/PRETRAINED of open_clip, and what open_clip says of both.

    Attributes:
        config: of the architecture.
        pretrained_config: of the weights; empty for random weights and local files.
    """

    model: str
    pretrained: str
    config: dict[str, Any]
    pretrained_config: dict[str, Any]

    @classmethod
    def parse(cls, name: str) -> ModelName:
        """Read a name.

        Raises:
            UsageError: open_clip knows no such model or weights, or the two do not fit together.
        """
        open_clip = load_extra("open_clip", "score")
        model, _, pretrained = name.rpartition("/")
        config = open_clip.get_model_config(model) if model else None
        if config is None:
            raise UsageError(
                f"embedder {name!r} is neither 'nss' nor MODEL/PRETRAINED of open_clip, as ViT-L-14-quickgelu/openai; "
                "python -c 'import open_clip; print(open_clip.list_pretrained())' lists them"
            )
        if _RANDOM.fullmatch(pretrained) or pretrained == "local":
            return cls(model, pretrained, config, {})
        found = open_clip.get_pretrained_cfg(model, pretrained)
        if not found:
            tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
            raise UsageError(
                f"open_clip has no weights {pretrained!r} for {model} (it has {tags}); random:SEED makes random ones, "
                "and local stands for a --checkpoint file of your own"
            )
        _check_activation(open_clip, model, pretrained, config, found)
        return cls(model, pretrained, config, dict(found))

    @property
    def name(self) -> str:
        """MODEL/PRETRAINED"""
        return f"{self.model}/{self.pretrained}"

    @property
    def is_random(self) -> bool:
        """Whether the weights are made from a seed."""
        return self.pretrained.startswith("random:")


def _check_activation(open_clip: Any, model: str, pretrained: str, config: Any, found: Any) -> None:
    """open_clip builds the wrong activation and only warns; the vectors would be off without a sign."""
    wants, builds = bool(found.get("quick_gelu")), bool(config.get("quick_gelu"))
    if wants == builds:
        return
    twin = f"{model}-quickgelu" if wants else model.removesuffix("-quickgelu")
    advice = f"use {twin}/{pretrained}" if open_clip.get_pretrained_cfg(twin, pretrained) else "use other weights"
    raise UsageError(
        f"{model}/{pretrained} was trained with {'QuickGELU' if wants else 'GELU'}, but {model} computes "
        f"{'QuickGELU' if builds else 'GELU'}; {advice}"
    )


def find_weights(name: ModelName, checkpoint: Path | None, download: bool) -> Weights:
    """Locate and hash the weights.

    Raises:
        UsageError: they are not on this machine and cannot be fetched; says which file to put where.
    """
    if name.is_random:
        if checkpoint is not None:
            raise UsageError(f"embedder {name.name} has random weights; leave --checkpoint out, or name real ones")
        return Weights(seed=int(name.pretrained.partition(":")[2]))
    if checkpoint is not None and not checkpoint.is_file():
        raise UsageError(f"--checkpoint {checkpoint} is no file")
    if checkpoint is None and name.pretrained == "local":
        raise UsageError(f"embedder {name.name} needs a file of weights; give --checkpoint FILE")
    file = checkpoint or _cached(name) or _fetched(name, download)
    return Weights(file, _hashed(file, str(name.pretrained_config.get("url") or "")))


def _cached(name: ModelName) -> Path | None:
    """The file in the Hub's cache (HF_HOME) or in open_clip's own."""
    hub = load_extra("huggingface_hub", "score")
    repository, files = _hub_files(name)
    for file in files if repository else []:
        found = hub.try_to_load_from_cache(repository, file)
        if isinstance(found, str):
            return Path(found)
    url = str(name.pretrained_config.get("url") or "")
    beside = Path.home() / ".cache" / "clip" / url.rpartition("/")[2]
    return beside if url and not repository and beside.is_file() else None


def _fetched(name: ModelName, download: bool) -> Path:
    repository, files = _hub_files(name)
    wanted = f"{files[0]} of the Hub repository {repository}" if repository else name.pretrained_config.get("url")
    remedy = f"bring {wanted} here and give --checkpoint FILE, or set HF_HOME to a cache that holds it"
    if not download:
        raise UsageError(f"weights of {name.name} are not on this machine; {remedy}")
    pretrained = load_extra("open_clip.pretrained", "score")
    try:
        with _quiet():
            return Path(pretrained.download_pretrained(name.pretrained_config))
    except Exception as fault:  # the Hub's client raises whatever its network layer does
        said = " ".join(str(fault).split())[-160:]
        raise UsageError(
            f"weights of {name.name} are not on this machine and cannot be fetched ({said}); {remedy}"
        ) from fault


def _hub_files(name: ModelName) -> tuple[str, list[str]]:
    repository, _, file = str(name.pretrained_config.get("hf_hub") or "").rpartition("/")
    return repository, [file] if file else list(_HUB_FILES)


def _hashed(file: Path, url: str) -> str:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    expected = _published_sha256(url) if url.rpartition("/")[2] == file.name else ""
    if not found.startswith(expected):
        raise UsageError(f"{file} has sha256 {found}, published is {expected}…; fetch it again")
    return found


def _published_sha256(url: str) -> str:
    """The beginning of the hash that open_clip's addresses carry: as a folder (OpenAI) or at the end of the name."""
    folder = re.search(r"/([0-9a-f]{64})/[^/]+$", url)
    ending = re.search(r"-([0-9a-f]{8,64})\.[a-z]+$", url)
    found = folder or ending
    return found.group(1) if found else ""


def load_model(name: ModelName, weights: Weights, device: str) -> Any:
    """The open_clip model on a device, float32, in evaluation mode.

    Raises:
        UsageError: the file is not safe to load, or not of this architecture.
    """
    open_clip, torch = load_extra("open_clip", "score"), load_extra("torch", "score")
    with _quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(weights.seed or 0)
        model = open_clip.create_model(name.model, pretrained=None, pretrained_text=False, precision="fp32")
        if weights.file is not None:
            _load_state(open_clip, model, weights.file, name.model)
    return model.eval().requires_grad_(False).to(device)


def _load_state(open_clip: Any, model: Any, file: Path, architecture: str) -> None:
    try:
        open_clip.load_checkpoint(model, str(file), strict=True, weights_only=True)
    except Exception as fault:  # torch, safetensors and open_clip each raise their own
        said = " ".join(str(fault).split())[:160]
        raise UsageError(
            f"{file} cannot be loaded safely as weights of {architecture} ({said}); a state dict of this architecture "
            "as .safetensors or .pt is needed, OpenAI's TorchScript files are not"
        ) from fault


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """open_clip logs every step, and that random weights are random; the Hub's client logs every retry."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
