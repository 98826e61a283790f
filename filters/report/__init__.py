"""The report of a cut: one HTML file with its table, histograms, survival curves, scatters and examples."""

from __future__ import annotations

from .page import write_report

__all__ = ["write_report"]
