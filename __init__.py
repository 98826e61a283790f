"""taskpaint: vision datasets become (instruction, source image, target image) triplets."""

from __future__ import annotations

__version__ = "0.1.0"
