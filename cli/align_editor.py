"""The included trainer's models as an editor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..alignment.draws import Draw
    from ..engines.align.generate import Edit
    from ..manifests.images import RGB


class ModelEditor:
    """A model that `taskpaint train` wrote, or any other InstructPix2Pix model in diffusers' form."""

    def __init__(self, model: str, device: str, precision: str, resolution: int, batch_size: int) -> None:
        """Load it.

        Raises:
            UsageError: it cannot be loaded.
        """
        from ..training.edit import Artist

        self._artist = Artist.load(model, device, precision, resolution)
        self._batch_size = batch_size
        self.identity: Mapping[str, Any] = {
            "model": Path(model).name if Path(model).exists() else model,
            "weights": _weights(Path(model)),
            "resolution": self._artist.resolution,
            "precision": precision,
            "batch_size": batch_size,
        }

    def edit(self, edits: Sequence[Edit], draw: Draw) -> list[RGB]:
        """Draw each edit; see `generate.Editor`."""
        from ..training.edit import EditOptions, Request

        options = EditOptions(draw.steps, draw.text_guidance, draw.image_guidance, draw.seed, self._batch_size)
        requests = [Request(one.key, one.picture, one.instruction) for one in edits]
        drawn = {request.key: picture for request, picture in self._artist.draw(requests, options)}
        return [drawn[one.key] for one in edits]


def _weights(model: Path) -> dict[str, str]:
    """Digests of the weights' files; of a model on the Hub its name says enough."""
    from ..writers.shards import file_sha256

    files = sorted([*model.rglob("*.safetensors"), *model.rglob("*.bin")]) if model.is_dir() else []
    return {str(file.relative_to(model)): file_sha256(file) for file in files if "checkpoints" not in file.parts}
