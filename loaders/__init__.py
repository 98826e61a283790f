"""A written dataset as training reads it: torch datasets, decoded and sized, by task, rank and worker."""

from __future__ import annotations

from .load import load

__all__ = ["load"]
