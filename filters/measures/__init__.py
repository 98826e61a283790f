"""Measures of a pair's pixels, which need no weights: one measure, one file; its module has its name."""
