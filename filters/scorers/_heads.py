"""Small heads on CLIP embeddings: read from a file of weights, computed in float32."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from ...manifests.extras import load_extra
from ..scorer import Embedder, Vectors

Array = NDArray[np.float32]

_MOST_BYTES: Final = 256 * 2**20
"""No head is larger; a backbone given by mistake is refused before it is read."""
_PREFIXES: Final = ("module.", "model.")


@dataclass(frozen=True)
class Head:
    """Linear layers one after another, with or without a ReLU between them.

    Attributes:
        file, sha256: where the weights come from.
        layers: weight (outputs, inputs) and bias (outputs,) of each, float32.
        relu: whether a ReLU stands between them.
    """

    file: Path
    sha256: str
    layers: tuple[tuple[Array, Array], ...]
    relu: bool

    @property
    def dim(self) -> int:
        """Length of the vectors it takes."""
        return int(self.layers[0][0].shape[1])

    def check_embedder(self, embedder: Embedder) -> None:
        """Refuse an embedder whose vectors have another length.

        Raises:
            UsageError: they have.
        """
        if embedder.dim != self.dim:
            raise UsageError(
                f"head {self.file} takes vectors of length {self.dim}, {embedder.name} makes them of length "
                f"{embedder.dim}; choose a head for this embedder, or the head's embedder"
            )

    @property
    def outputs(self) -> int:
        """Numbers it gives for a vector."""
        return int(self.layers[-1][0].shape[0])

    @property
    def identity(self) -> dict[str, Any]:
        """For the sidecar."""
        return {"head": self.file.name, "sha256": self.sha256, "layers": len(self.layers), "relu": self.relu}

    def __call__(self, vectors: Vectors) -> Array:
        """(n, dim) float32 -> (n, outputs) float32. The vectors are taken as they are."""
        found: Array = np.asarray(vectors, np.float32)
        for position, (weight, bias) in enumerate(self.layers):
            found = found @ weight.T + bias
            if self.relu and position < len(self.layers) - 1:
                np.maximum(found, 0, out=found)
        return found


def read_head(file: Path, relu: bool | None = None) -> Head:
    """Read a head: a state dict of `weight` and `bias`, or of `layers.N.weight` and `layers.N.bias`.

    Dropout and ReLU have no weights, so that the numbers N have gaps. LAION's heads put dropout between all layers
    but the last two (0, 2, 4, 6, 7) and, in their ReLU form, a ReLU after each as well (0, 3, 6, 9, 11).

    Args:
        file: .pth, .pt or .safetensors.
        relu: whether a ReLU stands between the layers; None to tell it from LAION's numbers.

    Raises:
        UsageError: no such file, one that is not safe to load, or whose tensors are no such head.
    """
    if not file.is_file():
        raise UsageError(f"head {file} is not there; put the file of its weights in that place, or name another")
    if file.stat().st_size > _MOST_BYTES:
        raise UsageError(f"{file} has {file.stat().st_size:,} bytes, too many for a head; is it a backbone?")
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    numbered = _layers(_state(file), file)
    numbers = tuple(numbered)
    if relu is None:
        relu = _has_relu(numbers, file)
    layers = tuple(numbered.values())
    for number, (before, after) in zip(numbers[1:], pairwise(layers), strict=True):
        if after[0].shape[1] != before[0].shape[0]:
            raise UsageError(
                f"{file}: layer {number} takes {after[0].shape[1]} numbers, the one before gives {before[0].shape[0]}"
            )
    return Head(file, sha256, layers, relu)


def _state(file: Path) -> dict[str, Any]:
    torch = load_extra("torch", "score")
    try:
        if file.suffix == ".safetensors":
            state = load_extra("safetensors.torch", "score").load_file(str(file), device="cpu")
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError, zipfile.BadZipFile) as fault:
        said = " ".join(str(fault).split())[:120]
        raise UsageError(f"{file} cannot be loaded safely as weights ({said}); it must hold tensors alone") from fault
    except Exception as fault:
        if type(fault).__module__.partition(".")[0] not in ("safetensors", "safetensors_rust"):
            raise
        raise UsageError(f"{file} is no .safetensors file ({fault})") from fault
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UsageError(f"{file} holds no tensors by name; a state dict of linear layers is needed")
    return state


def _layers(state: dict[str, Any], file: Path) -> dict[int, tuple[Array, Array]]:
    """Number -> weight and bias, in the order of the numbers."""
    tensors: dict[int, dict[str, Array]] = {}
    for name, tensor in state.items():
        number, kind = _number(name), name.rpartition(".")[2]
        if number is None or kind not in ("weight", "bias"):
            raise UsageError(f"{file} holds {name!r}, which is no part of a head of linear layers")
        tensors.setdefault(number, {})[kind] = tensor.detach().float().numpy()
    found = {number: _layer(tensors[number], number, file) for number in sorted(tensors)}
    if not found:
        raise UsageError(f"{file} holds no tensors; a state dict of linear layers is needed")
    return found


def _number(name: str) -> int | None:
    """Position of a layer in its Sequential: "layers.4.weight" -> 4, "weight" -> 0."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    parts = name.split(".")[:-1]
    if not parts:
        return 0
    return int(parts[-1]) if parts[-1].isascii() and parts[-1].isdigit() and len(parts) <= 2 else None


def _layer(tensors: dict[str, Array], number: int, file: Path) -> tuple[Array, Array]:
    weight, bias = tensors.get("weight"), tensors.get("bias")
    if weight is None or weight.ndim != 2 or not weight.size:
        shape = "no weight" if weight is None else f"a weight of shape {weight.shape}"
        raise UsageError(f"{file}: layer {number} has {shape}; a matrix (outputs, inputs) is needed")
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    if bias.shape != weight.shape[:1]:
        raise UsageError(f"{file}: layer {number} has {len(weight)} outputs and a bias of shape {bias.shape}")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise UsageError(f"{file}: layer {number} holds NaN or infinity; fetch the file again")
    return weight, bias


def _has_relu(numbers: tuple[int, ...], file: Path) -> bool:
    if numbers in ((0,), (0, 2, 4, 6, 7)):
        return False
    if numbers == (0, 3, 6, 9, 11):
        return True
    raise UsageError(
        f"{file} has layers {', '.join(map(str, numbers))}, which do not tell whether a ReLU stands between them; say "
        "so with the option relu (true or false)"
    )


def unit_vectors(vectors: Vectors) -> Vectors:
    """(n, dim) -> (n, dim) float32 of length 1; a vector of zeros, which has no direction, becomes NaN."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (vectors / np.where(lengths > 0, lengths, np.nan)).astype(np.float32)
