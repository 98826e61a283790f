"""The gallery behind `taskpaint preview`: a sample of a dataset as one self-contained HTML page."""

from __future__ import annotations

from .build import GallerySummary, write_gallery

__all__ = ["GallerySummary", "write_gallery"]
