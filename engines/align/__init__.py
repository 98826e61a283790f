"""Alignment beyond the page: making edits, scoring them, turning what was chosen into datasets."""
