"""Metric depth as colours: colormaps, curves, storage, and what follows from depth."""
