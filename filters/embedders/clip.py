"""Embedder: CLIP through open_clip, any of its models, pictures and texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...manifests.errors import UsageError
from ...manifests.extras import load_extra
from ...manifests.images import RGB
from ..scorer import Embedder, Vectors
from ._clip_weights import ModelName, find_weights, load_model

Precision = Literal["float32", "bfloat16"]

_OPENAI_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_OPENAI_STD: Final = (0.26862954, 0.26130258, 0.27577711)
"""Of pixels in [0, 1]; from OpenAI's CLIP, used where the weights do not say otherwise."""

_FILTERS: Final = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


class ClipEmbedder(Embedder):
    """An open_clip model with its own preprocessing.

    Args:
        name: MODEL/PRETRAINED; PRETRAINED may be "random:SEED", or "local" with a checkpoint.
        checkpoint: a local file of the weights.
        precision: of the backbone; "bfloat16" is autocast, the vectors come out as float32 all the same.
        download: whether weights that are not on this machine may be fetched.

    Raises:
        UsageError: no such model, weights that are not there, or a checkpoint that does not match its hash.
    """

    has_text = True

    def __init__(
        self,
        name: str,
        checkpoint: Path | None = None,
        precision: Precision = "float32",
        *,
        download: bool = True,
    ) -> None:
        self._model_name = ModelName.parse(name)
        self._weights = find_weights(self._model_name, checkpoint, download)
        self._precision = precision
        self.name = self._model_name.name
        self.dim = int(self._model_name.config["embed_dim"])
        config = self._model_name.pretrained_config
        self.size_px = int(self._model_name.config["vision_cfg"]["image_size"])
        self._mean = tuple(config.get("mean") or _OPENAI_MEAN)
        self._std = tuple(config.get("std") or _OPENAI_STD)
        self._filter = str(config.get("interpolation") or "bicubic")
        self._resize = str(config.get("resize_mode") or "shortest")
        if self._filter not in _FILTERS or self._resize not in ("shortest", "squash"):
            raise UsageError(f"{self.name} wants its pictures {self._filter} {self._resize}, which is not known here")
        self.identity: Mapping[str, Any] = self._identify()
        self.caution = "random weights: its vectors mean nothing" if self._model_name.is_random else ""
        self._models: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Workers that decode get no model."""
        return {**vars(self), "_models": {}}

    def _identify(self) -> dict[str, Any]:
        preprocessing = {
            "size_px": self.size_px,
            "resize": self._resize,
            "filter": self._filter,
            "mean": list(self._mean),
            "std": list(self._std),
        }
        identity = {"name": self.name, "precision": self._precision, "preprocessing": preprocessing}
        if self._weights.file is None:  # what a seed makes may change with the library
            return {**identity, "torch": str(load_extra("torch", "score").__version__)}
        return {**identity, "sha256": self._weights.sha256}

    def prepare(self, image: RGB) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 -> (size_px, size_px, 3) uint8, as open_clip's transform has it before its ToTensor."""
        picture, size = Image.fromarray(image), self.size_px
        if self._resize == "squash":
            return np.asarray(_resized(picture, size, size, self._filter))
        width, height = picture.size
        short, long = min(width, height), max(width, height)
        other = int(size * long / short)
        width, height = (size, other) if width <= height else (other, size)
        picture = _resized(picture, width, height, self._filter)
        left, top = round((width - size) / 2.0), round((height - size) / 2.0)
        return np.asarray(picture.crop((left, top, left + size, top + size)))

    def open(self, device: str) -> Callable[[NDArray[Any]], Vectors]:
        """Load the weights; returns the function from (n, size_px, size_px, 3) uint8 to (n, dim) float32."""
        torch = load_extra("torch", "score")
        model = self._model(device)
        mean, std = (torch.tensor(value, device=device).view(1, 3, 1, 1) for value in (self._mean, self._std))

        def embed(prepared: NDArray[Any]) -> Vectors:
            pixels = torch.from_numpy(np.require(prepared, requirements=("C", "W")))
            if device.startswith("cuda"):  # from pinned memory the copy does not wait for the batch before
                pixels = pixels.pin_memory().to(device, non_blocking=True)
            pixels = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
            pixels = pixels.div_(255).sub_(mean).div_(std)  # (n, 3, size_px, size_px)
            with torch.inference_mode(), self._autocast(torch, device):
                found = model.encode_image(pixels)
            return found.float().cpu().numpy()

        return embed

    def open_text(self, device: str) -> Callable[[Sequence[str]], Vectors]:
        """Load weights and tokenizer; returns the function from n texts to (n, dim) float32.

        A text that is longer than the model's context is cut off at its end.
        """
        torch, open_clip = load_extra("torch", "score"), load_extra("open_clip", "score")
        model = self._model(device)
        try:
            tokenizer = open_clip.get_tokenizer(self._model_name.model)
        except Exception as fault:  # tokenizers of other projects are fetched from the Hub
            said = " ".join(str(fault).split())[:120]
            raise UsageError(
                f"the tokenizer of {self._model_name.model} cannot be had ({said}); set HF_HOME to a cache that holds "
                "it, or leave the scores of captions out"
            ) from fault

        def embed(texts: Sequence[str]) -> Vectors:
            tokens = tokenizer(list(texts)).to(device)
            with torch.inference_mode(), self._autocast(torch, device):
                found = model.encode_text(tokens)
            return found.float().cpu().numpy()

        return embed

    def _model(self, device: str) -> Any:
        if device not in self._models:
            if device.startswith("cuda") and self._precision == "float32":
                load_extra("torch", "score").backends.cudnn.allow_tf32 = False  # else the patches lose 13 bits
            self._models[device] = load_model(self._model_name, self._weights, device)
        return self._models[device]

    def _autocast(self, torch: Any, device: str) -> Any:
        return torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=self._precision == "bfloat16")


def _resized(picture: Image.Image, width: int, height: int, resampling: str) -> Image.Image:
    if picture.size == (width, height):
        return picture
    return picture.resize((width, height), _FILTERS[resampling])
