"""Embedders: what turns pictures into vectors; one kind, one file."""
