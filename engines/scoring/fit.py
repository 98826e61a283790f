"""Running a model in batches that fit into memory: it starts with a size, and out-of-memory halves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ...filters.scorer import Vectors
from ...manifests.errors import BuildError
from ...manifests.extras import load_extra

_MOST: Final = 256
"""Pictures; more do not make a large accelerator faster."""
_ON_CPU: Final = 16
_PROBE: Final = (4, 12)
_SHARE_OF_FREE: Final = 0.7


class FittedModel:
    """A function of stacks, run in pieces that fit.

    Args:
        run: (n, …) -> (n, dim) float32; any sequence that can be sliced will do for n things.
        device: "cpu", "cuda:0" …
        size: most things at a time.
    """

    def __init__(self, run: Callable[[Any], Vectors], device: str, size: int) -> None:
        self._run, self._device = run, device
        self.size = size

    def __call__(self, stack: Any) -> Vectors:
        """Vectors of a stack of any length, not 0.

        Raises:
            BuildError: the memory does not hold even one.
        """
        found, start = [], 0
        while start < len(stack):
            piece = stack[start : start + self.size]
            vectors = self._attempt(piece)
            if vectors is None:
                self._shrink(len(piece))
            else:
                found.append(vectors)
                start += len(piece)
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _attempt(self, piece: Any) -> Vectors | None:
        """None when the memory is too small; nothing of the failed attempt is held after this returns."""
        try:
            return self._run(piece)
        except (RuntimeError, MemoryError) as fault:
            if not is_out_of_memory(fault):
                raise
            return None

    def _shrink(self, size: int) -> None:
        if size <= 1:
            raise BuildError(
                f"{self._device} has too little memory for this embedder, even one picture at a time; free some, or "
                "choose a smaller embedder or another --device"
            )
        self.size = min(self.size, size // 2)
        if self._device.startswith("cuda"):
            load_extra("torch", "score").cuda.empty_cache()


def is_out_of_memory(fault: BaseException) -> bool:
    """Whether an error says that memory ran out, on an accelerator or on the host."""
    said = str(fault)
    return (
        isinstance(fault, MemoryError)
        or type(fault).__name__ == "OutOfMemoryError"  # torch's, which is not imported for embedders without weights
        or "can't allocate memory" in said
        or "CUBLAS_STATUS_ALLOC_FAILED" in said
    )


def fitting_size(run: Callable[[Any], Vectors], sample: Any, device: str) -> int:
    """How many pictures fit, from what two small batches take; on a CPU a size that is quick.

    Args:
        run: the embedder's function.
        sample: one prepared picture.
        device: where it runs.
    """
    if not device.startswith("cuda"):
        return _ON_CPU
    torch = load_extra("torch", "score")
    peaks = []
    for count in _PROBE:
        torch.cuda.reset_peak_memory_stats(device)
        run(np.repeat(sample[None], count, axis=0))
        peaks.append(torch.cuda.max_memory_allocated(device))
    each = max((peaks[1] - peaks[0]) / (_PROBE[1] - _PROBE[0]), 1.0)
    free, _ = torch.cuda.mem_get_info(device)
    fits = int(_SHARE_OF_FREE * free / each)
    return max(1, min(_MOST, 2 ** max(fits.bit_length() - 1, 0)))
