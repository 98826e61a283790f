"""Scoring a dataset: what is in it, embeddings once, measures of pixels, scores in parts, and their joining."""
