"""The command line: options become typed calls, nothing else."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `taskpaint` command."""
    from .app import run

    run()
