"""Scorers, one a file; the file is the registration."""
