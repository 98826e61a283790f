"""taskpaint: vision datasets become (instruction, source image, target image) triplets."""

from __future__ import annotations

from .loaders import load

__all__ = ["__version__", "load"]

__version__ = "0.1.0"
