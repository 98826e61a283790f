"""Draw with a trained model: picture and instruction to picture, the same for the same seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch

from ..manifests.errors import UsageError
from ..manifests.extras import load_extra
from ..manifests.images import RGB
from .batches import bucket_sizes, nearest_bucket
from .model import check_model, first_sentence, quiet_libraries
from .pictures import resized

_LATENTS: Final = 4
"""Channels of Stable Diffusion's latents; what has so many is no picture to the pipeline, but latents."""


@dataclass(frozen=True, slots=True)
class EditOptions:
    """How to draw.

    Attributes:
        steps: of denoising.
        guidance: how much to listen to the instruction; 1 for no guidance of either kind, a third of the time.
        image_guidance: how much to listen to the picture.
        seed: with a picture's key, decides its noise.
        batch_size: pictures at a time.
    """

    steps: int = 20
    guidance: float = 7.0
    image_guidance: float = 1.5
    seed: int = 0
    batch_size: int = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What to draw.

    Attributes:
        key: decides the noise, with the seed; usually the row's id or the file's name.
        picture: (H, W, 3) uint8.
        instruction: what to do with it.
        from_words: whether the model is shown no picture, as in text to image; its size counts all the same.
    """

    key: str
    picture: RGB
    instruction: str
    from_words: bool = False

    @classmethod
    def of_row(cls, row: Mapping[str, Any], picture: RGB) -> Request:
        """What a dataset's row asks for, shown as in training."""
        return cls(row["id"], picture, row["edit_prompt"], json.loads(row["params"]).get("text_to_image") is True)


@dataclass(frozen=True)
class Artist:
    """A model that draws. resolution, aspect, usual: of the run that trained it."""

    pipeline: Any
    resolution: int
    aspect: str
    usual: EditOptions = EditOptions()

    @classmethod
    def load(cls, model: str, device: str = "auto", precision: str = "auto", resolution: int = 0) -> Artist:
        """Load a model in diffusers' form.

        Args:
            model: folder of a run, any folder of an InstructPix2Pix model, or a Hub id.
            device: auto, cpu, cuda, cuda:1 …
            precision: auto (float16 on CUDA), float32, float16 or bfloat16.
            resolution: as in training, pixels; 0 for what the run or the model says.

        Raises:
            UsageError: it cannot be loaded, or there is no such device or precision.
        """
        diffusers = load_extra("diffusers", "train")
        quiet_libraries()
        place = _device(device)
        dtypes = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
        dtypes["auto"] = torch.float16 if place.startswith("cuda") else torch.float32
        if precision not in dtypes:
            raise UsageError(f"precision {precision!r} is none of {', '.join(sorted(dtypes))}")
        check_model(model, "model")
        try:
            pipeline = diffusers.StableDiffusionInstructPix2PixPipeline.from_pretrained(
                model, dtype=dtypes[precision], safety_checker=None, requires_safety_checker=False
            ).to(place)
        except (OSError, ValueError, TypeError, RuntimeError) as fault:
            raise UsageError(
                f"model {model!r} cannot be loaded on {place}: {first_sentence(fault)}; give the folder of a finished "
                "taskpaint train"
            ) from fault
        trained = _run_settings(Path(model))
        size = int(pipeline.unet.config.sample_size * pipeline.vae_scale_factor)
        names = {"steps": "sampling_steps", "guidance": "guidance", "image_guidance": "image_guidance"}
        usual = EditOptions(**{ours: trained[theirs] for ours, theirs in names.items() if theirs in trained})
        return cls(pipeline, resolution or trained.get("resolution", size), trained.get("aspect", "buckets"), usual)

    def options(self, **changes: Any) -> EditOptions:
        """How the run that trained it drew, with changes; None changes nothing."""
        return replace(self.usual, **{name: value for name, value in changes.items() if value is not None})

    @property
    def multiple(self) -> int:
        """Sides must be multiples of this, pixels."""
        return int(self.pipeline.vae_scale_factor * 2 ** (len(self.pipeline.unet.config.block_out_channels) - 1))

    def draw(self, requests: Sequence[Request], options: EditOptions) -> Iterator[tuple[Request, RGB]]:
        """Draw all; each drawing has the size of its picture. Pictures of one shape are drawn together, so the order
        is not that of the requests.
        """
        self.pipeline.set_progress_bar_config(disable=True)
        buckets = bucket_sizes(self.resolution, self.multiple, self.aspect)
        sizes = np.array([request.picture.shape[1::-1] for request in requests], np.int32).reshape(-1, 2)
        chosen = nearest_bucket(sizes, buckets)
        blank = np.array([request.from_words for request in requests], bool)
        for bucket, from_words in sorted(set(zip(chosen.tolist(), blank.tolist(), strict=True))):
            alike = (chosen == bucket) & (blank == from_words)
            mine = [requests[number] for number in np.flatnonzero(alike).tolist()]
            for first in range(0, len(mine), options.batch_size):
                some = mine[first : first + options.batch_size]
                for request, drawn in zip(some, self._draw(some, buckets[bucket], options), strict=True):
                    width, height = request.picture.shape[1::-1]
                    yield request, np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR))

    @torch.no_grad()
    def _draw(self, requests: Sequence[Request], size_wh: tuple[int, int], options: EditOptions) -> list[RGB]:
        if requests[0].from_words:
            stacked = self._nothing(len(requests), size_wh)
        else:
            pictures = [resized(request.picture, size_wh, flat=False) for request in requests]
            stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        drawn = self.pipeline(
            prompt=[request.instruction for request in requests],
            image=stacked,
            num_inference_steps=options.steps,
            guidance_scale=options.guidance,
            image_guidance_scale=options.image_guidance,
            generator=[_generator(options.seed, request.key) for request in requests],
            output_type="np",
        ).images
        return list(np.rint(drawn * 255).astype(np.uint8))

    def _nothing(self, count: int, size_wh: tuple[int, int]) -> torch.Tensor:
        """What shows a model no picture: latents of zero, as in training."""
        width, height = size_wh
        if self.pipeline.vae.config.latent_channels == _LATENTS:
            scale = self.pipeline.vae_scale_factor
            return torch.zeros(count, _LATENTS, height // scale, width // scale)
        return torch.full(
            (count, 3, height, width), 0.5
        )  # of the preset's autoencoder, which is the identity on [-1, 1]


def _device(name: str) -> str:
    """What torch calls it; "auto" is the first GPU, or else the CPU.

    Raises:
        UsageError: there is none.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = ["cpu", *(["cuda"] if count else []), *(f"cuda:{number}" for number in range(count))]
    if name != "auto" and name not in there:
        raise UsageError(f"there is no device {name!r}; there are: auto, {', '.join(there)}")
    return ("cuda" if count else "cpu") if name == "auto" else name


def _generator(seed: int, key: str) -> torch.Generator:
    """On the CPU, so that every device draws from the same noise, whatever else is in the batch."""
    digest = hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def _run_settings(folder: Path) -> dict[str, Any]:
    """What the run that made a model was told; nothing for models from elsewhere."""
    try:
        found = json.loads((folder / "settings.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
