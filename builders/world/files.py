"""Writing pictures and text so that the same input gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_jpeg(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 as JPEG, quality 95 with full colour resolution."""
    Image.fromarray(rgb).save(path, "JPEG", quality=95, subsampling=0)


def write_png(path: Path, values: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write (H, W) uint8 as an L, or uint16 as an I;16 PNG."""
    Image.fromarray(values).save(path, "PNG")


def write_json(path: Path, value: Any) -> None:
    """Write JSON on one line, as COCO's files are."""
    path.write_text(json.dumps(value), encoding="utf-8")


def write_lines(path: Path, lines: list[str]) -> None:
    """Write lines of text, each ended by a newline."""
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
