"""Pictures of a run: stored once under a name that follows from their content and tells nothing else."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..manifests.folder import write_bytes
from ..manifests.images import RGB, decode_rgb, read_header
from ..manifests.triplet import image_suffix


def store_file(run: Path, data: bytes) -> str:
    """Store an encoded picture; forms that a dataset cannot hold become PNG.

    Returns:
        Its path relative to the run.

    Raises:
        BadItem: it is no picture, or broken.
        OSError: it cannot be written.
    """
    header = read_header(data)
    pixels = decode_rgb(data, header)
    return _store(run, data if header.passable else png(pixels))


def store_pixels(run: Path, pixels: RGB) -> str:
    """Store (H, W, 3) uint8 pixels as PNG; returns the path relative to the run.

    Raises:
        OSError: it cannot be written.
    """
    return _store(run, png(pixels))


def png(pixels: RGB) -> bytes:
    """Lossless PNG of (H, W, 3) uint8."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def _store(run: Path, data: bytes) -> str:
    name = f"images/{hashlib.blake2b(data, digest_size=16).hexdigest()}.{image_suffix(data)}"
    file = run / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, data)
    return name
