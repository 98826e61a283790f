"""LPIPS, the learned distance of pictures, for restored and edited ones; only where its weights are at hand."""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from ...manifests.errors import UsageError
from ...manifests.images import RGB

BACKBONE_FILE: Final = "alexnet-owt-7be5be79.pth"
"""torchvision's AlexNet; its name ends in the first digits of its SHA-256."""
HEADS_FILE: Final = "alex.pth"
"""The learned weights of its channels, version 0.1, as the package lpips brings them."""
_LAYERS: Final = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
"""Channels in and out, kernel, stride and padding of AlexNet's convolutions."""
_NUMBERS: Final = (0, 3, 6, 8, 10)
"""Their places in torchvision's state dict; a maximum over 3 x 3 pixels stands before the second and the third."""
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_LEAST_SIDE: Final = 32


def find_weights(folder: Path | None) -> tuple[Path, Path] | None:
    """Files of the backbone and of the heads; None where one is missing. Nothing is ever fetched.

    Args:
        folder: that holds both; None to look where torchvision and the package lpips keep them.

    Raises:
        UsageError: the folder lacks one.
    """
    if folder is not None:
        for name in (BACKBONE_FILE, HEADS_FILE):
            if not (folder / name).is_file():
                raise UsageError(
                    f"{folder} lacks {name}; LPIPS needs {BACKBONE_FILE} of torchvision and {HEADS_FILE} (v0.1) of "
                    "the package lpips"
                )
        return folder / BACKBONE_FILE, folder / HEADS_FILE
    spec = importlib.util.find_spec("lpips")
    heads = Path(spec.origin).parent / "weights" / "v0.1" / HEADS_FILE if spec and spec.origin else Path(HEADS_FILE)
    backbone = Path(torch.hub.get_dir()) / "checkpoints" / BACKBONE_FILE
    return (backbone, heads) if backbone.is_file() and heads.is_file() else None


class Lpips:
    """Distance of the drawn picture and the target: 0 for equal ones; lower is better.

    Of each of five layers of AlexNet, features of unit length, their squared differences weighted by channel, the
    mean over the picture; then the sum (Zhang et al. 2018, version 0.1). NaN for sides under 32 pixels.
    """

    tasks = frozenset(["restoration", "inpainting", "inverse", "edit"])

    def __init__(self, backbone: Path, heads: Path, device: str = "cpu") -> None:
        digest = hashlib.sha256(backbone.read_bytes()).hexdigest()
        if not digest.startswith(backbone.stem.rpartition("-")[2]):
            raise UsageError(f"{backbone} is damaged: its SHA-256 begins with {digest[:8]}; fetch it again")
        features, weights = _tensors(backbone), _tensors(heads)
        self._convolutions = [nn.Conv2d(*layer).to(device).requires_grad_(False) for layer in _LAYERS]
        try:
            for number, convolution in zip(_NUMBERS, self._convolutions, strict=True):
                convolution.weight.copy_(features[f"features.{number}.weight"])
                assert convolution.bias is not None
                convolution.bias.copy_(features[f"features.{number}.bias"])
            found = [weights[f"lin{layer}.model.1.weight"] for layer in range(len(_LAYERS))]
            self._heads = [weight.reshape(1, layer[1], 1, 1).to(device) for weight, layer in zip(found, _LAYERS)]  # noqa: B905
        except (KeyError, RuntimeError) as fault:
            raise UsageError(f"{backbone} and {heads} are no weights of LPIPS with AlexNet: {fault}") from fault
        self._device = device

    @torch.inference_mode()
    def __call__(self, row: Mapping[str, Any], source: RGB, target: RGB, drawn: RGB) -> dict[str, float]:
        """Of one row: `lpips`."""
        if min(drawn.shape[:2]) < _LEAST_SIDE:
            return {"lpips": float("nan")}
        pixels = torch.from_numpy(np.stack([drawn, target])).permute(0, 3, 1, 2).to(self._device).float() / 127.5 - 1
        shift, scale = (torch.tensor(three, device=self._device).view(1, 3, 1, 1) for three in (_SHIFT, _SCALE))
        features, total = (pixels - shift) / scale, 0.0
        for layer, (convolution, weight) in enumerate(zip(self._convolutions, self._heads, strict=True)):
            if layer in (1, 2):
                features = nn.functional.max_pool2d(features, 3, 2)
            features = convolution(features).relu()
            first, second = features / (features.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
            total += float(((first - second).square() * weight[0]).sum(dim=0).mean())
        return {"lpips": total}


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as fault:
        raise UsageError(f"{file} cannot be loaded safely as weights: {str(fault).partition(chr(10))[0]}") from fault
    if not isinstance(state, dict):
        raise UsageError(f"{file} holds no tensors by name")
    return state
